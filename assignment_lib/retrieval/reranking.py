"""k-reciprocal re-ranking (Zhong et al. 2017), sparse and in chunks.

The authors' code, and that of the libraries that took it over, is dense: it holds several N x N matrices, of 2.0 GiB each
for the 23,100 queries and gallery images of Market-1501. This takes 4.1 s for them on two cores, twice the time of the
all-pairs product alone, and 570 MiB above the inputs (docs/speed.md).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from assignment_lib.progress import bar

_CHUNK_BYTES = 64 * 2**20  # of similarities at a time
_PAIRS = 32768  # whose distances are computed at a time


def rerank(
    query: Tensor,
    gallery: Tensor,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    progress: bool = False,
    own: Tensor | None = None,
) -> Tensor:
    """The re-ranked distance of each query to each gallery image, `(Q, G)` float32 on the CPU, smallest first.

    `query` `(Q, D)`, `gallery` `(G, D)`: floating, on any device; distances are computed where `gallery` is, and
    the sparse rest on the CPU. From squared Euclidean distances of the embeddings as given, each row divided by its
    largest, as in the authors' code:
    the k-reciprocal neighbours among the `k1` nearest (equation 3), widened by those of their neighbours that agree in
    more than two thirds of their own (equation 4; "at least" in the paper, "more" in the code), weighted by
    exp(-distance) (equation 7), averaged over the `k2` nearest (equation 11), compared by the Jaccard distance
    (equation 10); `lambda_value` is the share of the first distance in the sum (equation 12).

    `own` `(Q,)` says that each query is itself the gallery image at this position, as in a search among validation images:
    it is then its own neighbour once, not twice.

    Take junk out of the gallery first: it takes part in the neighbourhoods. Raises ValueError where the two have different
    dimensions, hold NaN or infinity, or are too few for `k1` and `k2`.
    """
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query {tuple(query.shape)} and gallery {tuple(gallery.shape)} must be (Q, D) and (G, D); compute both with "
            "the same network"
        )
    rest = torch.ones(len(gallery), dtype=torch.bool)
    if own is not None:
        own = own.cpu()
        rest[own] = False
    everything = torch.cat([query.to(gallery.device), gallery[rest.to(gallery.device)]]).float()
    if not everything.isfinite().all():
        raise ValueError("embeddings have NaN or infinity; the network they come from is broken, train it anew")
    queries, count = len(query), len(everything)
    if not 0 < k2 <= k1 + 1 <= count:
        raise ValueError(f"k2={k2} and k1={k1} must be 0 < k2 <= k1 + 1 <= {count}, the number of all images")
    first = queries if own is None else 0  # of the images that count as gallery
    nearest, distances, largest, direct = _nearest(everything, queries, first, k1 + 1, progress)
    weights = _reciprocal_weights(everything, nearest, distances, largest, k1)
    if k2 > 1:
        rows = np.repeat(np.arange(count), k2)
        mean = sparse.csr_array(
            (np.full(count * k2, 1 / k2, np.float32), (rows, nearest[:, :k2].ravel())), (count, count)
        )
        weights = mean @ weights
    result = _blend(weights, direct, first, lambda_value)
    if own is None:
        return result
    place = torch.empty(len(gallery), dtype=torch.int64)
    place[rest], place[own] = torch.arange(queries, count), torch.arange(queries)
    return result[:, place]


def neighbourhood(images: int) -> dict[str, int]:
    """`k1` and `k2` of `rerank` for so many queries and gallery images together: 20 and 6, or less where images are few."""
    k1 = min(20, images - 1)
    return {"k1": k1, "k2": min(6, k1)}


def _nearest(
    everything: Tensor, queries: int, first: int, k: int, progress: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Tensor]:
    """The `k` nearest of each image and their distances `(N, k)`, its largest one `(N,)`, the queries' to the gallery.

    The gallery begins at `first`. Distances are squared Euclidean; those of the queries to the gallery are already divided
    by their row's largest.
    """
    count = len(everything)
    squares = everything.square().sum(1)
    rows = max(1, _CHUNK_BYTES // (4 * count))
    block = torch.empty(rows, count, device=everything.device)
    nearest, nearest_distance = torch.empty(count, k, dtype=torch.int64), torch.empty(count, k)
    largest = torch.empty(count)
    direct = torch.empty(queries, count - first)
    with bar(total=count, desc="neighbours", unit="image", show=progress) as done:
        for start in range(0, count, rows):
            part = everything[start : start + rows]
            # |b|^2 - 2 ab orders a row as |a - b|^2 does
            distance = torch.addmm(squares, part, everything.T, alpha=-2, out=block[: len(part)])
            own = squares[start : start + rows]
            found = distance.topk(k, dim=1, largest=False)
            nearest[start : start + rows] = found.indices.cpu()
            nearest_distance[start : start + rows] = (found.values + own[:, None]).clamp_(min=0).cpu()
            most = (distance.amax(1) + own).clamp_(min=torch.finfo(torch.float32).tiny)  # all images may be the same
            largest[start : start + rows] = most.cpu()
            if start < queries:
                some = slice(0, queries - start)
                scaled = (distance[some, first:] + own[some, None]).clamp_(min=0) / most[some, None]
                direct[start : start + len(scaled)] = scaled.cpu()
            done.update(len(part))
    return nearest.numpy(), nearest_distance.numpy(), largest.numpy(), direct


def _reciprocal_weights(
    features: Tensor, nearest: np.ndarray, distances: np.ndarray, largest: np.ndarray, k1: int
) -> sparse.csr_array:
    """The weighted k-reciprocal neighbours of each image, rows that sum to 1: sparse `(N, N)` float32."""
    count = len(nearest)
    full = _mutual(nearest)
    half = _mutual(nearest[:, : round(k1 / 2) + 1])
    # how many of the half neighbourhood of q lie in the neighbourhood of i, for the q that lie there themselves
    shared = full.multiply(full @ half.T).tocoo()
    agree = shared.data > 2 / 3 * np.diff(half.indptr)[shared.col]
    chosen = sparse.csr_array((np.ones(agree.sum(), np.float32), (shared.row[agree], shared.col[agree])), full.shape)
    neighbours = (full + chosen @ half).astype(bool).tocsr()

    # the distances of the nearest are known (one is added, so that 0 is not taken for nothing); few are missing
    known = sparse.csr_array(
        (1 + distances.ravel(), nearest.ravel().copy(), np.arange(0, nearest.size + 1, nearest.shape[1])), full.shape
    )
    found = neighbours.multiply(known)
    missing = (neighbours.astype(np.int8) - found.astype(bool).astype(np.int8)).tocoo()
    missing.eliminate_zeros()
    rest = sparse.csr_array(
        (1 + _distances(features, missing.row, missing.col), (missing.row, missing.col)), full.shape
    )
    weighted = (found + rest).tocsr()

    row = np.repeat(np.arange(count), np.diff(weighted.indptr))
    weights = np.exp((1 - weighted.data) / largest[row])
    weighted.data = (weights / np.bincount(row, weights, count)[row]).astype(np.float32)
    return weighted


def _mutual(nearest: np.ndarray) -> sparse.csr_array:
    """1 where two images are among each other's nearest: sparse `(N, N)`. Every image is its own neighbour."""
    count, k = nearest.shape
    ones = np.ones(count * k, np.float32)
    forward = sparse.csr_array((ones, nearest.ravel().copy(), np.arange(0, count * k + 1, k)), (count, count))
    forward.sort_indices()
    return forward.multiply(forward.T).tocsr()


def _distances(features: Tensor, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances of pairs of images, float32."""
    first, second = (torch.as_tensor(places.astype(np.int64), device=features.device) for places in (row, column))
    parts = [
        (features[a] - features[b]).square().sum(1)
        for a, b in zip(first.split(_PAIRS), second.split(_PAIRS), strict=True)
    ]
    return torch.cat(parts).cpu().numpy()


def _blend(weights: sparse.csr_array, direct: Tensor, first: int, lambda_value: float) -> Tensor:
    """The Jaccard distances of the queries to the images from `first` on, mixed into `direct`, which is overwritten."""
    columns = weights.tocsc()
    result, count = direct.numpy(), weights.shape[0]
    for i in range(len(result)):
        mine = slice(weights.indptr[i], weights.indptr[i + 1])
        neighbours, own = weights.indices[mine], weights.data[mine]
        starts, lengths = columns.indptr[neighbours], np.diff(columns.indptr)[neighbours]
        # the places of all entries in the neighbours' columns, one after the other
        places = np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        least = np.minimum(np.repeat(own, lengths), columns.data[places])
        overlap = np.bincount(columns.indices[places], least, count)[first:]
        result[i] *= lambda_value
        result[i] += ((1 - lambda_value) * (1 - overlap / (2 - overlap))).astype(np.float32)
    return direct
