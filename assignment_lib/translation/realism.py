"""How like the target's images repainted ones are, as a learned description sees them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def frechet_distance(features: Tensor, others: Tensor) -> float:
    """`|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` of features `(N, D)` and `(M, D)` (Heusel et al. 2017, equation 6).

    FID has Inception's features, here they are the project's own. Covariances divide by N - 1. The trace of the root is
    that of `(A S2 A)^(1/2)`, A the root of S1, which is symmetric: no complex numbers arise. Of a finite sample the distance is
    too large, by about a constant over N (Chong & Forsyth 2020, section 3): compare sets of one size only.
    Raises `ValueError` for fewer than two rows.
    """
    if min(len(features), len(others)) < 2:
        raise ValueError(f"{len(features)} and {len(others)} features have no covariance; give at least two of each")
    one, other = features.double(), others.double()
    cov_one, cov_other = (torch.atleast_2d(torch.cov(rows.T)) for rows in (one, other))
    values, vectors = torch.linalg.eigh(cov_one)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    of_root = torch.linalg.eigvalsh(root @ cov_other @ root).clamp(min=0).sqrt().sum()
    apart = (one.mean(0) - other.mean(0)).square().sum()
    return float(apart + cov_one.trace() + cov_other.trace() - 2 * of_root)


def distance_to(real: Tensor, made: Tensor, size: int, repeats: int = 5, seed: int = 0) -> tuple[float, float]:
    """Mean and standard deviation of `frechet_distance` between `size` rows of each, drawn at random `repeats` times.

    `real` `(N, D)`, `made` `(M, D)`. All distances that are compared have to have one `size`. With `made` the same tensor as
    `real` the two draws have no row in common: the distance that images of the target itself have.
    Raises `ValueError` where there are too few rows.
    """
    same = made is real
    if len(real) < size * (1 + same) or len(made) < size:
        raise ValueError(f"{len(real)} and {len(made)} features are too few for sets of {size}; take a smaller size")
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(repeats):
        order = torch.randperm(len(real), generator=generator)
        drawn = order[size : 2 * size] if same else torch.randperm(len(made), generator=generator)[:size]
        found.append(frechet_distance(real[order[:size]], made[drawn]))
    return float(np.mean(found)), float(np.std(found))
