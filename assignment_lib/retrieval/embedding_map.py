"""Embeddings on a plane, and how often neighbours agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.manifold import TSNE

from assignment_lib.evaluation.checks import Array, as_numpy, check_unit_rows


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
