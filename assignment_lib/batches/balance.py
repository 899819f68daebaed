"""Weights against unbalanced classes (report, section 2.1, Figure 1).

Every weight tensor has 41 float32 entries, the classes of the twelve tasks in the order of `attributes.TASKS`. Images of
target -1, whose class nobody knows, count nowhere.
"""

from __future__ import annotations

import pandas as pd
import torch

from assignment_lib.data.attributes import N_CLASSES, TASKS, class_slices


def class_counts(targets: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Images a class, `(41,)` float64, of integer targets `(N, 12)`; each image counted `weights[i]` times if given."""
    weights = torch.ones(len(targets), dtype=torch.float64) if weights is None else weights.double()
    counts = torch.zeros(N_CLASSES, dtype=torch.float64)
    for column, classes in enumerate(class_slices().values()):
        known = targets[:, column] >= 0
        counts[classes].index_add_(0, targets[known, column], weights[known])
    return counts


def class_shares(targets: torch.Tensor) -> torch.Tensor:
    """Share of the images that have each class, `(41,)` float32; the classes of a task sum to 1."""
    shares = class_counts(targets)
    for of_task in by_task(shares).values():  # views
        of_task /= of_task.sum()
    return shares.float()


def class_weights(targets: torch.Tensor) -> torch.Tensor:
    """`w_c = N / (C n_c)`: 1 for every class of a balanced task, large for a rare class (report, Figure 1).

    `targets` is `(N, 12)` int64. A class without an image gets 0: no image can ask for it, and infinity would spoil sums.
    scikit-learn's `compute_class_weight("balanced")` is the same formula but refuses classes without an image.
    """
    return _inverse_share(class_counts(targets))


def sample_weights(targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weight of each image `(N,)` float32: the mean over the twelve tasks of the weight of its class.

    `targets` is `(N, 12)` int64, `weights` `(41,)`. An unknown class weighs 1, the mean of `class_weights` over the images
    of a task whose classes all have one. scikit-learn's `compute_sample_weight` multiplies the weights of several tasks
    instead.
    """
    columns = [
        torch.where(target >= 0, weights[classes][target.clamp(min=0)], 1.0)
        for target, classes in zip(targets.T, class_slices().values(), strict=True)
    ]
    return torch.stack(columns, dim=1).mean(dim=1)


def expected_weights(targets: torch.Tensor, sample_weights: torch.Tensor) -> torch.Tensor:
    """Class weights `w'_c = 1 / (C p_c)` for batches drawn in proportion to `sample_weights` `(N,)`.

    p_c is the share of class c among the drawn images, so these are the weights a loss needs beside the weighted
    sampler: it has already evened out a part of the imbalance (report, Figure 1, second tensor).
    """
    return _inverse_share(class_counts(targets, sample_weights))


def to_power(weights: dict[str, torch.Tensor], power: float) -> dict[str, torch.Tensor]:
    """Class weights (task -> `(C,)`) to a power: 1 leaves them, 0 makes all of them 1, between them lie milder weights."""
    return {task: values**power for task, values in weights.items()}


def by_task(weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """A 41-entry tensor as task -> its own `(C,)` part."""
    return {task: weights[classes] for task, classes in class_slices().items()}


def weights_table(**weights: torch.Tensor) -> pd.DataFrame:
    """One row a class (`task`, `class`), one column a named 41-entry tensor."""
    names = [(task, name) for task, classes in TASKS.items() for name in classes]
    table = pd.DataFrame(names, columns=["task", "class"])
    for name, values in weights.items():
        table[name] = values.double().numpy()
    return table


def _inverse_share(counts: torch.Tensor) -> torch.Tensor:
    weights = torch.zeros(N_CLASSES, dtype=torch.float64)
    for classes in class_slices().values():
        of_task = counts[classes]
        expected = of_task.sum() / len(of_task)
        weights[classes] = torch.where(of_task > 0, expected / of_task.clamp(min=torch.finfo(torch.float64).tiny), 0.0)
    return weights.float()
