import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.retrieval.embedding_map import neighbours_agree, tsne_map


@pytest.mark.slow
def test_people_who_are_apart_stay_apart_and_a_seed_gives_one_map():
    random = torch.Generator().manual_seed(0)
    centres = torch.eye(3, 8).repeat_interleave(12, 0)
    embeddings = F.normalize(centres + 0.05 * torch.randn(36, 8, generator=random))
    places = tsne_map(embeddings, seed=1, perplexity=5)
    assert places.shape == (36, 2) and places.dtype == np.float32
    people = np.repeat(np.arange(3), 12)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (people[distances.argmin(1)] == people).all()
    assert (tsne_map(embeddings, seed=1, perplexity=5) == places).all()


def test_a_map_of_three_images_is_refused():
    with pytest.raises(ValueError, match="3 images make no map; give at least four"):
        tsne_map(torch.eye(3))


@given(st.integers(2, 12), st.integers(0, 1000))
@settings(max_examples=30)
def test_agreement_beside_a_loop(images, seed):
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
    wanted = [100 * np.mean(agree), 100 * np.mean(pairs)] if agree else [np.nan, np.nan]
    assert row[["Agree, %", "Chance, %"]].tolist() == pytest.approx(wanted, nan_ok=True)
