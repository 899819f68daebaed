import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_searches import search

from assignment_lib.evaluation.list_scores import list_scores
from assignment_lib.evaluation.threshold_scores import threshold_scores
from assignment_lib.retrieval.curves import frame, sums
from assignment_lib.retrieval.decisions import listed
from assignment_lib.retrieval.pair_scores import similarity_blocks
from assignment_lib.retrieval.searches import folds, truth


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 6), st.integers(2, 4), st.integers(0, 20), st.sampled_from([0, 1, 3]))
def test_every_level_as_list_scores_has_it(seed, people, images, crowd, cap):
    of = search(people, images, crowd, noise=1.0, size=4, seed=seed)
    if crowd:
        of.gallery_ids[-1] = -1
    cameras = of.query_cameras // 2, np.concatenate([of.query_cameras // 2, np.full(crowd, -1)])
    of = (*of[:4], *cameras)
    known = truth(of)
    fold = folds(of[2], known.asked, most=2)
    scores = torch.cat(list(similarity_blocks(of[0], of[1], known.own, chunk=3)))
    total = sums(scores, known, fold, caps=(0, 1, 3))
    part = sums(scores, known, fold, caps=(0, 1, 3), levels=torch.from_numpy(total.levels))
    for among in (None, [0]):
        taken = fold >= 0 if among is None else fold == 0
        rows = torch.as_tensor(np.flatnonzero(taken))
        table = frame(total, among, cap)
        assert table.equals(frame(part, among, cap))
        for level in range(0, len(table), 3):
            row = table.iloc[level]
            lists = listed(scores[rows], np.float32(row["threshold"]), cap)
            ids = of[2][taken], of[3], of[4][taken], of[5]
            naive = list_scores(lists, *ids)
            for name in ("precision", "recall", "f1", "mAP", "rank1"):
                assert row[name] == pytest.approx(naive[name])
            assert row["set_size"] == pytest.approx(naive["length"])
            assert row["length"] == pytest.approx(np.mean([len(found) for found in lists]))
            assert row["empty"] == pytest.approx(np.mean([not len(found) for found in lists]))


def test_similarities_as_threshold_scores_has_them():
    of = search()
    known = truth(of)
    scores = torch.cat(list(similarity_blocks(of.query, of.gallery, known.own)))
    table = frame(sums(scores, known, folds(of.query_ids, known.asked)))
    naive = threshold_scores(*of, table["threshold"].to_numpy())
    for name in naive:
        np.testing.assert_allclose(table[name], naive[name], rtol=1e-9)
    assert table["threshold"].is_monotonic_increasing and table["recall"].iloc[0] == 1


def test_matches_that_are_never_listed_are_missed():
    of = search(people=3, images=2, crowd=0)
    known = truth(of)
    nothing = torch.full(known.right.shape, -torch.inf)
    table = frame(sums(nothing, known, folds(of.query_ids, known.asked)))
    assert table[["recall", "f1", "mAP", "length"]].to_numpy().tolist() == [[0.0] * 4] and table["empty"][0] == 1
