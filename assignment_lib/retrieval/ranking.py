"""Ranked lists by cosine similarity, their comparison with known identities, and what the embeddings look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.manifold import TSNE
from torch import Tensor

from assignment_lib.evaluation.checks import Array, as_numpy, check_embeddings, check_unit_rows
from assignment_lib.evaluation.protocol import JUNK_ID, excluded

_ROWS = 512  # queries ranked at a time
_MAX_PAIRS = 1_000_000


class Ranking(NamedTuple):
    """The G gallery images by their similarity to each of Q queries, best first; ties are in gallery order."""

    order: Tensor  # (Q, G) int64 gallery positions
    similarity: Tensor  # (Q, G) float32 cosine similarities, descending


def rank(query: Array, gallery: Array) -> Ranking:
    """Rank the gallery images by cosine similarity to each query.

    `query` `(Q, D)` and `gallery` `(G, D)` are L2-normalised embeddings, torch or numpy, in any floating precision;
    similarities are computed in float32.

    Raises `ValueError` for embeddings that are not normalised, hold NaN or infinity, are not `(N, D)`, or differ in
    their number of dimensions.
    """
    query, gallery = check_embeddings(query, gallery)
    parts = [(rows @ gallery.T).sort(dim=1, descending=True, stable=True) for rows in query.split(_ROWS)]
    return Ranking(torch.cat([part.indices for part in parts]), torch.cat([part.values for part in parts]))


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


def pair_similarities(embeddings: Array, ids: Array) -> tuple[np.ndarray, np.ndarray]:
    """Cosine similarities of all pairs of the same person and of pairs of different people, both float32 1-D.

    `embeddings` `(N, D)` are L2-normalised, `ids` is `(N,)`. At most about a million pairs of different people are kept,
    evenly spaced: a histogram needs no more.
    """
    embeddings, ids = check_unit_rows(embeddings).cpu(), as_numpy(ids)
    similarity = embeddings @ embeddings.T
    first, second = torch.triu_indices(len(ids), len(ids), offset=1)
    values = similarity[first, second].numpy()
    same = ids[first.numpy()] == ids[second.numpy()]
    different = values[~same]
    return values[same], different[:: max(1, len(different) // _MAX_PAIRS)]


def tsne_map(embeddings: Array, seed: int = 0) -> np.ndarray:
    """Project embeddings to a plane that keeps neighbours close: t-SNE (van der Maaten & Hinton 2008).

    `embeddings` `(N, D)` are L2-normalised; t-SNE uses their cosine distances. Returns float32 `(N, 2)`, on one machine
    the same for the same `seed`. Distances between separate groups and the sizes of groups carry no meaning.
    Raises `ValueError` for fewer than four images.
    """
    embeddings = check_unit_rows(embeddings).cpu()
    if len(embeddings) < 4:
        raise ValueError(f"there are {len(embeddings)} images. A map needs at least four.")
    perplexity = min(30.0, (len(embeddings) - 1) / 3)  # roughly the number of effective neighbours
    tsne = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=seed)
    return tsne.fit_transform(embeddings.numpy()).astype(np.float32)


def neighbours_agree(embeddings: Array, labels: Mapping[str, Array]) -> pd.DataFrame:
    """How often an image and its nearest other image share a label, compared with chance: one row per label.

    `embeddings` `(N, D)` are L2-normalised; `labels` maps a name to integers `(N,)`, negative where unknown: those
    images are excluded. Columns: `Label`, `Agree, %`, `Chance, %` (for two different images drawn at random), `Images`.
    The neighbours are those of the embeddings themselves, not of a map of them.
    """
    embeddings = check_unit_rows(embeddings)
    rows = []
    for name, values in labels.items():
        known = as_numpy(values) >= 0
        classes, kept = as_numpy(values)[known], embeddings[known]
        row: dict[str, str | float] = {"Label": name, "Agree, %": np.nan, "Chance, %": np.nan, "Images": len(classes)}
        if len(classes) > 1:
            similarity = kept @ kept.T
            nearest = similarity.fill_diagonal_(-np.inf).argmax(1).cpu().numpy()
            _, counts = np.unique(classes, return_counts=True)
            row["Agree, %"] = 100 * float((classes == classes[nearest]).mean())
            row["Chance, %"] = 100 * float((counts * (counts - 1)).sum() / (len(classes) * (len(classes) - 1)))
        rows.append(row)
    return pd.DataFrame(rows)
