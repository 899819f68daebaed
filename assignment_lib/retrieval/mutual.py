"""Who stands where in whose ranking: the rank of an image for the query, and of the query for the image."""

from __future__ import annotations

import torch
from torch import Tensor

#: Ranks of the query for an image are counted up to here; one more means "further down".
DEEPEST = 100
#: Two products of the same rows may differ by this much in their last digits.
_NOISE = 1e-6


def ranks(similarity: Tensor) -> Tensor:
    """The rank of each gallery image for each query, from 1, equal ones in gallery order: int64 `(n, G)`.

    `similarity` `(n, G)`; what is -inf stands last.
    """
    order = similarity.sort(dim=1, descending=True, stable=True).indices
    places = torch.arange(1, similarity.shape[1] + 1, device=order.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, places)


def nearest_similarities(gallery: Tensor, others: Tensor, deepest: int = DEEPEST, chunk: int = 512) -> Tensor:
    """Each gallery image's `deepest` largest similarities to the rest of the gallery and to `others`, ascending: `(G, K)`.

    `gallery` `(G, D)` and `others` `(M, D)`, the queries, float32, L2-normalised. K is less than `deepest` where there are
    fewer images. In chunks: memory stays at `chunk * (G + M)` similarities.
    """
    everything = torch.cat([gallery, others])
    count, parts = min(deepest, len(everything) - 1), []
    for start in range(0, len(gallery), chunk):
        similarity = gallery[start : start + chunk] @ everything.T
        similarity[torch.arange(len(similarity)), torch.arange(start, start + len(similarity))] = -torch.inf
        parts.append(similarity.topk(count, dim=1).values.flip(1))
    return torch.cat(parts)


def ranks_of_query(similarity: Tensor, nearest: Tensor) -> Tensor:
    """The rank of each query for each gallery image, from 1 to K + 1 ("behind the nearest K"): int64 `(n, G)`.

    One more than the number of images that are nearer to the gallery image than the query is. `similarity` `(n, G)`;
    `nearest` `(G, K)` is that of `nearest_similarities`.
    """
    levels = (similarity + _NOISE).T.contiguous()
    return (1 + nearest.shape[1] - torch.searchsorted(nearest.contiguous(), levels, right=True)).T


def mutual_ranks(similarity: Tensor, nearest: Tensor) -> Tensor:
    """The larger of the two ranks: at most k where query and image are mutual k-nearest neighbours. int64 `(n, G)`.

    Zhong et al., CVPR 2017, equation 1, has the same as sets.
    """
    return torch.maximum(ranks(similarity), ranks_of_query(similarity, nearest))
