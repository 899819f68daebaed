"""Made-up embeddings in the numbers of Market-1501, for timings and for comparing one device with another."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Of Market-1501's test: queries, identities, cameras; of its gallery: junk, distractors, all images.
QUERIES, IDENTITIES, CAMERAS, JUNK, DISTRACTORS, IMAGES = 3368, 750, 6, 2793, 2798, 19732


def market_scale(
    scale: float = 1.0,
    dimensions: int = 512,
    likeness: float = 0.3,
    more_distractors: int = 0,
    shuffle: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """The arguments of `reid_scores`: `scale` times as many images as Market-1501 has, spread over its people by chance.

    Embeddings are random directions, `likeness` of each (0 to 1) that of its identity: float32 `(Q, dimensions)` and
    `(G, dimensions)`, L2-normalised. Ids and cameras are int64 arrays. The gallery stands in the order of sorted file
    names (junk, distractors, people), in a random one with `shuffle`. The same arguments give the same numbers. Raises
    ValueError for a scale that leaves fewer than ten queries.
    """
    queries, identities, junk, distractors, images = (
        round(scale * count) for count in (QUERIES, IDENTITIES, JUNK, DISTRACTORS, IMAGES)
    )
    if queries < 10:
        raise ValueError(f"a scale of {scale} leaves {queries} queries; take at least 0.003")
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    of_people = np.sort(rng.integers(1, identities + 1, images - junk - distractors))
    gallery_ids = np.concatenate([np.full(junk, -1), np.zeros(distractors + more_distractors, np.int64), of_people])
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
