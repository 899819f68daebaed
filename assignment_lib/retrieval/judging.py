"""Rankings and embeddings beside known identities: verdicts on lists, queries of a split, similarities of pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor


def judge(order: Tensor, query: pd.DataFrame, gallery: pd.DataFrame) -> list[list[bool | None]] | None:
    """Whether each ranked image is the query's person: True, False, or None for what Market-1501 does not count.

    `order` `(Q, K)` are gallery positions for the rows of `query`. Not counted are junk (id -1) and images of the same
    person from the same camera, where the cameras are known. Returns None where the identities of the test are not.
    """
    ids = gallery["pid"].to_numpy()
    if (query["pid"] < 0).any() or (ids < -1).any():
        return None
    cameras = gallery["camera"].to_numpy()
    verdicts: list[list[bool | None]] = []
    for row, pid, camera in zip(order.numpy(), query["pid"], query["camera"], strict=True):
        same = ids[row] == pid
        skipped = (ids[row] == -1) | (same & (cameras[row] == camera) & (camera >= 0))
        verdicts.append([None if out else bool(hit) for hit, out in zip(same, skipped, strict=True)])
    return verdicts


def one_query_a_person(ids: np.ndarray) -> np.ndarray:
    """Which images of a split are queries where each identity's first one is searched for in the rest: bool `(N,)`.

    `ids` is `(N,)`. The only image of an identity is in the rest, as an image of someone else.
    """
    _, first, counts = np.unique(ids, return_index=True, return_counts=True)
    asked = np.zeros(len(ids), bool)
    asked[first[counts > 1]] = True
    return asked


def pair_similarities(embeddings: Tensor, ids: np.ndarray, most: int = 1_000_000) -> tuple[np.ndarray, np.ndarray]:
    """Cosine similarities of all pairs of the same person and of pairs of different people, both float32 1-D.

    `embeddings` `(N, D)` L2-normalised, `ids` `(N,)`. Of the pairs of different people at most about `most` are
    kept, evenly spaced: a histogram needs no more.
    """
    similarity = embeddings @ embeddings.T
    first, second = torch.triu_indices(len(ids), len(ids), offset=1)
    values = similarity[first, second].numpy()
    same = ids[first.numpy()] == ids[second.numpy()]
    different = values[~same]
    return values[same], different[:: max(1, len(different) // most)]
