from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib import retrieval


def drawn(images, size=3, seed=0):
    return F.normalize(torch.randn(images, size, generator=torch.Generator().manual_seed(seed)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 30), st.integers(1, 5))
def test_ranking_against_numpy_with_ties(seed, queries, images, rows):
    random = np.random.default_rng(seed)
    # unit vectors along the axes: similarities are exact and often equal, and ties must keep the gallery's order
    query, gallery = (
        np.eye(3, dtype=np.float32)[random.integers(0, 3, n)] * random.choice(np.float32([-1, 1]), (n, 1))
        for n in (queries, images)
    )
    with mock.patch("assignment_lib.retrieval.ranking._ROWS", rows):
        ranking = retrieval.rank(query, gallery)
    similarity = query @ gallery.T
    assert np.array_equal(ranking.order.numpy(), np.argsort(-similarity, axis=1, kind="stable"))
    assert np.array_equal(ranking.similarity.numpy(), -np.sort(-similarity, axis=1))


def test_similarities_of_all_pairs():
    embeddings, ids = drawn(6), np.array([1, 1, 2, 2, 2, 3])
    same, different = retrieval.pair_similarities(embeddings, ids)
    assert len(same) == 1 + 3 and len(different) == 15 - 4
    naive = [float(embeddings[i] @ embeddings[j]) for i in range(6) for j in range(i) if ids[i] == ids[j]]
    assert sorted(same) == pytest.approx(sorted(naive), abs=1e-6)
    with mock.patch("assignment_lib.retrieval.ranking._MAX_PAIRS", 5):
        assert len(retrieval.pair_similarities(embeddings, ids)[1]) == 6


def test_comparison_with_known_identities():
    query = pd.DataFrame({"pid": [5], "camera": [1]})
    gallery = pd.DataFrame({"pid": [5, 5, -1, 0, 7], "camera": [2, 1, 2, 2, 1]})
    verdicts = retrieval.judge(torch.tensor([[0, 1, 2, 3, 4]]), query, gallery)
    assert verdicts == [[True, None, None, False, False]]
    assert retrieval.judge(torch.tensor([[0]]), query.assign(pid=-1), gallery) is None
    unknown = retrieval.judge(torch.tensor([[0, 4]]), query.assign(camera=-1), gallery.assign(camera=-1))
    assert unknown == [[True, False]]  # unknown cameras are not equal


@pytest.mark.slow
def test_a_map_is_repeatable():
    embeddings = F.normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)))
    positions = retrieval.tsne_map(embeddings, seed=1)
    assert positions.shape == (40, 2) and positions.dtype == np.float32 and np.isfinite(positions).all()
    assert (retrieval.tsne_map(embeddings, seed=1) == positions).all()


def test_a_map_needs_four_images():
    with pytest.raises(ValueError, match="at least four"):
        retrieval.tsne_map(torch.eye(3))
    with pytest.raises(ValueError, match="normali"):
        retrieval.tsne_map(3 * torch.eye(5))


@given(st.integers(2, 12), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_agreement_compared_with_a_loop(images, seed):
    random = np.random.default_rng(seed)
    embeddings = F.normalize(torch.tensor(random.normal(size=(images, 5)), dtype=torch.float32))
    labels = random.integers(-1, 3, images)
    known = [i for i in range(images) if labels[i] >= 0]
    agree, pairs = [], []
    for i in known:
        others = [j for j in known if j != i]
        pairs += [labels[i] == labels[j] for j in others]
        if others:
            agree.append(labels[i] == labels[max(others, key=lambda j: float(embeddings[i] @ embeddings[j]))])
    row = retrieval.neighbours_agree(embeddings, {"x": labels}).iloc[0]
    assert row["Images"] == len(known)
    expected = [100 * np.mean(agree), 100 * np.mean(pairs)] if agree else [np.nan, np.nan]
    assert row[["Agree, %", "Chance, %"]].tolist() == pytest.approx(expected, nan_ok=True)
