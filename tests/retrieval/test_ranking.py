import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib import retrieval


def test_ranking_by_hand():
    query = torch.tensor([[1.0, 0.0]])
    gallery = F.normalize(torch.tensor([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [-1.0, 0.0]]))
    ranking = retrieval.rank(query, gallery)
    assert ranking.order.tolist() == [[2, 1, 0, 3]]
    assert ranking.similarity[0].tolist() == pytest.approx([1, 0.5**0.5, 0, -1])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 12), st.integers(1, 5))
def test_ranking_against_numpy_and_in_any_chunks(seed, queries, images, chunk):
    random = np.random.default_rng(seed)
    # few different values make ties, which must keep the gallery's order
    query, gallery = (torch.from_numpy(random.integers(-1, 2, (n, 3)).astype(np.float32)) for n in (queries, images))
    ranking = retrieval.rank(query, gallery, chunk=chunk)
    similarity = query.numpy() @ gallery.numpy().T
    assert np.array_equal(ranking.order.numpy(), np.argsort(-similarity, axis=1, kind="stable"))
    assert np.allclose(ranking.similarity.numpy(), -np.sort(-similarity, axis=1))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(1, 9), st.booleans())
def test_depth_keeps_the_best(seed, images, depth, ties):
    random = np.random.default_rng(seed)
    draw = (lambda n: random.integers(-1, 2, (n, 3))) if ties else (lambda n: random.standard_normal((n, 3)))
    query, gallery = (torch.from_numpy(draw(n).astype(np.float32)) for n in (5, images))
    first, whole = retrieval.rank(query, gallery, depth=depth), retrieval.rank(query, gallery)
    assert torch.equal(first.order, whole.order[:, :depth])
    assert torch.equal(first.similarity, whole.similarity[:, :depth])


def test_embeddings_of_two_networks_are_refused():
    with pytest.raises(ValueError, match="queries have 4 dimensions, the gallery 5"):
        retrieval.rank(torch.zeros(1, 4), torch.zeros(1, 5))


def test_threshold_and_junk_filter():
    ranking = retrieval.Ranking(torch.tensor([[2, 0, 1], [1, 2, 0]]), torch.tensor([[0.9, 0.6, 0.2], [0.5, 0.4, 0.1]]))
    assert [found.tolist() for found in retrieval.same_person(ranking, 0.6)] == [[2, 0], []]
    keep = torch.tensor([True, True, False])
    assert [found.tolist() for found in retrieval.same_person(ranking, 0.4, keep)] == [[0], [1]]


def test_embeddings_that_are_no_numbers_and_no_depth():
    gallery = torch.eye(3)
    for broken in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="query embeddings have NaN or infinity"):
            retrieval.rank(gallery[:1] * broken, gallery)
    with pytest.raises(ValueError, match="depth is 0"):
        retrieval.rank(gallery, gallery, depth=0)


def test_answers_leave_junk_out_of_everything():
    generator = torch.Generator().manual_seed(0)
    query, gallery = (F.normalize(torch.randn(n, 4, generator=generator)) for n in (6, 30))
    keep = torch.rand(30, generator=generator) > 0.3
    kept = keep.nonzero()[:, 0]
    plain = retrieval.answers(query, gallery, keep)
    alone = retrieval.rank(query, gallery[keep])
    assert torch.equal(plain.order, kept[alone.order]) and torch.equal(plain.similarity, alone.similarity)
    assert torch.equal(retrieval.answers(query, gallery).order, retrieval.rank(query, gallery).order)
    moved = retrieval.expand_queries(query, gallery[keep], 3)
    by_expansion = retrieval.answers(query, gallery, keep, neighbours=3)
    assert torch.equal(by_expansion.order, kept[retrieval.rank(moved, gallery[keep]).order])
    reranked = retrieval.answers(query, gallery, keep, reranked=True)
    assert torch.equal(reranked.order, kept[retrieval.rank_distances(retrieval.rerank(query, gallery[keep]))])
    for ranking in (by_expansion, reranked):  # a threshold means the same in every order
        torch.testing.assert_close(ranking.similarity, (query @ gallery.T).gather(1, ranking.order))
    few = retrieval.answers(query[:1], gallery[:4], reranked=True)  # fewer images than k1
    assert sorted(few.order[0].tolist()) == [0, 1, 2, 3]


def test_ranking_distances_is_stable():
    distances = torch.tensor([[0.5, 0.2, 0.5, 0.2]])
    assert retrieval.rank_distances(distances).tolist() == [[1, 3, 0, 2]]
    assert retrieval.rank_distances(distances, depth=2).tolist() == [[1, 3]]


def test_reordered_lists_keep_each_images_similarity():
    query, gallery = torch.eye(2), F.normalize(torch.tensor([[1.0, 0.2], [0.3, 1], [1, 1]]))
    ranking = retrieval.rank(query, gallery)
    distances = torch.tensor([[0.3, 0.1, 0.2], [0.1, 0.2, 0.3]])
    again = retrieval.reordered(ranking, distances)
    assert again.order.tolist() == [[1, 2, 0], [0, 1, 2]]
    torch.testing.assert_close(again.similarity, (query @ gallery.T).gather(1, again.order))
    # the list ends by similarity, in the new order
    assert [found.tolist() for found in retrieval.same_person(again, 0.5)] == [[2, 0], [1, 2]]
