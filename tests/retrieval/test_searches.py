import numpy as np
import pytest
import torch
from small_searches import naive_pairs, search

from assignment_lib.evaluation.as_test import AsTest
from assignment_lib.retrieval.searches import folds, truth


@pytest.mark.parametrize("cameras", [True, False])
def test_pairs_one_after_the_other(cameras):
    of = search(people=4, images=3, crowd=9)
    ids = of.gallery_ids.copy()
    ids[-2:] = -1
    cameras_of = (of.query_cameras // 2, of.gallery_cameras // 2) if cameras else (None, None)
    of = (of.query, of.gallery, of.query_ids, ids, *cameras_of)
    known = truth(of)
    _, right, counted, own = naive_pairs(of)
    assert np.array_equal(known.right, right) and np.array_equal(known.counted, counted)
    assert known.own.tolist() == [int(row.argmax()) if row.any() else -1 for row in own]
    assert known.asked.tolist() == right.any(1).tolist()


def test_people_stay_together_in_a_fold():
    ids, asked = np.array([3, 3, 5, 5, 5, 7, 8, 8]), np.array([1, 1, 1, 0, 1, 1, 1, 1], bool)
    fold = folds(ids, asked, most=3)
    assert (fold[~asked] == -1).all() and set(fold[asked]) == {0, 1, 2}
    assert all(len(set(fold[(ids == pid) & asked])) == 1 for pid in ids)
    assert folds(ids, ids == 3).tolist() == [0, 0, -1, -1, -1, -1, -1, -1]


def test_nobody_can_be_found():
    with pytest.raises(ValueError, match="no query has a true match left"):
        truth(search(people=3, images=1, crowd=4))
    of = search(people=2, images=2, crowd=0)
    with pytest.raises(ValueError, match="no query has a true match left"):
        truth(AsTest(*of[:3], np.full(4, -1), *of[4:]))
    assert torch.equal(truth(of).own, torch.arange(4))
