"""Scores of (query, image) pairs by which a decision can be made, each the larger the likelier the same person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from assignment_lib.retrieval.mutual import mutual_ranks, nearest_similarities
from assignment_lib.retrieval.normalisation import gallery_cohort, s_norm, z_norm
from assignment_lib.retrieval.reranking import neighbourhood, rerank

#: "mutual" is minus the mutual rank, and between equal ones the more similar image has a little more.
SCORES = ("similarity", "z-norm", "s-norm", "mutual")


class GallerySide(NamedTuple):
    """What each gallery image says of its neighbours, computed once for a gallery and its queries."""

    mean: Tensor  # (G,) of its cohort, and
    deviation: Tensor  # (G,)
    nearest: Tensor  # (G, K), ascending


def gallery_side(query: Tensor, gallery: Tensor, own: Tensor | None = None) -> GallerySide:
    """The gallery's side of `query` `(Q, D)` and `gallery` `(G, D)`.

    `own` `(Q,)` is the gallery position of each query's own image, -1 where it is not there; None means that none is. A
    query that is in the gallery is not counted twice.
    """
    others = query if own is None else query[own < 0]
    return GallerySide(*gallery_cohort(gallery), nearest_similarities(gallery, others))


def similarity_blocks(query: Tensor, gallery: Tensor, own: Tensor | None = None, chunk: int = 256) -> Iterator[Tensor]:
    """Cosine similarities `(n, G)` of `chunk` queries after the other; -inf for a query's own image."""
    for rows in torch.arange(len(query)).split(chunk):
        similarity = query[rows] @ gallery.T
        if own is not None:
            there = (own[rows] >= 0).nonzero()[:, 0]
            similarity[there, own[rows][there]] = -torch.inf
        yield similarity


def pair_scores(kind: str, similarity: Tensor, side: GallerySide) -> Tensor:
    """The scores of a block of similarities `(n, G)`, float32 `(n, G)`, -inf where it is; `kind` is one of `SCORES`."""
    if kind == "similarity":
        return similarity
    if kind == "z-norm":
        return z_norm(similarity)
    if kind == "s-norm":
        return s_norm(similarity, side.mean, side.deviation)
    if kind == "mutual":
        return (similarity + 1) / 4 - mutual_ranks(similarity, side.nearest)
    raise ValueError(f"a score is {', '.join(SCORES)}, not {kind!r}")


def reranked(query: Tensor, gallery: Tensor, own: Tensor | None = None) -> Tensor:
    """1 - the distance of `rerank`, `(Q, G)`, with as many neighbours as there are; -inf for a query's own image.

    `own` as in `gallery_side`. Where every query is in the gallery each takes part once.
    """
    own = None if own is None else own.cpu()  # as the result of `rerank` is
    within = own if own is not None and bool((own >= 0).all()) else None
    sizes = neighbourhood(len(gallery) + (len(query) if within is None else 0))
    scores = 1 - rerank(query, gallery, sizes["k1"], sizes["k2"], own=within)
    if own is not None:
        there = (own >= 0).nonzero()[:, 0]
        scores[there, own[there]] = -torch.inf
    return scores
