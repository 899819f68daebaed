"""Small searches whose answers are known: people as clusters of random directions in a crowd of others."""

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from assignment_lib.evaluation.as_test import as_test


def embeddings(people, images, crowd, noise=0.6, size=12, seed=0):
    """Validation embeddings `(people * images, size)` with their table, and `crowd` others that come in pairs."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(people + crowd // 2 + 1, size, generator=generator)
    which = torch.cat([torch.arange(people).repeat_interleave(images), people + torch.arange(crowd) // 2])
    drawn = F.normalize(centres[which] + noise * torch.randn(len(which), size, generator=generator))
    table = pd.DataFrame(
        {"pid": np.repeat(np.arange(people) + 5, images), "camera": np.tile(np.arange(images) + 1, people)}
    )
    return drawn[: people * images], table, drawn[people * images :]


def search(people=12, images=4, crowd=60, noise=0.6, size=12, seed=0):
    return as_test(*embeddings(people, images, crowd, noise, size, seed))


def naive_pairs(of):
    """(similarity, right, counted, own), each `(Q, G)`, one pair after the other; own images have -inf."""
    query, gallery, query_ids, gallery_ids, query_cameras, gallery_cameras = of
    shape = len(query), len(gallery)
    similarity, right, counted, own = np.zeros(shape, np.float32), *(np.zeros(shape, bool) for _ in range(3))
    for i in range(shape[0]):
        for j in range(shape[1]):
            same = query_ids[i] == gallery_ids[j] and gallery_ids[j] != -1
            dropped = same and query_cameras is not None and query_cameras[i] == gallery_cameras[j]
            own[i, j] = dropped and torch.equal(query[i], gallery[j])
            similarity[i, j] = -np.inf if own[i, j] else float(query[i] @ gallery[j])
            right[i, j], counted[i, j] = same and not dropped, gallery_ids[j] != -1 and not dropped
    return similarity, right, counted, own
