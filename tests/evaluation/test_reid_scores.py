import contextlib
import dataclasses
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from retrieval_cases import (
    CHUNKS,
    INTERPOLATIONS,
    MANY,
    SMALL,
    SMALL_DISTANCES,
    check,
    inner_settings,
    market_like,
    retrieval_cases,
    with_settings,
)
from sklearn import metrics as sklearn_metrics

from assignment_lib import environment
from assignment_lib.evaluation import blocks
from assignment_lib.evaluation.protocol import score_each_query
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_from_distances, reid_scores_within
from assignment_lib.evaluation.threshold_scores import threshold_scores


@MANY
@given(case=retrieval_cases(), inner=inner_settings(), interpolation=INTERPOLATIONS, chunk=CHUNKS)
def test_scores_are_the_reference_s(case, inner, interpolation, chunk):
    labels = {name: value for name, value in case.items() if name.endswith(("ids", "cameras"))}
    expected = score_each_query(case["query"] @ case["gallery"].T, **labels)
    if expected.empty:
        with pytest.raises(ValueError, match="no query has a true match"):
            with_settings(inner, reid_scores, **case, chunk=chunk)
        return
    scores = with_settings(inner, reid_scores, **case, interpolation=interpolation, chunk=chunk)
    check(scores, expected, len(case["query"]), len(case["gallery"]), interpolation)
    distances = 1 - case["query"] @ case["gallery"].T
    again = with_settings(
        inner, reid_scores_from_distances, distances, **labels, interpolation=interpolation, chunk=chunk
    )
    check(again, expected, len(case["query"]), len(case["gallery"]), interpolation)


@MANY
@given(case=retrieval_cases(most=50), inner=inner_settings(), chunk=CHUNKS)
def test_scores_within_a_split_leave_the_image_itself_out(case, inner, chunk):
    embeddings, ids, cameras = case["gallery"], case["gallery_ids"], case["gallery_cameras"]
    expected = score_each_query(embeddings @ embeddings.T, ids, ids, cameras, cameras, within=True)
    if expected.empty:
        with pytest.raises(ValueError, match="no query has a true match"):
            with_settings(inner, reid_scores_within, embeddings, ids, cameras, chunk=chunk)
        return
    scores = with_settings(inner, reid_scores_within, embeddings, ids, cameras, chunk=chunk)
    check(scores, expected, len(ids), len(ids), "step")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ordered", [True, False])
def test_long_galleries_are_counted_exactly(dtype, ordered):
    # Over 2,040 images before a match, so that a byte of the packed counts would overflow if it could.
    rng = np.random.default_rng(3)
    ids = rng.integers(-1, 60, 9001)
    labels = {
        "query_ids": np.append(rng.integers(1, 60, 20), 7),
        "gallery_ids": np.sort(ids) if ordered else ids,
        "query_cameras": rng.integers(0, 6, 21),
        "gallery_cameras": rng.integers(0, 6, 9001),
    }
    distances = rng.standard_normal((21, 9001)).astype(dtype)
    distances[-1] = distances[-1].round(1)
    distances[0, labels["gallery_ids"] == labels["query_ids"][0]] += 100  # its matches come last
    scores = reid_scores_from_distances(distances, **labels)
    check(scores, score_each_query(-distances, **labels), 21, 9001, "step")


def test_ap_without_ties_is_scikit_learn_s():
    rng = np.random.default_rng(0)
    query_ids, gallery_ids, distances = rng.integers(1, 9, 10), rng.integers(1, 9, 300), rng.random((10, 300))
    scores = reid_scores_from_distances(distances, query_ids, gallery_ids, None, None)
    expected = [
        sklearn_metrics.average_precision_score(gallery_ids == own, -row)
        for own, row in zip(query_ids, distances, strict=True)
    ]
    np.testing.assert_allclose(scores.ap, expected)


def test_a_case_worked_by_hand():
    scores = reid_scores_from_distances(SMALL_DISTANCES, **SMALL)
    assert scores.valid.tolist() == [True, True, False, False]
    assert scores.valid_queries == 2
    np.testing.assert_allclose(scores.ap, [(1 / 1 + 2 / 3) / 2, 1 / 2])
    np.testing.assert_allclose(scores.inp, [2 / 3, 1 / 2])
    assert scores.mAP == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert scores.mINP == pytest.approx(7 / 12)
    assert (scores.rank1, scores.rank5) == (0.5, 1.0)
    assert scores.cmc.tolist() == [0.5, 1, 1, 1, 1, 1, 1]


def test_market_s_own_average_precision_by_hand():
    # Query 0, places right · wrong · right: 1/2 (1 + 1)/2 + 0 + 1/2 (1/2 + 2/3)/2. Query 1, wrong · right: 1 (0 + 1/2)/2.
    scores = reid_scores_from_distances(SMALL_DISTANCES, **SMALL, interpolation="trapezoid")
    np.testing.assert_allclose(scores.ap, [1 / 2 + 7 / 24, 1 / 4])


def test_equal_distances_keep_the_gallery_s_order():
    scores = reid_scores_from_distances(np.zeros((2, 4)), [1, 2], [2, 1, 1, 2], None, None)
    np.testing.assert_allclose(scores.ap, [(1 / 2 + 2 / 3) / 2, (1 / 1 + 2 / 4) / 2])


def test_a_query_with_id_0_is_a_person_where_ids_count_from_0():
    scores = reid_scores_from_distances(np.array([[0.1, 0.2]]), [0], [1, 0], None, None)
    assert scores.ap.tolist() == [0.5]


def test_edge_cases_file():
    path = environment.PROJECT_ROOT.parent / "shared" / "eval" / "edge_cases.npz"
    if not path.exists():
        pytest.skip(f"{path} comes with the development tree only; the case worked by hand stands in for it")
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


def test_torch_lists_and_read_only_arrays_give_what_arrays_give():
    case = market_like()
    expected = reid_scores(**case)
    assert_equal_scores(reid_scores(**{name: torch.as_tensor(value) for name, value in case.items()}), expected)
    lists = {name: value if name in ("query", "gallery") else value.tolist() for name, value in case.items()}
    assert_equal_scores(reid_scores(**lists), expected)
    with torch.inference_mode():
        without_gradient = {
            **case,
            "query": torch.as_tensor(case["query"]) * 1,
            "gallery": torch.as_tensor(case["gallery"]) * 1,
        }
        assert_equal_scores(reid_scores(**without_gradient), expected)
    assert_equal_scores(reid_scores(**without_gradient), expected)
    needs_gradient = {**case, "gallery": torch.tensor(case["gallery"], requires_grad=True)}
    assert_equal_scores(reid_scores(**needs_gradient), expected)
    for value in case.values():
        value.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_equal_scores(reid_scores(**case), expected)


def test_inputs_are_left_as_they_are():
    case = market_like()
    kept = {name: value.copy() for name, value in case.items()}
    reid_scores(**case)
    reid_scores_within(case["gallery"], case["gallery_ids"])
    threshold_scores(**case, thresholds=[0.5])
    labels = {name: case[name] for name in SMALL}
    distances = np.ascontiguousarray(1 - case["query"] @ case["gallery"].T)
    before = distances.copy()
    reid_scores_from_distances(distances, **labels)
    np.testing.assert_array_equal(distances, before)
    for name, value in case.items():
        np.testing.assert_array_equal(value, kept[name])


def test_half_precision_embeddings_are_accepted():
    case = market_like()
    half = {
        **case,
        "query": torch.as_tensor(case["query"]).half(),
        "gallery": torch.as_tensor(case["gallery"]).bfloat16(),
    }
    assert reid_scores(**half).mAP == pytest.approx(reid_scores(**case).mAP, abs=0.02)


def test_the_mean_scores_as_plain_numbers():
    scores = reid_scores_from_distances(SMALL_DISTANCES, **SMALL)
    plain = scores.as_dict()
    assert list(plain) == ["mAP", "mINP", "rank1", "rank5", "rank10", "rank20", "valid_queries", "queries"]
    assert (plain["mAP"], plain["valid_queries"], plain["queries"]) == (scores.mAP, 2, 4)
    assert {type(value) for value in plain.values()} == {float, int}


def test_a_bar_of_queries_only_on_request(monkeypatch):
    bars = []

    class Bar(contextlib.nullcontext):
        def __init__(self, show, total, **_):
            super().__init__(self)
            bars.append((show, total, advances := []))
            self.update = advances.append

    monkeypatch.setattr(blocks, "bar", Bar)
    reid_scores(**market_like(), chunk=15)
    reid_scores(**market_like(), chunk=15, progress=True)
    assert bars == [(False, 40, [15, 15, 10]), (True, 40, [15, 15, 10])]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_scores_are_the_cpu_s():
    case = market_like()
    on_gpu = {name: torch.as_tensor(value).cuda() for name, value in case.items()}
    np.testing.assert_allclose(reid_scores(**on_gpu).ap, reid_scores(**case).ap, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_distances_that_cannot_be_ordered_are_named(value):
    distances = SMALL_DISTANCES.copy()
    distances[2, 3] = value
    with pytest.raises(ValueError, match="distances have NaN or infinity in row 2"):
        reid_scores_from_distances(distances, **SMALL)
    with pytest.raises(ValueError, match=r"distances is torch\.int64"):
        reid_scores_from_distances(np.zeros((4, 7), int), **SMALL)
