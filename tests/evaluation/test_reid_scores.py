import dataclasses
import warnings
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from retrieval_cases import MANY, SMALL, SMALL_DISTANCES, check, market_like, retrieval_cases, score_each_query

from assignment_lib import environment
from assignment_lib.evaluation.protocol import average_precision
from assignment_lib.evaluation.reid_scores import (
    list_details,
    list_scores,
    mean_scores,
    reid_scores,
    reid_scores_from_distances,
    reid_scores_within,
)

BLOCKS = st.sampled_from([1, 3, 64])  # queries per block


def with_block(size, function, *arguments, **keywords):
    module = "assignment_lib.evaluation.reid_scores"
    with mock.patch(f"{module}._BLOCK_QUERIES", size), mock.patch(f"{module}._BLOCK_SIMILARITIES", 1):
        return function(*arguments, **keywords)


@MANY
@given(case=retrieval_cases(), block=BLOCKS)
def test_scores_equal_the_reference(case, block):
    labels = {name: value for name, value in case.items() if name.endswith(("ids", "cameras"))}
    expected = score_each_query(case["query"] @ case["gallery"].T, **labels)
    if expected.empty:
        with pytest.raises(ValueError, match="no query has a true match"):
            reid_scores(**case)
        return
    scores = with_block(block, reid_scores, **case)
    check(scores, expected, len(case["query"]), len(case["gallery"]))
    distances = 1 - case["query"] @ case["gallery"].T
    again = with_block(block, reid_scores_from_distances, distances, **labels)
    check(again, expected, len(case["query"]), len(case["gallery"]))
    np.testing.assert_array_equal(distances, 1 - case["query"] @ case["gallery"].T)  # not modified


@MANY
@given(case=retrieval_cases(most=50), block=BLOCKS)
def test_scores_within_a_split_exclude_the_query_itself(case, block):
    embeddings, ids = case["gallery"], case["gallery_ids"]
    expected = {}
    for row in range(len(ids)):
        others = np.arange(len(ids)) != row
        similarity = embeddings[row : row + 1] @ embeddings[others].T
        for ap in score_each_query(similarity, ids[row : row + 1], ids[others], None, None)["ap"]:
            expected[row] = ap
    if not expected:
        with pytest.raises(ValueError, match="no query has a true match"):
            reid_scores_within(embeddings, ids)
        return
    scores = with_block(block, reid_scores_within, embeddings, ids)
    assert np.flatnonzero(scores.valid).tolist() == list(expected)
    np.testing.assert_allclose(scores.ap, list(expected.values()), rtol=1e-12)


def test_scores_by_hand():
    scores = reid_scores_from_distances(SMALL_DISTANCES, **SMALL)
    assert scores.valid.tolist() == [True, True, False, False]
    np.testing.assert_allclose(scores.ap, [(1 / 1 + 2 / 3) / 2, 1 / 2])
    np.testing.assert_allclose(scores.inp, [2 / 3, 1 / 2])
    assert scores.mAP == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert scores.mINP == pytest.approx(7 / 12)
    assert (scores.rank1, scores.rank5) == (0.5, 1.0) and scores.first.tolist() == [1, 2]
    assert scores.cmc.tolist() == [0.5, 1, 1, 1, 1, 1, 1]
    plain = scores.as_dict()
    assert list(plain) == ["mAP", "mINP", "rank1", "rank5", "rank10", "rank20", "valid_queries", "queries"]
    assert (plain["mAP"], plain["valid_queries"], plain["queries"]) == (scores.mAP, 2, 4)
    assert {type(value) for value in plain.values()} == {float, int}


def test_equal_distances_keep_the_order_of_the_gallery_and_id_0_is_a_person_if_a_query_has_it():
    scores = reid_scores_from_distances(np.zeros((3, 5)), [1, 2, 0], [2, 1, 1, 2, 0], None, None)
    np.testing.assert_allclose(scores.ap, [(1 / 2 + 2 / 3) / 2, (1 / 1 + 2 / 4) / 2, 1 / 5])


def test_edge_cases_file():
    path = environment.PROJECT_ROOT.parent / "shared" / "eval" / "edge_cases.npz"
    if not path.exists():
        pytest.skip(f"{path} comes with the development tree only")
    case = np.load(path)
    names = ("distmat", "q_pids", "g_pids", "q_camids", "g_camids")
    scores = reid_scores_from_distances(*(case[name] for name in names))
    assert scores.mAP == pytest.approx(0.641414, abs=1e-6)
    assert scores.mINP == pytest.approx(0.616162, abs=1e-6)
    assert scores.rank1 == pytest.approx(1 / 3)
    assert (scores.valid_queries, len(scores.valid)) == (3, 5)


def assert_equal_scores(one, other):
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_tensors_lists_and_read_only_arrays_give_equal_scores():
    case = market_like()
    expected = reid_scores(**case)
    lists = {name: value if name in ("query", "gallery") else value.tolist() for name, value in case.items()}
    with torch.inference_mode():
        in_inference_mode = case | {"query": torch.tensor(case["query"]), "gallery": torch.tensor(case["gallery"])}
    needs_gradient = case | {"gallery": torch.tensor(case["gallery"], requires_grad=True)}
    for value in case.values():
        value.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for arguments in (case, lists, in_inference_mode, needs_gradient):
            assert_equal_scores(reid_scores(**arguments), expected)
        reid_scores_within(case["gallery"], case["gallery_ids"])
    assert_equal_scores(reid_scores(**{name: torch.tensor(value) for name, value in case.items()}), expected)


def naive_list_scores(lists, query_ids, gallery_ids, query_cameras, gallery_cameras):
    aps, first, right, returned, wanted = [], [], 0, 0, 0
    for places, pid, camera in zip(lists, query_ids, query_cameras, strict=True):
        views = list(zip(gallery_ids, gallery_cameras, strict=True))
        counted = [i for i, view in enumerate(views) if view[0] != -1 and view != (pid, camera)]
        true = [i for i in counted if gallery_ids[i] == pid]
        if not true:
            continue
        listed = [i for i in places if i in counted]
        precisions = [sum(j in true for j in listed[: n + 1]) / (n + 1) for n, i in enumerate(listed) if i in true]
        aps.append(sum(precisions) / len(true))
        first.append(bool(listed) and listed[0] in true)
        right, returned, wanted = right + len(precisions), returned + len(listed), wanted + len(true)
    return np.mean(aps), np.mean(first), right / max(1, returned), right / wanted, returned / len(aps)


@MANY
@given(st.integers(0, 2**31))
def test_list_scores_equal_a_naive_reference(seed):
    random = np.random.default_rng(seed)
    labels = [random.integers(*span) for span in ((-1, 4, 5), (-1, 4, 20), (1, 3, 5), (1, 3, 20))]
    labels[0][0], labels[1][0], labels[2][0], labels[3][0] = 2, 2, 1, 2  # one query at least is valid
    lists = [random.permutation(20)[: random.integers(0, 21)] for _ in range(5)]
    scores = list_scores([torch.from_numpy(places) for places in lists], *labels)
    expected = naive_list_scores([places.tolist() for places in lists], *labels)
    assert [scores[name] for name in ("mAP", "rank1", "precision", "recall", "length")] == pytest.approx(expected)
    total = scores["precision"] + scores["recall"]
    assert scores["f1"] == pytest.approx(2 * scores["precision"] * scores["recall"] / total if total else 0)


@pytest.mark.parametrize(("lists", "query_ids"), [([[0]], [2]), ([], [])])
def test_lists_without_a_valid_query(lists, query_ids):
    with pytest.raises(ValueError, match="no query has a true match"):
        list_scores(lists, query_ids, [1], None, None)


@pytest.mark.parametrize("places", [[0, 0, 0], [-1], [2]])
def test_lists_that_repeat_an_image_or_name_none(places):
    with pytest.raises(ValueError, match="name each image once"):
        list_scores([places], [1], [1, 2], None, None)


def test_list_details_by_hand():
    # the query is person 1 of camera 1; its first list: wrong · match · same camera · junk · distractor · match
    gallery_ids, gallery_cameras = np.array([2, 1, 1, -1, 0, 1, 1]), np.array([2, 2, 1, 3, 3, 3, 4])
    lists = [np.arange(6), np.array([], np.int64), np.array([0]), np.array([2, 3, 0])]
    query_ids, query_cameras = np.array([1, 1, 1, 7]), np.array([1, 1, 1, 1])
    details = list_details(lists, query_ids, gallery_ids, query_cameras, gallery_cameras)
    first = {"valid": True, "ap": (1 / 2 + 2 / 4) / 3, "first": 2, "found": 2, "missed": 1, "wrong": 2, "ignored": 2}
    assert details.iloc[0].to_dict() == first | {"length": 4}
    assert details["valid"].tolist() == [True, True, True, False]
    assert details["ap"].tolist()[1:3] == [0, 0] and details["ap"].isna().tolist() == [False, False, False, True]
    assert details["first"].isna().tolist() == [False, True, True, True]
    assert details["missed"].tolist() == [1, 3, 3, 0] and details["wrong"].tolist() == [2, 0, 1, 2]
    scores = mean_scores(details)
    assert scores == list_scores(lists, query_ids, gallery_ids, query_cameras, gallery_cameras)
    expected = {"mAP": 1 / 9, "rank1": 0, "precision": 2 / 5, "recall": 2 / 9, "f1": 4 / 14, "length": 5 / 3}
    assert scores == pytest.approx(expected)


def test_course_scores_by_hand():
    # relevant are all three images of person 1; junk is wrong; the query of unknown identity is not scored
    gallery_ids, lists = np.array([1, -1, 1, 2, 1]), [[0, 1, 2], [3], [1]]
    labels = np.array([1, 2, -1]), gallery_ids, np.array([1, 1, 1]), np.array([1, 1, 2, 1, 2])
    scores = list_scores(lists, *labels, course=True)
    assert scores["mAP"] == pytest.approx(((1 / 1 + 2 / 3) / 3 + 1) / 2) and scores["rank1"] == 1
    assert (scores["precision"], scores["recall"], scores["length"]) == pytest.approx((3 / 4, 3 / 4, 2))
    longer = list_scores([[0, 1, 2, 3, 4], [3, 0], [1]], *labels, course=True)
    assert longer["mAP"] == pytest.approx((average_precision([True, False, True, False, True]) + 1) / 2)
