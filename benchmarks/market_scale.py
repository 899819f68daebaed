"""Random embeddings with the counts of Market-1501, for benchmarks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Market-1501's test: queries, identities, cameras. Its gallery: 19,732 images, of which 3,819 are junk (excluded) and
#: 15,913 count; 2,793 of these are distractors.
QUERIES, IDENTITIES, CAMERAS, JUNK, DISTRACTORS, IMAGES = 3368, 750, 6, 3819, 2793, 19732


def market_scale(
    scale: float = 1.0,
    dimensions: int = 512,
    likeness: float = 0.3,
    more_distractors: int = 0,
    shuffle: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """The arguments of `reid_scores`, with `scale` times the counts of Market-1501; people are drawn at random.

    Embeddings are random directions that share `likeness` (0 to 1) with the direction of their identity: float32
    `(Q, dimensions)` and `(G, dimensions)`, L2-normalised. Ids and cameras are int64 arrays. The gallery is in the order of
    sorted file names (junk, distractors, people), or in random order with `shuffle`. The same arguments give the same
    numbers. Raises `ValueError` for a scale with fewer than ten queries.
    """
    queries, identities, junk, distractors, images = (
        round(scale * count) for count in (QUERIES, IDENTITIES, JUNK, DISTRACTORS, IMAGES)
    )
    if queries < 10:
        raise ValueError(f"a scale of {scale} gives {queries} queries. Pass at least 0.003.")
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    person_ids = np.sort(rng.integers(1, identities + 1, images - junk - distractors))
    gallery_ids = np.concatenate([np.full(junk, -1), np.zeros(distractors + more_distractors, np.int64), person_ids])
    if shuffle:
        rng.shuffle(gallery_ids)
    query_ids = np.sort(rng.integers(1, identities + 1, queries))
    centres = torch.randn(identities + 1, dimensions, generator=generator)

    def embeddings(ids: np.ndarray) -> Tensor:
        values = torch.randn(len(ids), dimensions, generator=generator).mul_(1 - likeness)
        known = torch.as_tensor(np.flatnonzero(ids > 0))
        values[known] += likeness * centres[torch.as_tensor(ids)[known]]
        return values.div_(torch.linalg.vector_norm(values, dim=1, keepdim=True))

    return {
        "query": embeddings(query_ids),
        "gallery": embeddings(gallery_ids),
        "query_ids": query_ids,
        "gallery_ids": gallery_ids,
        "query_cameras": rng.integers(1, CAMERAS + 1, len(query_ids)),
        "gallery_cameras": rng.integers(1, CAMERAS + 1, len(gallery_ids)),
    }
