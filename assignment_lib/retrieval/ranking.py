"""From embeddings to ranked lists of the gallery, and to the images of the same person."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from assignment_lib.retrieval.expansion import expand_queries
from assignment_lib.retrieval.index import build_index, search_index
from assignment_lib.retrieval.reranking import neighbourhood, rerank


class Ranking(NamedTuple):
    """The nearest K of G gallery images for each of Q queries, best first; ties in gallery order."""

    order: Tensor  # (Q, K) int64 positions in the gallery
    similarity: Tensor  # (Q, K) float32 cosine similarities; descending, unless another distance gave the order


def rank(query: Tensor, gallery: Tensor, depth: int | None = None, chunk: int = 512, index: Any = "exact") -> Ranking:
    """Gallery images by cosine similarity to each query.

    `query` `(Q, D)` and `gallery` `(G, D)` are float32 and L2-normalised; `depth` keeps the first so many (all where
    None). Works through `chunk` queries at a time, so that memory stays at `chunk * G` similarities. The exact search is
    a product and torch's sort: faiss's takes nearly twice as long (1.3 s beside 0.7 s for the first 50 of 19,732 images
    for 3,368 queries, docs/speed.md) and leaves ties in no particular order.

    `index`: "exact"; or, for large galleries and a small `depth`, "faiss" (exact too, by faiss-cpu) or "hnsw" (a graph
    that is searched without looking at every image), built for this call; or what `build_index` gave for this gallery,
    for one call after the other. All but "exact" need the extra package faiss-cpu. What a graph misses is a place of -1
    with a similarity of -1.

    Raises ValueError where the two have different dimensions, hold NaN or infinity, or `index` is of another gallery.
    """
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"queries have {query.shape[1]} dimensions, the gallery {gallery.shape[1]}: they come from two networks; "
            "compute both with the same one"
        )
    for name, embeddings in (("query", query), ("gallery", gallery)):
        if not embeddings.isfinite().all():
            raise ValueError(
                f"{name} embeddings have NaN or infinity; the network they come from is broken, train it anew"
            )
    if depth is not None and depth < 1:
        raise ValueError(f"depth is {depth}; it must be at least 1")
    depth = len(gallery) if depth is None else min(depth, len(gallery))
    if isinstance(index, str) and index == "exact":
        parts = [_first(rows @ gallery.T, depth) for rows in query.split(chunk)]
        return Ranking(*(torch.cat(part) for part in zip(*parts, strict=True)))
    index = build_index(gallery, index) if isinstance(index, str) else index
    return Ranking(*search_index(index, query, gallery, depth))


def _first(similarity: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """Places and values of the `depth` largest of each row of `(n, G)`, descending, equal ones in gallery order."""
    if 4 * depth > similarity.shape[1]:
        values, order = similarity.sort(dim=1, descending=True, stable=True)
        return order[:, :depth].clone(), values[:, :depth].clone()
    values, order = similarity.topk(depth)
    # of those that equal the last one topk takes any, so rows where not all of them fit are sorted
    doubtful = (similarity >= values[:, -1:]).sum(1) > depth
    order = order.sort(dim=1).values
    values, place = similarity.gather(1, order).sort(dim=1, descending=True, stable=True)
    order = order.gather(1, place)
    if doubtful.any():
        sorted_values, places = similarity[doubtful].sort(dim=1, descending=True, stable=True)
        order[doubtful], values[doubtful] = places[:, :depth], sorted_values[:, :depth]
    return order, values


def rank_distances(distances: Tensor, depth: int | None = None) -> Tensor:
    """Gallery positions by distance `(Q, G)`, smallest first, for example re-ranked ones: `(Q, K)` int64, stable."""
    return distances.sort(dim=1, stable=True).indices[:, :depth]


def reordered(ranking: Ranking, distances: Tensor) -> Ranking:
    """The images of a whole `ranking` `(Q, G)` by `distances` `(Q, G)` instead, each with its cosine similarity still.

    For lists that end by similarity and are ordered by a better judge, `rerank`.
    """
    order = rank_distances(distances.to(ranking.similarity.device))  # `rerank` gives its own on the CPU
    similarity = torch.empty_like(ranking.similarity).scatter_(1, ranking.order, ranking.similarity)
    return Ranking(order, similarity.gather(1, order))


def answers(
    query: Tensor, gallery: Tensor, keep: Tensor | None = None, neighbours: int = 0, reranked: bool = False
) -> Ranking:
    """What a query is answered with: all gallery images that pass `keep`, best first, before a threshold ends the list.

    `keep` `(G,)` bool says which images pass the junk filter; the others take no part in anything. `neighbours` are those
    of `expand_queries`, 0 for none; `reranked` orders by `rerank`. The similarities stay those of the queries as given,
    so that a threshold means the same with and without.
    """
    kept = (torch.arange(len(gallery)) if keep is None else keep.nonzero()[:, 0]).to(gallery.device)
    gallery = gallery[kept]
    ranking = rank(query, gallery)
    asked = expand_queries(query, gallery, neighbours)
    if reranked:
        sizes = neighbourhood(len(query) + len(gallery))
        ranking = reordered(ranking, rerank(asked, gallery, sizes["k1"], sizes["k2"]))
    elif neighbours:
        ranking = reordered(ranking, 1 - asked @ gallery.T)
    return Ranking(kept[ranking.order], ranking.similarity)


def same_person(ranking: Ranking, threshold: float, keep: Tensor | None = None) -> list[Tensor]:
    """For each query the gallery positions with a similarity of at least `threshold`, best first.

    `keep` `(G,)` bool says which gallery images pass the junk filter; None keeps all. A list may be empty.
    """
    accepted = ranking.similarity >= threshold
    if keep is not None:
        accepted &= keep.to(ranking.order.device)[ranking.order]
    return [order[passed] for order, passed in zip(ranking.order, accepted, strict=True)]
