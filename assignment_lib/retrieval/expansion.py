"""Query expansion: each query takes up what is found first."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def expand_queries(
    query: Tensor,
    gallery: Tensor,
    neighbours: int = 5,
    alpha: float = 3.0,
    chunk: int = 512,
    own: Tensor | None = None,
) -> Tensor:
    """Alpha-weighted query expansion (Radenovic et al., TPAMI 2019): each query, moved towards its nearest gallery images.

    `query` `(Q, D)`, `gallery` `(G, D)` float32, L2-normalised. The query and its `neighbours` are added up with weights 1
    and similarity ** alpha, and normalised again: `(Q, D)`. `neighbours=0` changes nothing. `own` `(Q,)` is the gallery
    position of each query's own image, -1 where it is not there: it is no neighbour.
    """
    expanded = []
    itself = torch.full((len(query),), -1) if own is None else own
    for rows, mine in zip(query.split(chunk), itself.split(chunk), strict=True):
        everything = rows @ gallery.T
        inside = (mine >= 0).nonzero()[:, 0]
        everything[inside, mine[inside]] = -torch.inf
        similarity, place = everything.topk(min(neighbours, len(gallery)), dim=1)
        weights = similarity.clamp(min=0) ** alpha
        expanded.append(F.normalize(rows + (weights[:, :, None] * gallery[place]).sum(1)))
    return torch.cat(expanded)
