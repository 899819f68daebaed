"""From embeddings to the images of the same person: ranking by cosine similarity, and the threshold that ends a list."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Ranking(NamedTuple):
    """The nearest K of G gallery images for each of Q queries, best first; ties in gallery order."""

    order: Tensor  # (Q, K) int64 positions in the gallery
    similarity: Tensor  # (Q, K) float32 cosine similarities, descending


def rank(query: Tensor, gallery: Tensor, depth: int | None = None, chunk: int = 512) -> Ranking:
    """Gallery images by cosine similarity to each query.

    `query` `(Q, D)` and `gallery` `(G, D)` are float32 and L2-normalised; `depth` keeps the first so many (all where
    None). Works through `chunk` queries at a time, so that memory stays at `chunk * G` similarities.
    """
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"queries have {query.shape[1]} dimensions, the gallery {gallery.shape[1]}: they come from two networks; "
            "compute both with the same one"
        )
    depth = len(gallery) if depth is None else min(depth, len(gallery))
    orders, similarities = [], []
    for rows in query.split(chunk):
        sorted_similarity, order = (rows @ gallery.T).sort(dim=1, descending=True, stable=True)
        orders.append(order[:, :depth].clone())
        similarities.append(sorted_similarity[:, :depth].clone())
    return Ranking(torch.cat(orders), torch.cat(similarities))


def same_person(ranking: Ranking, threshold: float, keep: Tensor | None = None) -> list[Tensor]:
    """For each query the gallery positions with a similarity of at least `threshold`, best first.

    `keep` `(G,)` bool says which gallery images pass the junk filter; None keeps all. A list may be empty.
    """
    accepted = ranking.similarity >= threshold
    if keep is not None:
        accepted &= keep[ranking.order]
    return [order[passed] for order, passed in zip(ranking.order, accepted, strict=True)]
