import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.retrieval.embedding_map import neighbours_agree, tsne_map


@pytest.mark.slow
def test_a_map_is_repeatable():
    embeddings = F.normalize(torch.randn(40, 8, generator=torch.Generator().manual_seed(0)))
    positions = tsne_map(embeddings, seed=1)
    assert positions.shape == (40, 2) and positions.dtype == np.float32 and np.isfinite(positions).all()
    assert (tsne_map(embeddings, seed=1) == positions).all()


def test_a_map_needs_four_images():
    with pytest.raises(ValueError, match="at least four"):
        tsne_map(torch.eye(3))
    with pytest.raises(ValueError, match="normali"):
        tsne_map(3 * torch.eye(5))


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
    row = neighbours_agree(embeddings, {"x": labels}).iloc[0]
    assert row["Images"] == len(known)
    expected = [100 * np.mean(agree), 100 * np.mean(pairs)] if agree else [np.nan, np.nan]
    assert row[["Agree, %", "Chance, %"]].tolist() == pytest.approx(expected, nan_ok=True)
