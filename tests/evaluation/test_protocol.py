import numpy as np
import pytest
from retrieval_cases import SMALL, SMALL_DISTANCES
from sklearn import metrics as sklearn_metrics

from assignment_lib.evaluation import protocol


def test_excluded_images_by_hand():
    gallery = SMALL["gallery_ids"], SMALL["gallery_cameras"]
    masks = protocol.excluded(SMALL["query_ids"], SMALL["query_cameras"], *gallery)
    assert np.flatnonzero(masks[0]).tolist() == [0, 3] and np.flatnonzero(masks[2]).tolist() == [3, 6]
    assert (protocol.excluded(1, 1, *gallery) == masks[0]).all()
    assert np.flatnonzero(protocol.excluded(1, None, gallery[0], None)).tolist() == [3]
    cases = zip(-SMALL_DISTANCES, SMALL["query_ids"], SMALL["query_cameras"], strict=True)
    found = [protocol.ranked_matches(row, pid, gallery[0], camera, gallery[1]) for row, pid, camera in cases]
    assert found[0] == [True, False, True, False, False]
    assert found[1] == [False, True, False, False, False, False]
    assert found[2] == [False] * 5
    assert not any(found[3])
    without_cameras = protocol.ranked_matches(-SMALL_DISTANCES[0], 1, gallery[0])
    assert without_cameras == [True, True, False, True, False, False]


def test_scores_of_a_ranking_by_hand():
    assert protocol.average_precision([True, False, True, False]) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert protocol.market_average_precision([True, False, True]) == pytest.approx(1 / 2 + (1 / 2 + 2 / 3) / 4)
    assert protocol.market_average_precision([False, True]) == pytest.approx(1 / 4)
    assert protocol.inverse_negative_penalty([True, False, True, False]) == pytest.approx(2 / 3)


def test_average_precision_equals_scikit_learn():
    rng = np.random.default_rng(0)
    for _ in range(20):
        matches = rng.random(50) < 0.2
        expected = sklearn_metrics.average_precision_score(matches, -np.arange(50))
        assert protocol.average_precision(matches.tolist()) == pytest.approx(expected)


def test_precision_recall_and_f1_by_hand():
    found, returned = np.array([0, 1, 3]), np.array([0, 4, 3])
    precision, recall, f1 = protocol.precision_recall_f1(found, returned, 6)
    assert precision.tolist() == [0, 0.25, 1] and recall.tolist() == pytest.approx([0, 1 / 6, 0.5])
    assert f1.tolist() == pytest.approx([0, 0.2, 2 / 3])
