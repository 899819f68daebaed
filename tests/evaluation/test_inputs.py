import numpy as np
import pytest
from retrieval_cases import market_like

from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.evaluation.threshold_scores import threshold_scores

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
        reid_scores(**case)
    with pytest.raises(ValueError, match=message):
        threshold_scores(**case, thresholds=[0.5])


def test_wrong_settings_are_named():
    case = market_like()
    with pytest.raises(ValueError, match="interpolation is 'linear'"):
        reid_scores(**case, interpolation="linear")
    with pytest.raises(ValueError, match="chunk is 0"):
        reid_scores(**case, chunk=0)
    for thresholds in ([], [0.5, np.nan], 0.5):
        with pytest.raises(ValueError, match="thresholds must be"):
            threshold_scores(**case, thresholds=thresholds)
