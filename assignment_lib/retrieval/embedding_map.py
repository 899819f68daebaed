"""Embeddings on a plane, and how often neighbours agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.manifold import TSNE
from torch import Tensor


def tsne_map(embeddings: Tensor, seed: int = 0, perplexity: float = 30.0) -> np.ndarray:
    """Places on a plane where neighbours stay neighbours: t-SNE (van der Maaten & Hinton 2008) of cosine distances.

    `embeddings` `(N, D)` L2-normalised -> float32 `(N, 2)`, the same for the same `seed`. `perplexity`, about the number of
    neighbours that count, becomes (N - 1) / 3 where that is less. Distances between far groups, and the sizes of groups, mean
    nothing. Raises ValueError for fewer than four images.
    """
    if len(embeddings) < 4:
        raise ValueError(f"{len(embeddings)} images make no map; give at least four")
    perplexity = min(perplexity, (len(embeddings) - 1) / 3)
    tsne = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=seed)
    return tsne.fit_transform(embeddings.float().cpu().numpy()).astype(np.float32)


def neighbours_agree(embeddings: Tensor, labels: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """How often an image and its nearest other image have the same label, beside chance: one row a label.

    `embeddings` `(N, D)` L2-normalised; `labels` is name -> integers `(N,)`, negative where unknown: those images are left out.
    Columns: `Label`, `Agree, %`, `Chance, %` (for two different images drawn at random), `Images`. It is computed on the
    embeddings themselves, not on a map of them.
    """
    rows = []
    for name, values in labels.items():
        known = np.asarray(values) >= 0
        of, kept = np.asarray(values)[known], embeddings[known]
        row: dict[str, str | float] = {"Label": name, "Agree, %": np.nan, "Chance, %": np.nan, "Images": len(of)}
        if len(of) > 1:
            similarity = kept @ kept.T
            nearest = similarity.fill_diagonal_(-np.inf).argmax(1).cpu().numpy()
            _, counts = np.unique(of, return_counts=True)
            row["Agree, %"] = 100 * float((of == of[nearest]).mean())
            row["Chance, %"] = 100 * float((counts * (counts - 1)).sum() / (len(of) * (len(of) - 1)))
        rows.append(row)
    return pd.DataFrame(rows)
