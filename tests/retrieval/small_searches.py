"""Small searches with known identities: people as clusters of random directions among distractors."""

import numpy as np
import torch
import torch.nn.functional as F

from assignment_lib.evaluation.validation import Search


def small_search(people=12, images=4, distractors=60, noise=0.6, size=12, seed=0):
    """Each of `images` images of `people` people is a query; every image of a person comes from a camera of its own."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(people + distractors // 2 + 1, size, generator=generator)
    which = torch.cat([torch.arange(people).repeat_interleave(images), people + torch.arange(distractors) // 2])
    embeddings = F.normalize(centres[which] + noise * torch.randn(len(which), size, generator=generator))
    ids, cameras = np.repeat(np.arange(people) + 5, images), np.tile(np.arange(images) + 1, people)
    gallery_ids = np.append(ids, np.full(distractors, -3))
    return Search(
        embeddings[: len(ids)], embeddings, ids, gallery_ids, cameras, np.append(cameras, np.full(distractors, -1))
    )


def naive_pairs(search):
    """(match, counted), each `(Q, G)` bool, one pair after the other."""
    shape = len(search.query), len(search.gallery)
    match, counted = np.zeros(shape, bool), np.zeros(shape, bool)
    for i in range(shape[0]):
        for j in range(shape[1]):
            same = search.query_ids[i] == search.gallery_ids[j]
            excluded = same and search.query_cameras[i] == search.gallery_cameras[j]
            counted[i, j] = search.gallery_ids[j] != -1 and not excluded
            match[i, j] = same and counted[i, j]
    return match, counted
