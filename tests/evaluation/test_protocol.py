import numpy as np
import pytest
from retrieval_cases import SMALL, SMALL_DISTANCES
from sklearn import metrics as sklearn_metrics

from assignment_lib.evaluation import protocol


def test_who_counts_in_a_case_worked_by_hand():
    cases = zip(-SMALL_DISTANCES, SMALL["query_ids"], SMALL["query_cameras"], strict=True)
    gallery = SMALL["gallery_ids"], SMALL["gallery_cameras"]
    found = [protocol.ranked_matches(row, own, gallery[0], camera, gallery[1]) for row, own, camera in cases]
    assert found[0] == [True, False, True, False, False]
    assert found[1] == [False, True, False, False, False, False]
    assert found[2] == [False] * 5
    assert not any(found[3])
    without_cameras = protocol.ranked_matches(-SMALL_DISTANCES[0], 1, gallery[0])
    assert without_cameras == [True, True, False, True, False, False]
    assert protocol.ranked_matches(-SMALL_DISTANCES[0], 1, gallery[0], itself=0) == without_cameras[1:]


def test_scores_of_rankings_by_hand():
    assert protocol.average_precision([True, False, True, False]) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert protocol.market_average_precision([True, False, True]) == pytest.approx(1 / 2 + (1 / 2 + 2 / 3) / 4)
    assert protocol.market_average_precision([False, True]) == pytest.approx(1 / 4)
    assert protocol.inverse_negative_penalty([True, False, True, False]) == pytest.approx(2 / 3)


def test_each_query_of_the_case_worked_by_hand():
    table = protocol.score_each_query(-SMALL_DISTANCES, **SMALL)
    assert table["query"].tolist() == [0, 1] and table["first"].tolist() == [1, 2]
    assert table["ap"].tolist() == pytest.approx([5 / 6, 1 / 2])
    assert table["inp"].tolist() == pytest.approx([2 / 3, 1 / 2])


def test_average_precision_is_scikit_learn_s():
    rng = np.random.default_rng(0)
    for _ in range(20):
        right = rng.random(50) < 0.2
        wanted = sklearn_metrics.average_precision_score(right, -np.arange(50))
        assert protocol.average_precision(right.tolist()) == pytest.approx(wanted)
