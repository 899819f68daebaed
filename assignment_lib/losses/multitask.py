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

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        """Named scalar losses -> their sum. `scores` is for wrappers that ask for it."""
        total = torch.stack([loss.float() for loss in losses.values()]).sum()
        return Weighted(total, {name: torch.ones_like(total) for name in losses}, torch.zeros_like(total))


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

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        """Named scalar losses (the names given at construction) -> their weighted total, with weights 1/(2 s^2)."""
        values = _in_order(losses, self.names)
        variance = self.log_variance.exp()
        weights = 0.5 / variance
        penalty = torch.log1p(variance).sum()
        named = dict(zip(self.names, weights.detach().unbind(), strict=True))
        return Weighted((weights * values).sum() + penalty, named, penalty)


class LossBalancedMultitask(nn.Module):
    """Loss-Balanced Task Weighting of Liu et al. 2019, algorithm 1: `w_t = (L_t / L_t(0))^alpha`.

    L_t(0) is the loss of the first batch since `new_epoch()`: a task whose loss has fallen far since then is nearly done
    and counts less. No gradient flows through the weights. Outside training the weights are computed, nothing is kept.
    """

    def __init__(self, names: Sequence[str], alpha: float = 0.5):
        super().__init__()
        self.names, self.alpha = tuple(names), alpha
        self.first: Tensor
        self.register_buffer("first", torch.full((len(self.names),), torch.nan))

    def new_epoch(self) -> None:
        """Forget L_t(0); the next batch gives it anew."""
        self.first.fill_(torch.nan)

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        """Named scalar losses -> their weighted sum."""
        values = _in_order(losses, self.names)
        now = values.detach()
        # a loss that is 0 in the first batch, as a triplet without a positive is, has not begun yet
        first = torch.where(self.first.isnan() & (now > 0), now, self.first)
        if self.training:
            self.first.copy_(first)
        weights = torch.where(first.isnan(), 1.0, (now / first) ** self.alpha)
        return _weighted(weights, values, self.names)


class DynamicTaskPriority(nn.Module):
    """Dynamic Task Prioritization of Guo et al. 2018, equations 3 and 4: `w_t = -(1 - k_t)^gamma ln k_t`.

    k_t is the task's key performance indicator in (0, 1), an exponential moving average with `discount` for the newest
    batch: hard tasks, of a low k_t, come first. It is the batch's accuracy where `scores` gives one, and exp(-L_t), the
    probability that a cross-entropy of L_t gives the truth, where it does not. A batch whose accuracy is NaN, for none of
    its images has the label, says nothing of k_t. No gradient flows through the weights.
    """

    def __init__(self, names: Sequence[str], gamma: float = 1.0, discount: float = 0.1):
        super().__init__()
        self.names, self.gamma, self.discount = tuple(names), gamma, discount
        self.indicator: Tensor
        self.register_buffer("indicator", torch.full((len(self.names),), torch.nan))

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        """Named scalar losses, and accuracies in [0, 1] for some or all of them -> their weighted sum."""
        values = _in_order(losses, self.names)
        scores = scores or {}
        now = torch.stack([scores.get(name, torch.exp(-losses[name].float())).detach().float() for name in self.names])
        mean = torch.where(self.indicator.isnan(), now, torch.lerp(self.indicator, now, self.discount))
        mean = torch.where(now.isnan(), self.indicator, mean)
        if self.training:
            self.indicator.copy_(mean)
        # at 1 a task would be forgotten for good, at 0 its weight would be infinite; NaN is a task without a label so far
        k = mean.nan_to_num(nan=0.5).clamp(1e-4, 1 - 1e-4)
        return _weighted(-((1 - k) ** self.gamma) * k.log(), values, self.names)


MULTITASKS = ("uniform", "uncertainty", "balanced", "priority")


def multitask(kind: str, names: Sequence[str]) -> nn.Module:
    """The wrapper a recipe names: one of `MULTITASKS`."""
    if kind == "uniform":
        return UniformMultitask()
    if kind == "uncertainty":
        return UncertaintyMultitask(names)
    if kind == "balanced":
        return LossBalancedMultitask(names)
    if kind == "priority":
        return DynamicTaskPriority(names)
    raise ValueError(f"multitask is {', '.join(MULTITASKS)}, not {kind!r}")


def _in_order(losses: dict[str, Tensor], names: tuple[str, ...]) -> Tensor:
    if set(losses) != set(names):
        raise ValueError(f"made for the losses {', '.join(names)}, given {', '.join(losses)}")
    return torch.stack([losses[name].float() for name in names])


def _weighted(weights: Tensor, values: Tensor, names: tuple[str, ...]) -> Weighted:
    named = dict(zip(names, weights.unbind(), strict=True))
    return Weighted((weights * values).sum(), named, torch.zeros((), device=values.device))
