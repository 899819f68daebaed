"""Against a dense re-ranking written down loop by loop from the paper, on cases small enough for it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from dense_reranking import naive
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.retrieval import reranking


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6), st.integers(12, 40), st.integers(2, 8), st.integers(1, 10), st.integers(1, 6),
    st.floats(0, 1), st.integers(0, 2**31), st.booleans(),
)  # fmt: skip
def test_as_the_paper_says(queries, images, persons, k1, k2, lambda_value, seed, normalised):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(persons, 8, generator=generator)
    embeddings = centres[torch.randint(0, persons, (queries + images,), generator=generator)]
    embeddings = embeddings + 0.5 * torch.randn(queries + images, 8, generator=generator)
    embeddings = F.normalize(embeddings) if normalised else embeddings
    query, gallery = embeddings[:queries], embeddings[queries:]
    k2 = min(k2, k1 + 1)
    ours = reranking.rerank(query, gallery, k1, k2, lambda_value)
    assert ours.dtype == torch.float32 and ours.shape == (queries, images)
    np.testing.assert_allclose(ours.numpy(), naive(query, gallery, k1, k2, lambda_value), atol=1e-4)


def test_chunks_change_nothing(monkeypatch):
    embeddings = F.normalize(torch.randn(60, 8, generator=torch.Generator().manual_seed(0)))
    whole = reranking.rerank(embeddings[:10], embeddings[10:], k1=6, k2=3)
    monkeypatch.setattr(reranking, "_CHUNK_BYTES", 4 * 60 * 7)
    monkeypatch.setattr(reranking, "_PAIRS", 5)
    torch.testing.assert_close(reranking.rerank(embeddings[:10], embeddings[10:], k1=6, k2=3), whole)


def test_doubled_images_do_not_break_it():
    embeddings = F.normalize(torch.randn(5, 4, generator=torch.Generator().manual_seed(1)))
    distance = reranking.rerank(embeddings[:2], embeddings.repeat(6, 1), k1=4, k2=2)
    assert distance.isfinite().all() and (distance > -1e-6).all()


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (3, 0), (3, 5)])
def test_neighbourhoods_that_do_not_fit_are_refused(k1, k2):
    with pytest.raises(ValueError, match="the number of all images"):
        reranking.rerank(torch.rand(2, 4), torch.rand(5, 4), k1, k2)


def test_embeddings_of_two_networks_are_refused():
    with pytest.raises(ValueError, match="the same network"):
        reranking.rerank(torch.rand(2, 4), torch.rand(30, 5))
    with pytest.raises(ValueError, match="embeddings have NaN or infinity"):
        reranking.rerank(torch.rand(2, 4), torch.rand(30, 4) / 0)


def test_images_that_are_all_the_same():
    distance = reranking.rerank(torch.ones(2, 4), torch.ones(30, 4))
    assert distance.isfinite().all() and (distance == distance[0, 0]).all()


def test_queries_that_are_in_the_gallery_count_once():
    gallery = F.normalize(torch.randn(14, 5, generator=torch.Generator().manual_seed(3)))
    own = torch.tensor([4, 1, 9])
    found = reranking.rerank(gallery[own], gallery, 5, 2, 0.3, own=own)
    apart = [i for i in range(14) if i not in own]
    torch.testing.assert_close(found[:, apart], reranking.rerank(gallery[own], gallery[apart], 5, 2, 0.3))
    # the order of the images does not matter: with the first query as the only one, the others are gallery
    one = reranking.rerank(gallery[4:5], gallery[[i for i in range(14) if i != 4]], 5, 2, 0.3)
    torch.testing.assert_close(found[:1, [i for i in range(14) if i != 4]], one)
    assert found[torch.arange(3), own].max() < 1e-6
