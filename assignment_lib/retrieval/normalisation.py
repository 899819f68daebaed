"""Similarities beside those that the same image has to others: scores that mean the same for every query.

A threshold of 0.7 is strict for a query who resembles nobody and lax for one in a plain grey coat. Speaker verification
divides this out by a cohort of other people (Matejka et al., "Analysis of Score Normalization in Multilingual Speaker
Recognition", Interspeech 2017); here the cohort is the gallery, nearly all of which is other people.
"""

from __future__ import annotations

import torch
from torch import Tensor


def z_norm(similarity: Tensor) -> Tensor:
    """(s - mean) / standard deviation, over the gallery, for each query: Matejka et al. 2017, equation 1.

    `similarity` `(n, G)`, -inf where an image takes no part, as a query's own does. The order of a list stays the same.
    """
    mean, deviation = _of_largest(similarity, None)
    return (similarity - mean[:, None]) / deviation[:, None]


def s_norm(similarity: Tensor, mean: Tensor, deviation: Tensor, cohort: int | None = None) -> Tensor:
    """Symmetric normalisation: ((s - m_q) / d_q + (s - m_g) / d_g) / 2, Matejka et al. 2017, equation 9.

    m_q, d_q: mean and standard deviation of the query's `cohort` largest similarities to the gallery (None: of all); m_g,
    d_g those of the gallery image, which are `mean` and `deviation` `(G,)` of `gallery_cohort` for the same `cohort`.
    `similarity` `(n, G)` as in `z_norm`.

    With a number it is the paper's adaptive norm. For re-identification a few nearest images are a poor cohort, since they
    hold the person's own: on 254 queries in 4,391 images the best F1 was .29 with the nearest 100, .32 with 300, .36 with
    1,000 and .40 with all; .30 without a norm and .39 with `z_norm`.
    """
    own_mean, own_deviation = _of_largest(similarity, cohort)
    of_query = (similarity - own_mean[:, None]) / own_deviation[:, None]
    return (of_query + (similarity - mean) / deviation) / 2


def gallery_cohort(gallery: Tensor, cohort: int | None = None, chunk: int = 512) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, `(G,)` each, of each gallery image's `cohort` largest similarities to the others.

    None takes all of them. `gallery` `(G, D)` float32, L2-normalised. In chunks: memory stays at `chunk * G` similarities.
    """
    parts = []
    for start in range(0, len(gallery), chunk):
        similarity = gallery[start : start + chunk] @ gallery.T
        similarity[torch.arange(len(similarity)), torch.arange(start, start + len(similarity))] = -torch.inf
        parts.append(_of_largest(similarity, cohort))
    mean, deviation = (torch.cat(part) for part in zip(*parts, strict=True))
    return mean, deviation


def _of_largest(similarity: Tensor, count: int | None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the `count` largest finite values of each row (None: of all), `(n,)` each."""
    if count is not None:
        similarity = similarity.topk(min(count, similarity.shape[1]), dim=1).values
    there = similarity.isfinite()
    found = there.sum(1).clamp(min=1)
    mean = torch.where(there, similarity, 0).sum(1) / found
    variance = torch.where(there, similarity - mean[:, None], 0).square().sum(1) / found
    return mean, variance.sqrt().clamp(min=1e-6)  # all similarities may be the same
