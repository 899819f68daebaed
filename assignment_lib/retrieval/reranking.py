"""k-reciprocal re-ranking (Zhong et al. 2017), sparse and in chunks, and attributes averaged over the same neighbours.

The authors' code and its copies in other libraries hold several dense N x N matrices, 2.0 GiB each for the 23,100
queries and gallery images of Market-1501. This implementation gives the same distances in 4.1 s on two cores, twice the
time of the matrix product alone, with 570 MiB above its inputs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from assignment_lib.evaluation.checks import Array, check_embeddings
from assignment_lib.evaluation.predictions import Adjustment, Predictions, without_adjustment
from assignment_lib.files import bar

_CHUNK_BYTES = 64 * 2**20  # of similarities held at a time
_PAIRS = 32768  # pairs whose distances are computed at a time


def rerank(
    query: Array,
    gallery: Array,
    k1: int = 20,
    k2: int = 6,
    lambda_value: float = 0.3,
    progress: bool = False,
    own: Tensor | None = None,
) -> Tensor:
    """The re-ranked distance of each query to each gallery image, `(Q, G)` float32 on the CPU; smaller is nearer.

    `query` `(Q, D)` and `gallery` `(G, D)` are L2-normalised embeddings, torch or numpy, in any floating precision.
    Distances are computed on the gallery's device, the sparse rest on the CPU. As in the authors' code, the input is
    the squared Euclidean distance, each row divided by its maximum:

    - the k-reciprocal neighbours among the `k1` nearest images (equation 3),
    - extended by the neighbourhoods of these neighbours that share more than two thirds of their images with it
      (equation 4: "at least" in the paper, "more than" in the code),
    - weighted by exp(-distance) (equation 7), averaged over the `k2` nearest images (equation 11),
    - compared by the Jaccard distance (equation 10), and mixed with the original distance, whose share is
      `lambda_value` (equation 12).

    `own` `(Q,)` int64 gives the gallery position of each query that is itself a gallery image, as in a search among
    validation images, and -1 for other queries. Such a query then counts as its own neighbour once instead of twice.

    Remove junk from the gallery first, because it takes part in the neighbourhoods. Raises `ValueError` for embeddings
    that are not normalised, hold NaN or infinity, or differ in their number of dimensions, and for a `k1` or `k2` that
    does not fit the number of images.
    """
    query, gallery = check_embeddings(query, gallery)
    in_gallery_only = torch.ones(len(gallery), dtype=torch.bool)
    if own is not None:
        own = own.cpu()
        in_gallery_only[own[own >= 0]] = False
    everything = torch.cat([query, gallery[in_gallery_only.to(gallery.device)]])
    queries, count = len(query), len(everything)
    if not 0 < k2 <= k1 + 1 <= count:
        fitting = neighbourhood(count)
        raise ValueError(
            f"k1={k1} and k2={k2} do not fit {count} images (queries and gallery): 0 < k2 <= k1 + 1 <= {count}. "
            f"Pass k1={fitting['k1']}, k2={fitting['k2']} or smaller, or more images."
        )
    first = queries if own is None else 0  # where the gallery begins in `everything`
    weights, direct = _neighbourhoods(everything, queries, first, k1, k2, progress)
    result = _blend(weights, direct, first, lambda_value)
    if own is None:
        return result
    column = torch.empty(len(gallery), dtype=torch.int64)
    column[in_gallery_only] = torch.arange(queries, count)
    column[own[own >= 0]] = torch.arange(queries)[own >= 0]
    return result[:, column]


def neighbourhood(images: int) -> dict[str, int]:
    """`k1` and `k2` of `rerank` for a number of queries and gallery images together: 20 and 6, or fewer if they fit."""
    k1 = min(20, images - 1)
    return {"k1": k1, "k2": max(1, min(6, k1))}


def reranked_scores(query: Array, gallery: Array, own: Tensor | None = None, progress: bool = False) -> Tensor:
    """1 - the distance of `rerank`, `(Q, G)` float32 in about [0, 1]; larger is better. `k1` and `k2` are made to fit.

    `own` `(Q,)` int64 is that of `rerank`: the gallery position of each query that is itself a gallery image, else -1.
    """
    twice = 0 if own is None else len(own[own >= 0].unique())
    sizes = neighbourhood(len(query) + len(gallery) - twice)
    return rerank(query, gallery, **sizes, own=own, progress=progress).neg_().add_(1)


def jaccard_neighbours(embeddings: Array, radius: float) -> sparse.csr_matrix:
    """The Jaccard distances (equation 10, as in `rerank`) of all pairs of images nearer than `radius`: sparse `(N, N)`.

    `embeddings` `(N, D)` are L2-normalised. `k1` and `k2` are those of `rerank`, made to fit. A distance of 0, which a
    sparse matrix does not store, becomes 1e-6. Raises the errors of `rerank`.
    """
    weights = _neighbour_weights(embeddings)
    rows = []
    for distances in _jaccard_rows(weights, len(embeddings)):
        near = np.flatnonzero(distances < radius)
        rows.append((near, np.maximum(distances[near], 1e-6)))
    indices, values = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    ends = np.cumsum([0, *(len(near) for near, _ in rows)])
    return sparse.csr_matrix((values, indices, ends), (len(embeddings), len(embeddings)))


def with_neighbours(predictions: Predictions, adjustment: Adjustment = None) -> Predictions:
    """`predictions` with the probabilities of each image averaged over its neighbours: `p_i = sum_j w_ij p_j`.

    `w_ij` are the weights by which `rerank` compares neighbourhoods (equation 11), with its `k1` and `k2`, made to fit; an
    image has a share in its own average. The embeddings stay the same. `adjustment` is the network's `LogitAdjustment`: it
    is removed before the average and applied afterwards, since averaging adjusted probabilities would favour the common
    classes again. Raises the errors of `rerank`.
    """
    weights = _neighbour_weights(predictions.embeddings)
    raw = without_adjustment(predictions.probabilities, adjustment)
    mixed = {task: torch.from_numpy(weights @ values.numpy()) for task, values in raw.items()}
    if adjustment is not None:
        logits = adjustment({task: values.log() for task, values in mixed.items()})
        mixed = {task: values.softmax(1) for task, values in logits.items()}
    return predictions._replace(probabilities=mixed)


def _neighbour_weights(embeddings: Array) -> sparse.csr_array:
    """The first result of `_neighbourhoods` for a set of images, `k1` and `k2` made to fit: rows that sum to 1."""
    embeddings, _ = check_embeddings(embeddings, embeddings)
    return _neighbourhoods(embeddings, 0, 0, **neighbourhood(len(embeddings)), progress=False)[0]


def _neighbourhoods(
    everything: Tensor, queries: int, first: int, k1: int, k2: int, progress: bool
) -> tuple[sparse.csr_array, Tensor]:
    """The weights of the expanded neighbourhoods (equations 3 to 11), sparse `(N, N)`, and `_nearest`'s fourth result."""
    nearest, distances, largest, direct = _nearest(everything, queries, first, k1 + 1, progress)
    weights = _reciprocal_weights(everything, nearest, distances, largest, k1)
    if k2 > 1:
        count = len(everything)
        rows = np.repeat(np.arange(count), k2)
        mean = sparse.csr_array(
            (np.full(count * k2, 1 / k2, np.float32), (rows, nearest[:, :k2].ravel())), (count, count)
        )
        weights = mean @ weights
    return weights, direct


def _nearest(
    everything: Tensor, queries: int, first: int, k: int, progress: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Tensor]:
    """For each image the `k` nearest and their squared Euclidean distances, both `(N, k)`, and its largest, `(N,)`.

    The fourth result is the distance of each query to the gallery, which begins at `first`, divided by the row's
    largest.
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
            square = squares[start : start + rows]
            smallest = distance.topk(k, dim=1, largest=False)
            nearest[start : start + rows] = smallest.indices.cpu()
            nearest_distance[start : start + rows] = (smallest.values + square[:, None]).clamp_(min=0).cpu()
            # clamped, because all images may be identical
            row_largest = (distance.amax(1) + square).clamp_(min=torch.finfo(torch.float32).tiny)
            largest[start : start + rows] = row_largest.cpu()
            if start < queries:
                some = slice(0, queries - start)
                scaled = (distance[some, first:] + square[some, None]).clamp_(min=0) / row_largest[some, None]
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
    # the number of images that the half neighbourhood of q shares with the neighbourhood of i, for each neighbour q of i
    shared = full.multiply(full @ half.T).tocoo()
    agree = shared.data > 2 / 3 * np.diff(half.indptr)[shared.col]
    chosen = sparse.csr_array((np.ones(agree.sum(), np.float32), (shared.row[agree], shared.col[agree])), full.shape)
    neighbours = (full + chosen @ half).astype(bool).tocsr()

    # the distances of the nearest are known (1 is added, because a sparse matrix does not store 0); few are missing
    known = sparse.csr_array(
        (1 + distances.ravel(), nearest.ravel().copy(), np.arange(0, nearest.size + 1, nearest.shape[1])), full.shape
    )
    stored = neighbours.multiply(known)
    missing = (neighbours.astype(np.int8) - stored.astype(bool).astype(np.int8)).tocoo()
    missing.eliminate_zeros()
    rest = sparse.csr_array(
        (1 + _distances(features, missing.row, missing.col), (missing.row, missing.col)), full.shape
    )
    weighted = (stored + rest).tocsr()

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
    first, second = (torch.as_tensor(positions.astype(np.int64), device=features.device) for positions in (row, column))
    parts = [
        (features[a] - features[b]).square().sum(1)
        for a, b in zip(first.split(_PAIRS), second.split(_PAIRS), strict=True)
    ]
    return torch.cat(parts).cpu().numpy()


def _blend(weights: sparse.csr_array, direct: Tensor, first: int, lambda_value: float) -> Tensor:
    """Mix the Jaccard distances of the queries to the images from `first` on into `direct`, which is overwritten."""
    result = direct.numpy()
    for row, distances in zip(result, _jaccard_rows(weights, len(result)), strict=True):
        row *= lambda_value
        row += ((1 - lambda_value) * distances[first:]).astype(np.float32)
    return direct


def _jaccard_rows(weights: sparse.csr_array, rows: int) -> Iterator[np.ndarray]:
    """The Jaccard distances of each of the first `rows` images to all images, `(N,)` float64."""
    columns, count = weights.tocsc(), weights.shape[0]
    for i in range(rows):
        entries = slice(weights.indptr[i], weights.indptr[i + 1])
        neighbours, row_weights = weights.indices[entries], weights.data[entries]
        starts, lengths = columns.indptr[neighbours], np.diff(columns.indptr)[neighbours]
        # the positions of all entries in the neighbours' columns, column by column
        positions = np.arange(lengths.sum()) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        minima = np.minimum(np.repeat(row_weights, lengths), columns.data[positions])
        overlap = np.bincount(columns.indices[positions], minima, count)
        yield 1 - overlap / (2 - overlap)
