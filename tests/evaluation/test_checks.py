import numpy as np
import pytest
from retrieval_cases import SMALL, SMALL_DISTANCES, market_like

from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_from_distances

WRONG = [
    ("query_ids", lambda v: v[:-1], "query_ids has 39 entries"),
    ("gallery_cameras", lambda v: v[:-1], "gallery_cameras has 299 entries"),
    ("gallery_ids", lambda v: v.astype(float), "gallery_ids has dtype float64"),
    ("query_cameras", lambda v: None, "only one of query and gallery"),
    ("query", lambda v: v[:, :-1] / np.linalg.norm(v[:, :-1], axis=1, keepdims=True), "15 dimensions and gallery 16"),
    ("query", lambda v: v[0], r"query .* shape \(16,\)"),
    ("query", lambda v: [["a", "b"]], "query is not an array of numbers"),
    ("gallery", lambda v: (v * 100).astype(int), "gallery has dtype torch.int64"),
    ("gallery", lambda v: v[:0], r"gallery .* shape \(0, 16\)"),
    ("gallery", lambda v: v * 2, "gallery is not normalised: row .* has length 2"),
    ("query", lambda v: np.where(np.arange(40)[:, None] == 3, np.nan, v), "query has NaN or infinity in row 3"),
    ("gallery_ids", lambda v: v + 100, "no query has a true match"),
    ("gallery_ids", lambda v: np.full_like(v, -1), "no query has a true match"),
]


@pytest.mark.parametrize(("name", "spoil", "message"), WRONG)
def test_wrong_inputs_are_named(name, spoil, message):
    case = market_like()
    case[name] = spoil(case[name])
    with pytest.raises(ValueError, match=message):
        reid_scores(**case)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_wrong_distances_are_named(value):
    distances = SMALL_DISTANCES.copy()
    distances[2, 3] = value
    with pytest.raises(ValueError, match="distances has NaN or infinity in row 2"):
        reid_scores_from_distances(distances, **SMALL)
    with pytest.raises(ValueError, match=r"distances has dtype torch\.int64"):
        reid_scores_from_distances(np.zeros((4, 7), int), **SMALL)
