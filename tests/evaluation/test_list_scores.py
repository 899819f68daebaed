import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.evaluation.list_scores import list_details, list_scores, mean_scores
from assignment_lib.evaluation.reid_scores import reid_scores


def naive_list_scores(lists, query_ids, gallery_ids, query_cameras, gallery_cameras):
    aps, first, right, returned, wanted = [], [], 0, 0, 0
    for query, found in enumerate(lists):

        def counts(image, query=query):
            same_view = query_ids[query] == gallery_ids[image] and query_cameras[query] == gallery_cameras[image]
            return gallery_ids[image] != -1 and not same_view

        true = [i for i in range(len(gallery_ids)) if counts(i) and gallery_ids[i] == query_ids[query]]
        if not true or query_ids[query] == -1:
            continue
        listed = [i for i in found if counts(i)]
        precisions = [sum(j in true for j in listed[: n + 1]) / (n + 1) for n, i in enumerate(listed) if i in true]
        aps.append(sum(precisions) / len(true))
        first.append(bool(listed) and listed[0] in true)
        right, returned, wanted = right + len(precisions), returned + len(listed), wanted + len(true)
    return np.mean(aps), np.mean(first), right / max(1, returned), right / wanted, returned / len(aps)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_scores_of_lists_against_one_after_the_other(seed):
    random = np.random.default_rng(seed)
    labels = [
        random.integers(-1, 4, 5),
        random.integers(-1, 4, 20),
        random.integers(1, 3, 5),
        random.integers(1, 3, 20),
    ]
    labels[0][0], labels[1][0], labels[2][0], labels[3][0] = 2, 2, 1, 2  # one query at least is valid
    lists = [random.permutation(20)[: random.integers(0, 21)] for _ in range(5)]
    found = list_scores([torch.from_numpy(places) for places in lists], *labels)
    wanted = naive_list_scores([places.tolist() for places in lists], *labels)
    names = ("mAP", "rank1", "precision", "recall", "length")
    assert [found[name] for name in names] == pytest.approx(wanted)
    right = found["precision"] + found["recall"]
    assert found["f1"] == pytest.approx(2 * found["precision"] * found["recall"] / right if right else 0)


def test_whole_lists_score_as_the_ranking_does():
    random = np.random.default_rng(0)
    query, gallery = (F.normalize(torch.from_numpy(random.standard_normal((n, 4))).float()) for n in (6, 30))
    labels = [random.integers(0, 3, 6), random.integers(-1, 3, 30), random.integers(0, 2, 6), random.integers(0, 2, 30)]
    whole = reid_scores(query, gallery, *labels)
    lists = (query @ gallery.T).argsort(dim=1, descending=True, stable=True)
    found = list_scores(list(lists), *labels)
    assert found["mAP"] == pytest.approx(whole.mAP) and found["rank1"] == pytest.approx(whole.rank1)
    assert found["recall"] == 1
    assert list_scores([torch.empty(0, dtype=torch.int64)] * 6, *labels)["mAP"] == 0
    with pytest.raises(ValueError, match="no query has a true match left"):
        list_scores(list(lists), labels[0] + 9, *labels[1:])


def test_details_by_hand():
    # the query is person 1 of camera 1; what its list names: wrong · right · same camera · junk · distractor · right
    gallery_ids, gallery_cameras = np.array([2, 1, 1, -1, 0, 1, 1]), np.array([2, 2, 1, 3, 3, 3, 4])
    lists = [np.arange(6), np.array([], np.int64), np.array([0]), np.array([2, 3, 0])]
    queries = np.array([1, 1, 1, 7]), np.array([1, 1, 1, 1])
    details = list_details(lists, queries[0], gallery_ids, queries[1], gallery_cameras)
    first = details.iloc[0].to_dict()
    wanted = {"valid": True, "ap": (1 / 2 + 2 / 4) / 3, "first": 2, "found": 2, "missed": 1, "wrong": 2, "ignored": 2}
    assert first == wanted | {"length": 4}
    assert details["valid"].tolist() == [True, True, True, False]
    assert details["ap"].tolist()[1:3] == [0, 0] and details["ap"].isna().tolist() == [False, False, False, True]
    assert details["first"].isna().tolist() == [False, True, True, True]
    assert details["missed"].tolist() == [1, 3, 3, 0] and details["wrong"].tolist() == [2, 0, 1, 2]
    scores = mean_scores(details)
    assert scores == list_scores(lists, queries[0], gallery_ids, queries[1], gallery_cameras)
    assert scores == {
        "mAP": pytest.approx(1 / 9), "rank1": 0, "precision": 2 / 5, "recall": 2 / 9, "f1": 4 / 14, "length": 5 / 3,
    }  # fmt: skip


def test_no_lists_at_all():
    none = np.array([], np.int64)
    with pytest.raises(ValueError, match="no query has a true match left"):
        list_scores([], none, np.array([1]), None, None)
