import numpy as np
import pytest
import torch

from assignment_lib.evaluation.market_scale import DISTRACTORS, IMAGES, JUNK, QUERIES, market_scale
from assignment_lib.evaluation.reid_scores import reid_scores


def test_as_many_as_market_1501_has():
    data = market_scale(dimensions=2)
    assert data["query"].shape == (QUERIES, 2) and data["gallery"].shape == (IMAGES, 2)
    assert (data["gallery_ids"] == -1).sum() == JUNK and (data["gallery_ids"] == 0).sum() == DISTRACTORS
    assert (np.diff(data["gallery_ids"]) >= 0).all()
    torch.testing.assert_close(data["gallery"].norm(dim=1), torch.ones(IMAGES))


def test_likeness_is_what_makes_a_search_easy():
    scores = [reid_scores(**market_scale(0.02, likeness=likeness)).mAP for likeness in (0.0, 0.2, 0.9)]
    assert scores[0] < 0.15 and scores[0] < scores[1] < scores[2] and scores[2] > 0.99


def test_options_and_repetition():
    ours, same, other = market_scale(0.01), market_scale(0.01), market_scale(0.01, seed=1)
    assert torch.equal(ours["gallery"], same["gallery"]) and not torch.equal(ours["query"], other["query"])
    more = market_scale(0.01, more_distractors=50, shuffle=True)
    assert len(more["gallery"]) == len(ours["gallery"]) + 50 == len(more["gallery_cameras"])
    assert (np.diff(more["gallery_ids"]) < 0).any()
    with pytest.raises(ValueError, match=r"a scale of 0\.001 leaves 3 queries"):
        market_scale(0.001)
