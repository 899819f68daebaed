"""How like the target's images repainted ones are, as a learned description sees them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def frechet_distance(features: Tensor, others: Tensor) -> float:
    """`|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` of features `(N, D)` and `(M, D)` (Heusel et al. 2017, equation 6).

    FID has Inception's features, here they are the project's own. Covariances divide by N - 1. With `S1 = A' A` and
    `S2 = B' B`, A and B the centred features over the root of N - 1, the eigenvalues of `S1 S2` are the squares of the singular
    values of `A B'`, whose sum is the trace of the root: exact also where there are fewer images than features. Of a finite
    sample the distance is too large, by about a constant over N (Chong & Forsyth 2020): compare sets of one size.
    Raises `ValueError` for fewer than two rows.
    """
    if min(len(features), len(others)) < 2:
        raise ValueError(f"{len(features)} and {len(others)} features have no covariance; give at least two of each")
    apart = (features.double().mean(0) - others.double().mean(0)).square().sum()
    one, other = ((rows.double() - rows.double().mean(0)) / (len(rows) - 1) ** 0.5 for rows in (features, others))
    of_root = torch.linalg.svdvals(one @ other.T).sum()
    return float(apart + one.square().sum() + other.square().sum() - 2 * of_root)


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
