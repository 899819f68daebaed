"""From several named losses to the one number that is differentiated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Weighted(NamedTuple):
    """What a multi-task wrapper makes of named losses."""

    total: Tensor  # scalar, what is differentiated: the weighted sum and the penalty
    weights: dict[str, Tensor]  # the weight each loss was given, for the logs
    penalty: Tensor  # the part of the total that depends on the weights alone; 0 where they are not learned


class UniformMultitask(nn.Module):
    """The plain sum of the losses: every weight is 1 (report, section 2.2.1)."""

    def forward(self, losses: dict[str, Tensor]) -> Weighted:
        """Named scalar losses -> their sum."""
        total = torch.stack(list(losses.values())).sum()
        return Weighted(total, {name: torch.ones(()) for name in losses}, torch.zeros(()))


class UncertaintyMultitask(nn.Module):
    """Task-uncertainty weighting of Liebel & Körner 2018, equation 3: `sum_t L_t / (2 s_t^2) + ln(1 + s_t^2)`.

    One learned s_t a loss, which the optimiser must be given: `parameters()`. What is learned is ln(s_t^2), which keeps
    s_t^2 positive; it starts at 0, a weight of 1/2. The regulariser ln(1 + s^2), unlike ln(s) of Kendall et al. 2018,
    cannot become negative, so the total stays above 0.
    """

    def __init__(self, names: Sequence[str]):
        super().__init__()
        self.names = tuple(names)
        self.log_variance = nn.Parameter(torch.zeros(len(self.names)))

    def forward(self, losses: dict[str, Tensor]) -> Weighted:
        """Named scalar losses (the names given at construction) -> their weighted total, with weights 1/(2 s^2)."""
        if set(losses) != set(self.names):
            raise ValueError(f"made for the losses {', '.join(self.names)}, given {', '.join(losses)}")
        values = torch.stack([losses[name].float() for name in self.names])
        variance = self.log_variance.exp()
        weights = 0.5 / variance
        penalty = torch.log1p(variance).sum()
        named = dict(zip(self.names, weights.detach().unbind(), strict=True))
        return Weighted((weights * values).sum() + penalty, named, penalty)


def multitask(kind: str, names: Sequence[str]) -> nn.Module:
    """The wrapper a recipe names: "uniform" or "uncertainty"."""
    if kind == "uniform":
        return UniformMultitask()
    if kind == "uncertainty":
        return UncertaintyMultitask(names)
    raise ValueError(f"multitask is uniform or uncertainty, not {kind!r}")
