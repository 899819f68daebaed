"""Ranked lists by cosine similarity, and their comparison with known identities."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.evaluation.checks import Array, as_numpy, check_embeddings, check_unit_rows
from assignment_lib.evaluation.protocol import JUNK_ID, excluded


class Ranking(NamedTuple):
    """The K most similar of G gallery images for each of Q queries, best first; ties are in gallery order."""

    order: Tensor  # (Q, K) int64 gallery positions
    similarity: Tensor  # (Q, K) float32 cosine similarities, descending


def rank(query: Array, gallery: Array, depth: int | None = None, chunk: int = 512) -> Ranking:
    """Rank the gallery images by cosine similarity to each query.

    `query` `(Q, D)` and `gallery` `(G, D)` are L2-normalised embeddings, torch or numpy, in any floating precision;
    similarities are computed in float32. `depth` keeps the first images of each list (None keeps all). The function
    processes `chunk` queries at a time, so it holds `chunk * G` similarities.

    Raises `ValueError` for embeddings that are not normalised, hold NaN or infinity, are not `(N, D)`, or differ in
    their number of dimensions, and for a `depth` or `chunk` below 1.
    """
    query, gallery = check_embeddings(query, gallery)
    for name, value in (("depth", depth), ("chunk", chunk)):
        if value is not None and value < 1:
            raise ValueError(f"{name} is {value}; pass {name}=1 or more")
    depth = len(gallery) if depth is None else min(depth, len(gallery))
    parts = [best_first(rows @ gallery.T, depth) for rows in query.split(chunk)]
    return Ranking(*(torch.cat(part) for part in zip(*parts, strict=True)))


def best_first(scores: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """Positions and values of the `depth` largest scores of each row of `(n, G)`, descending; ties in gallery order."""
    if 4 * depth > scores.shape[1]:
        values, order = scores.sort(dim=1, descending=True, stable=True)
        return order[:, :depth].clone(), values[:, :depth].clone()
    values, order = scores.topk(depth)
    # topk takes any of the scores that equal the last one, so rows in which not all of them fit are sorted in full
    ambiguous = (scores >= values[:, -1:]).sum(1) > depth
    order = order.sort(dim=1).values
    values, positions = scores.gather(1, order).sort(dim=1, descending=True, stable=True)
    order = order.gather(1, positions)
    if ambiguous.any():
        sorted_values, positions = scores[ambiguous].sort(dim=1, descending=True, stable=True)
        order[ambiguous], values[ambiguous] = positions[:, :depth], sorted_values[:, :depth]
    return order, values


def rank_distances(distances: Array, depth: int | None = None) -> Tensor:
    """Gallery positions `(Q, K)` int64 by distance `(Q, G)`, smallest first, for example re-ranked; ties in order."""
    return torch.as_tensor(distances).sort(dim=1, stable=True).indices[:, :depth]


def same_person(ranking: Ranking, threshold: float, keep: Tensor | None = None) -> list[Tensor]:
    """For each query the gallery positions with a similarity of at least `threshold`, best first; may be empty.

    `keep` `(G,)` bool says which gallery images the junk filter keeps; None keeps all.
    """
    accepted = ranking.similarity >= threshold
    if keep is not None:
        accepted &= keep.to(ranking.order.device)[ranking.order]
    return [order[row] for order, row in zip(ranking.order, accepted, strict=True)]


def judge(order: Array, query: pd.DataFrame, gallery: pd.DataFrame) -> list[list[bool | None]] | None:
    """Compare ranked images with the known identities: True, False, or None for images that the protocol excludes.

    `order` `(Q, K)` holds gallery positions for the rows of `query`. Excluded are junk images (id -1) and images of the
    same person from the same camera, where cameras are known. Returns None where the test identities are unknown.
    """
    ids = gallery["pid"].to_numpy()
    if (query["pid"] < 0).any() or (ids < JUNK_ID).any():
        return None
    cameras = gallery["camera"].to_numpy()
    verdicts: list[list[bool | None]] = []
    for row, pid, camera in zip(as_numpy(order), query["pid"], query["camera"], strict=True):
        skipped = excluded(pid, camera if camera >= 0 else None, ids[row], cameras[row])
        verdicts.append([None if skip else bool(match) for match, skip in zip(ids[row] == pid, skipped, strict=True)])
    return verdicts


def one_query_per_person(ids: Array) -> np.ndarray:
    """Which images of a split are queries if the first image of each identity queries the rest: bool `(N,)`.

    `ids` is `(N,)`. An identity with a single image has no query; its image stays in the gallery.
    """
    _, first, counts = np.unique(as_numpy(ids), return_index=True, return_counts=True)
    is_query = np.zeros(len(ids), bool)
    is_query[first[counts > 1]] = True
    return is_query


def pair_similarities(embeddings: Array, ids: Array, max_pairs: int = 1_000_000) -> tuple[np.ndarray, np.ndarray]:
    """Cosine similarities of all pairs of the same person and of pairs of different people, both float32 1-D.

    `embeddings` `(N, D)` are L2-normalised, `ids` is `(N,)`. At most about `max_pairs` pairs of different people are
    kept, evenly spaced: a histogram needs no more.
    """
    embeddings, ids = check_unit_rows(embeddings).cpu(), as_numpy(ids)
    similarity = embeddings @ embeddings.T
    first, second = torch.triu_indices(len(ids), len(ids), offset=1)
    values = similarity[first, second].numpy()
    same = ids[first.numpy()] == ids[second.numpy()]
    different = values[~same]
    return values[same], different[:: max(1, len(different) // max_pairs)]
