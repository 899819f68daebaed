import contextlib
import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from assignment_lib import environment
from assignment_lib.data import attributes
from assignment_lib.evaluation import metrics

TASKS = list(attributes.TASKS)

# A case small enough for a pencil: what stands in the gallery, nearest first, for each of four queries (id, camera).
#   query 0 (1, 1): same camera (dropped) · match · wrong · junk (dropped) · match        -> matches at 1 and 3 of 3
#   query 1 (2, 1): distractor · match · …                                                -> match at 2
#   query 2 (3, 1): only its own camera                                                   -> left out
#   query 3 (9, 1): not in the gallery                                                    -> left out
SMALL = {
    "query_ids": np.array([1, 2, 3, 9]),
    "query_cameras": np.array([1, 1, 1, 1]),
    "gallery_ids": np.array([1, 1, 2, -1, 1, 0, 3]),
    "gallery_cameras": np.array([1, 2, 2, 1, 3, 1, 1]),
}
SMALL_DISTANCES = np.array(
    [
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        [0.5, 0.6, 0.2, 0.3, 0.7, 0.1, 0.9],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    ],
    np.float32,
)


# Reference, written to be read ----------------------------------------------------------------------------------------


def reference(similarity, query_ids, gallery_ids, query_cameras, gallery_cameras, itself=False):
    """Per query that has a match: (its index, its AP in steps, by trapezoids, its INP, the rank of its first match)."""
    results = []
    for query, row in enumerate(similarity):
        right = []
        for image in np.argsort(-row, kind="stable"):
            same_person = gallery_ids[image] == query_ids[query]
            same_camera = query_cameras is not None and gallery_cameras[image] == query_cameras[query]
            if gallery_ids[image] == -1 or (same_person and same_camera) or (itself and image == query):
                continue
            right.append(bool(same_person))
        if any(right):
            results.append(
                (query, step_ap(right), market_ap(right), inverse_negative_penalty(right), right.index(True) + 1)
            )
    return results


def step_ap(right):
    return np.mean([sum(right[: place + 1]) / (place + 1) for place in range(len(right)) if right[place]])


def market_ap(right):
    """`compute_AP.m` of Market-1501's evaluation code, line by line."""
    ap, found, old_recall, old_precision, matches = 0.0, 0, 0.0, 1.0, sum(right)
    for place, is_right in enumerate(right):
        found += is_right
        recall, precision = found / matches, found / (place + 1)
        ap += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return ap


def inverse_negative_penalty(right):
    last = max(place for place in range(len(right)) if right[place]) + 1
    return sum(right) / last


def check(scores, expected, queries, images, interpolation):
    query, steps, trapezoids, inp, first = (np.array(column) for column in zip(*expected, strict=True))
    ap = steps if interpolation == "step" else trapezoids
    np.testing.assert_array_equal(np.flatnonzero(scores.valid), query)
    assert scores.valid.shape == (queries,)
    assert scores.valid_queries == len(query)
    np.testing.assert_allclose(scores.ap, ap, rtol=1e-12)
    np.testing.assert_allclose(scores.inp, inp, rtol=1e-12)
    assert scores.mAP == pytest.approx(ap.mean(), rel=1e-12)
    assert scores.mINP == pytest.approx(inp.mean(), rel=1e-12)
    for places in (1, 5, 10, 20):
        assert getattr(scores, f"rank{places}") == np.mean(first <= places)
    np.testing.assert_array_equal(scores.cmc, [np.mean(first <= k) for k in range(1, min(50, images) + 1)])


# Generated cases ------------------------------------------------------------------------------------------------------

CORNERS = np.array(np.meshgrid(*[[-0.5, 0.5]] * 4), np.float32).reshape(4, -1).T  # length 1, products exact, many ties


@st.composite
def retrieval_cases(draw, most=200):
    """Embeddings with many equal similarities; few ids and cameras, junk and distractors among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    queries, images = draw(st.integers(1, 12)), draw(st.integers(1, most))
    persons, cameras = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    gallery_ids = rng.integers(-1, persons + 1, images)
    if draw(st.booleans()):
        gallery_ids = np.sort(gallery_ids)
    corners = CORNERS[: draw(st.sampled_from([1, 3, 16]))]
    with_cameras = draw(st.booleans())
    return {
        "query": corners[rng.integers(0, len(corners), queries)],
        "gallery": corners[rng.integers(0, len(corners), images)],
        "query_ids": rng.integers(-1, persons + 2, queries),
        "gallery_ids": gallery_ids,
        "query_cameras": rng.integers(1, cameras + 1, queries) if with_cameras else None,
        "gallery_cameras": rng.integers(1, cameras + 1, images) if with_cameras else None,
    }


def sort_ahead(block, pairs, spare):
    return metrics._sort_ahead(block, pairs)


@st.composite
def inner_settings(draw):
    """Sizes at which work is cut into parts, small enough that small cases are cut."""
    return {
        "_FLAG_BYTES": draw(st.sampled_from([1, 200, 2**20])),
        "_PARTS": draw(st.sampled_from([1, 2, 4, 100])),
        "_COLUMNS": draw(st.sampled_from([3, 70, 2**15])),
        "_TILE": draw(st.sampled_from([1, 7, 8192])),
        "_COPY_BYTES": draw(st.sampled_from([0, 2**28])),
        "_count_ahead": draw(st.sampled_from([metrics._count_ahead, sort_ahead])),
    }


def with_settings(inner, function, *arguments, **keywords):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in inner.items():
            patch.setattr(metrics, name, value)
        return function(*arguments, **keywords)


INTERPOLATIONS = st.sampled_from(["step", "trapezoid"])
CHUNKS = st.sampled_from([None, 1, 3])
MANY = settings(max_examples=300, deadline=None)


@MANY
@given(case=retrieval_cases(), inner=inner_settings(), interpolation=INTERPOLATIONS, chunk=CHUNKS)
def test_scores_are_the_reference_s(case, inner, interpolation, chunk):
    labels = {name: value for name, value in case.items() if name.endswith(("ids", "cameras"))}
    expected = reference(case["query"] @ case["gallery"].T, **labels)
    if not expected:
        with pytest.raises(ValueError, match="no query has a true match"):
            with_settings(inner, metrics.reid_scores, **case, chunk=chunk)
        return
    scores = with_settings(inner, metrics.reid_scores, **case, interpolation=interpolation, chunk=chunk)
    check(scores, expected, len(case["query"]), len(case["gallery"]), interpolation)
    distances = 1 - case["query"] @ case["gallery"].T
    again = with_settings(
        inner, metrics.reid_scores_from_distances, distances, **labels, interpolation=interpolation, chunk=chunk
    )
    check(again, expected, len(case["query"]), len(case["gallery"]), interpolation)


@MANY
@given(case=retrieval_cases(most=50), inner=inner_settings(), chunk=CHUNKS)
def test_scores_within_a_split_leave_the_image_itself_out(case, inner, chunk):
    embeddings, ids, cameras = case["gallery"], case["gallery_ids"], case["gallery_cameras"]
    expected = reference(embeddings @ embeddings.T, ids, ids, cameras, cameras, itself=True)
    if not expected:
        with pytest.raises(ValueError, match="no query has a true match"):
            with_settings(inner, metrics.reid_scores_within, embeddings, ids, cameras, chunk=chunk)
        return
    scores = with_settings(inner, metrics.reid_scores_within, embeddings, ids, cameras, chunk=chunk)
    check(scores, expected, len(ids), len(ids), "step")


@MANY
@given(
    case=retrieval_cases(),
    inner=inner_settings(),
    chunk=CHUNKS,
    thresholds=st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0]), min_size=1),
    within=st.booleans(),
)
def test_sets_at_a_threshold_are_those_counted_pair_by_pair(case, inner, chunk, thresholds, within):
    if within:
        case.update(query=case["gallery"], query_ids=case["gallery_ids"], query_cameras=case["gallery_cameras"])
    similarity = case["query"] @ case["gallery"].T
    kept = np.broadcast_to(case["gallery_ids"] != -1, similarity.shape).copy()
    match = kept & (case["query_ids"][:, None] == case["gallery_ids"])
    if case["query_cameras"] is not None:
        kept &= ~(match & (case["query_cameras"][:, None] == case["gallery_cameras"]))
    if within:
        np.fill_diagonal(kept, False)
    match &= kept
    kept &= match.any(1, keepdims=True)

    def compute():
        if within:
            return metrics.threshold_scores_within(
                case["gallery"], case["gallery_ids"], thresholds, case["gallery_cameras"], chunk=chunk
            )
        return metrics.threshold_scores(**case, thresholds=thresholds, chunk=chunk)

    if not match.any():
        with pytest.raises(ValueError, match="no query has a true match"):
            with_settings(inner, compute)
        return
    table = with_settings(inner, compute)
    assert table["threshold"].tolist() == thresholds
    for _, line in table.iterrows():
        returned = kept & (similarity >= line["threshold"])
        right = (returned & match).sum()
        precision, recall = right / max(returned.sum(), 1), right / match.sum()
        assert line["precision"] == pytest.approx(precision)
        assert line["recall"] == pytest.approx(recall)
        assert line["f1"] == pytest.approx(2 * precision * recall / (precision + recall) if right else 0)
        assert line["set_size"] == pytest.approx(returned.sum() / match.any(1).sum())


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
    scores = metrics.reid_scores_from_distances(distances, **labels)
    check(scores, reference(-distances, **labels), 21, 9001, "step")


def test_ap_without_ties_is_scikit_learn_s():
    rng = np.random.default_rng(0)
    query_ids, gallery_ids, distances = rng.integers(1, 9, 10), rng.integers(1, 9, 300), rng.random((10, 300))
    scores = metrics.reid_scores_from_distances(distances, query_ids, gallery_ids, None, None)
    expected = [
        sklearn_metrics.average_precision_score(gallery_ids == own, -row)
        for own, row in zip(query_ids, distances, strict=True)
    ]
    np.testing.assert_allclose(scores.ap, expected)


# Known values ---------------------------------------------------------------------------------------------------------


def test_a_case_worked_by_hand():
    scores = metrics.reid_scores_from_distances(SMALL_DISTANCES, **SMALL)
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
    scores = metrics.reid_scores_from_distances(SMALL_DISTANCES, **SMALL, interpolation="trapezoid")
    np.testing.assert_allclose(scores.ap, [1 / 2 + 7 / 24, 1 / 4])


def test_equal_distances_keep_the_gallery_s_order():
    scores = metrics.reid_scores_from_distances(np.zeros((2, 4)), [1, 2], [2, 1, 1, 2], None, None)
    np.testing.assert_allclose(scores.ap, [(1 / 2 + 2 / 3) / 2, (1 / 1 + 2 / 4) / 2])


def test_a_query_with_id_0_is_a_person_where_ids_count_from_0():
    scores = metrics.reid_scores_from_distances(np.array([[0.1, 0.2]]), [0], [1, 0], None, None)
    assert scores.ap.tolist() == [0.5]


def test_edge_cases_file():
    path = environment.PROJECT_ROOT.parent / "shared" / "eval" / "edge_cases.npz"
    if not path.exists():
        pytest.skip(f"{path} comes with the development tree only; the case worked by hand stands in for it")
    case = np.load(path)
    names = ("distmat", "q_pids", "g_pids", "q_camids", "g_camids")
    scores = metrics.reid_scores_from_distances(*(case[name] for name in names))
    assert scores.mAP == pytest.approx(0.641414, abs=1e-6)
    assert scores.mINP == pytest.approx(0.616162, abs=1e-6)
    assert scores.rank1 == pytest.approx(1 / 3)
    assert (scores.valid_queries, len(scores.valid)) == (3, 5)


# Forms of input -------------------------------------------------------------------------------------------------------


def market_like(seed=0, queries=40, images=300):
    rng = np.random.default_rng(seed)
    ids = rng.integers(-1, 15, images)
    centres = rng.standard_normal((17, 16))
    query_ids = rng.integers(1, 15, queries)
    case = {
        "query": centres[query_ids] + rng.standard_normal((queries, 16)),
        "gallery": centres[ids] + rng.standard_normal((images, 16)),
        "query_ids": query_ids,
        "gallery_ids": ids,
        "query_cameras": rng.integers(0, 6, queries),
        "gallery_cameras": rng.integers(0, 6, images),
    }
    for name in ("query", "gallery"):
        case[name] = (case[name] / np.linalg.norm(case[name], axis=1, keepdims=True)).astype(np.float32)
    return case


def assert_equal_scores(one, other):
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_torch_lists_and_read_only_arrays_give_what_arrays_give():
    case = market_like()
    expected = metrics.reid_scores(**case)
    assert_equal_scores(metrics.reid_scores(**{name: torch.as_tensor(value) for name, value in case.items()}), expected)
    lists = {name: value if name in ("query", "gallery") else value.tolist() for name, value in case.items()}
    assert_equal_scores(metrics.reid_scores(**lists), expected)
    with torch.inference_mode():
        without_gradient = {
            **case,
            "query": torch.as_tensor(case["query"]) * 1,
            "gallery": torch.as_tensor(case["gallery"]) * 1,
        }
        assert_equal_scores(metrics.reid_scores(**without_gradient), expected)
    assert_equal_scores(metrics.reid_scores(**without_gradient), expected)
    needs_gradient = {**case, "gallery": torch.tensor(case["gallery"], requires_grad=True)}
    assert_equal_scores(metrics.reid_scores(**needs_gradient), expected)
    for value in case.values():
        value.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_equal_scores(metrics.reid_scores(**case), expected)


def test_inputs_are_left_as_they_are():
    case = market_like()
    kept = {name: value.copy() for name, value in case.items()}
    metrics.reid_scores(**case)
    metrics.reid_scores_within(case["gallery"], case["gallery_ids"])
    metrics.threshold_scores(**case, thresholds=[0.5])
    labels = {name: case[name] for name in SMALL}
    distances = np.ascontiguousarray(1 - case["query"] @ case["gallery"].T)
    before = distances.copy()
    metrics.reid_scores_from_distances(distances, **labels)
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
    assert metrics.reid_scores(**half).mAP == pytest.approx(metrics.reid_scores(**case).mAP, abs=0.02)


def test_the_mean_scores_as_plain_numbers():
    scores = metrics.reid_scores_from_distances(SMALL_DISTANCES, **SMALL)
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

    monkeypatch.setattr(metrics, "bar", Bar)
    metrics.reid_scores(**market_like(), chunk=15)
    metrics.reid_scores(**market_like(), chunk=15, progress=True)
    assert bars == [(False, 40, [15, 15, 10]), (True, 40, [15, 15, 10])]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_gives_what_the_cpu_gives():
    case = market_like()
    on_gpu = {name: torch.as_tensor(value).cuda() for name, value in case.items()}
    np.testing.assert_allclose(metrics.reid_scores(**on_gpu).ap, metrics.reid_scores(**case).ap, atol=1e-3)
    pd.testing.assert_frame_equal(
        metrics.threshold_scores(**on_gpu, thresholds=[0.2, 0.5]),
        metrics.threshold_scores(**case, thresholds=[0.2, 0.5]),
        atol=1e-2,
    )


# Wrong input ----------------------------------------------------------------------------------------------------------

WRONG = [
    ("query_ids", lambda v: v[:-1], "query_ids has 39 entries for 40 images"),
    ("gallery_cameras", lambda v: v[:-1], "gallery_cameras has 299 entries for 300 images"),
    ("gallery_ids", lambda v: v.astype(float), "gallery_ids are float64 .* list of integers"),
    ("query_cameras", lambda v: None, "cameras are given for only one of query and gallery"),
    (
        "query",
        lambda v: v[:, :-1] / np.linalg.norm(v[:, :-1], axis=1, keepdims=True),
        "query has 15 dimensions and gallery 16",
    ),
    ("query", lambda v: v[0], r"query is torch.float32 of shape \(16,\)"),
    ("gallery", lambda v: (v * 100).astype(int), "gallery is torch.int64"),
    ("gallery", lambda v: v[:0], r"gallery is torch.float32 of shape \(0, 16\)"),
    ("gallery", lambda v: v * 2, "gallery is not normalised: row .* has length 2"),
    ("query", lambda v: np.where(np.arange(40)[:, None] == 3, np.nan, v), "query has NaN or infinity in row 3"),
    ("gallery_ids", lambda v: v + 100, "no query has a true match"),
    ("gallery_ids", lambda v: np.full_like(v, -1), "no query has a true match"),
]


@pytest.mark.parametrize(("name", "spoil", "message"), WRONG)
def test_wrong_input_is_named(name, spoil, message):
    case = market_like()
    case[name] = spoil(case[name])
    with pytest.raises(ValueError, match=message):
        metrics.reid_scores(**case)
    with pytest.raises(ValueError, match=message):
        metrics.threshold_scores(**case, thresholds=[0.5])


def test_wrong_settings_are_named():
    case = market_like()
    with pytest.raises(ValueError, match="interpolation is 'linear'"):
        metrics.reid_scores(**case, interpolation="linear")
    with pytest.raises(ValueError, match="chunk is 0"):
        metrics.reid_scores(**case, chunk=0)
    for thresholds in ([], [0.5, np.nan], 0.5):
        with pytest.raises(ValueError, match="thresholds must be"):
            metrics.threshold_scores(**case, thresholds=thresholds)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_distances_that_cannot_be_ordered_are_named(value):
    distances = SMALL_DISTANCES.copy()
    distances[2, 3] = value
    with pytest.raises(ValueError, match="distances have NaN or infinity in row 2"):
        metrics.reid_scores_from_distances(distances, **SMALL)
    with pytest.raises(ValueError, match=r"distances is torch\.int64"):
        metrics.reid_scores_from_distances(np.zeros((4, 7), int), **SMALL)


# Attributes -----------------------------------------------------------------------------------------------------------


@st.composite
def attribute_cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = draw(st.integers(1, 40))
    return tuple(
        np.stack(
            [rng.integers(0, draw(st.integers(1, len(classes))), images) for classes in attributes.TASKS.values()], 1
        )
        for _ in range(2)
    )


@settings(max_examples=50, deadline=None)
@given(attribute_cases())
def test_attribute_scores_are_scikit_learn_s(case):
    predictions, targets = case
    scores = metrics.attribute_scores(predictions, targets)
    assert list(scores) == [*TASKS, "average"]
    for column, task in enumerate(TASKS):
        predicted, wanted = predictions[:, column], targets[:, column]
        assert scores[task]["acc"] == pytest.approx(sklearn_metrics.accuracy_score(wanted, predicted))
        recall = sklearn_metrics.recall_score(wanted, predicted, labels=np.unique(wanted), average="macro")
        assert scores[task]["macc"] == pytest.approx(recall)
        expected = sklearn_metrics.confusion_matrix(wanted, predicted, labels=range(len(attributes.TASKS[task])))
        np.testing.assert_array_equal(metrics.confusion(predicted, wanted, len(attributes.TASKS[task])), expected)
    for key in ("acc", "macc"):
        assert scores["average"][key] == pytest.approx(np.mean([scores[task][key] for task in TASKS]))


def test_attribute_scores_take_tensors_and_frames_by_column_name():
    rng = np.random.default_rng(0)
    predictions, targets = (
        np.stack([rng.integers(0, len(classes), 30) for classes in attributes.TASKS.values()], 1) for _ in range(2)
    )
    expected = metrics.attribute_scores(predictions, targets)
    assert metrics.attribute_scores(torch.tensor(predictions), torch.tensor(targets, dtype=torch.int32)) == expected
    frame = pd.DataFrame(targets, columns=TASKS)[TASKS[::-1]]
    assert metrics.attribute_scores(predictions, frame) == expected


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (np.zeros((0, 12), int), "predictions hold no image"),
        (np.zeros((5, 11), int), r"predictions have shape \(5, 11\)"),
        (np.zeros((5, 12)), "predictions are float64"),
        (np.full((5, 12), np.nan), "predictions are float64"),
        (np.zeros((4, 12), int), "predictions have 4 rows and targets 5"),
        (np.full((5, 12), 2), r"predictions: backpack holds a class outside 0\.\.1"),
        (np.full((5, 12), -1), r"predictions: age holds a class outside 0\.\.3"),
        (pd.DataFrame(np.zeros((5, 10), int), columns=TASKS[2:]), "predictions: no column for the tasks age, backpack"),
    ],
)
def test_wrong_attribute_predictions_are_named(predictions, message):
    with pytest.raises(ValueError, match=message):
        metrics.attribute_scores(predictions, np.zeros((5, 12), int))


def test_wrong_confusion_input_is_named():
    with pytest.raises(ValueError, match=r"targets hold a class outside 0\.\.1"):
        metrics.confusion([0, 1], [0, 2], 2)
    with pytest.raises(ValueError, match=r"predictions have shape \(2,\) and targets \(3,\)"):
        metrics.confusion([0, 1], [0, 1, 1], 2)


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
    found = metrics.list_scores([torch.from_numpy(places) for places in lists], *labels)
    wanted = naive_list_scores([places.tolist() for places in lists], *labels)
    names = ("mAP", "rank1", "precision", "recall", "length")
    assert [found[name] for name in names] == pytest.approx(wanted)
    right = found["precision"] + found["recall"]
    assert found["f1"] == pytest.approx(2 * found["precision"] * found["recall"] / right if right else 0)


def test_whole_lists_score_as_the_ranking_does():
    random = np.random.default_rng(0)
    query, gallery = (F.normalize(torch.from_numpy(random.standard_normal((n, 4))).float()) for n in (6, 30))
    labels = [random.integers(0, 3, 6), random.integers(-1, 3, 30), random.integers(0, 2, 6), random.integers(0, 2, 30)]
    whole = metrics.reid_scores(query, gallery, *labels)
    lists = (query @ gallery.T).argsort(dim=1, descending=True, stable=True)
    found = metrics.list_scores(list(lists), *labels)
    assert found["mAP"] == pytest.approx(whole.mAP) and found["rank1"] == pytest.approx(whole.rank1)
    assert found["recall"] == 1
    assert metrics.list_scores([torch.empty(0, dtype=torch.int64)] * 6, *labels)["mAP"] == 0
    with pytest.raises(ValueError, match="no query has a true match left"):
        metrics.list_scores(list(lists), labels[0] + 9, *labels[1:])
