"""Multi-task weightings: from several named losses to one total.

`forward(losses, scores)` takes scalar losses with the names of the constructor, and accuracies in [0, 1] for some of them,
which `DynamicTaskPriority` uses; it returns a `Weighted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Weighted(NamedTuple):
    """The result of a weighting."""

    total: Tensor  # scalar to differentiate: the weighted sum and the penalty
    weights: dict[str, Tensor]  # the weight of each loss, for the logs
    penalty: Tensor  # the part of the total that depends on the weights alone; 0 where they are not learned


class UniformMultitask(nn.Module):
    """The plain sum of the losses: every weight is 1 (report, section 2.2.1). The base class of the other weightings."""

    def __init__(self, names: Sequence[str]):
        super().__init__()
        self.names = tuple(names)

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        values = self._in_order(losses)
        return self._weighted(torch.ones_like(values), values)

    def _in_order(self, losses: dict[str, Tensor]) -> Tensor:
        if set(losses) != set(self.names):
            raise ValueError(f"this weighting is for the losses {', '.join(self.names)}, not for {', '.join(losses)}")
        return torch.stack([losses[name].float() for name in self.names])

    def _weighted(self, weights: Tensor, values: Tensor) -> Weighted:
        named = dict(zip(self.names, weights.detach().unbind(), strict=True))
        return Weighted((weights * values).sum(), named, torch.zeros_like(values[0]))


class UncertaintyMultitask(UniformMultitask):
    """Task-uncertainty weighting of Liebel & Körner 2018, equation 3: `sum_t L_t / (2 s_t^2) + ln(1 + s_t^2)`.

    One s_t per loss is learned: pass `parameters()` to the optimiser. The parameter is ln(s_t^2), so that s_t^2 is positive;
    it starts at 0, a weight of 1/2. The regulariser ln(1 + s^2), unlike ln(s) of Kendall et al. 2018, cannot become
    negative, so the total stays above 0.
    """

    def __init__(self, names: Sequence[str]):
        super().__init__(names)
        self.log_variance = nn.Parameter(torch.zeros(len(self.names)))

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        variance = self.log_variance.exp()
        penalty = torch.log1p(variance).sum()
        total, named, _ = self._weighted(0.5 / variance, self._in_order(losses))
        return Weighted(total + penalty, named, penalty)


class LossBalancedMultitask(UniformMultitask):
    """Loss-Balanced Task Weighting of Liu et al. 2019, algorithm 1: `w_t = (L_t / L_t(0))^alpha`.

    L_t(0) is the loss of the first batch since `new_epoch()`: a task whose loss has fallen far since then counts less. No
    gradient flows through the weights. Evaluation mode stores nothing.
    """

    def __init__(self, names: Sequence[str], alpha: float = 0.5):
        super().__init__(names)
        self.alpha = alpha
        self.first: Tensor
        self.register_buffer("first", torch.full((len(self.names),), torch.nan))

    def new_epoch(self) -> None:
        """Forget L_t(0); the next batch sets it."""
        self.first.fill_(torch.nan)

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        values = self._in_order(losses)
        current = values.detach()
        # A loss of 0, such as the triplet loss of a batch without a positive pair, is no reference.
        first = torch.where(self.first.isnan() & (current > 0), current, self.first)
        if self.training:
            self.first.copy_(first)
        return self._weighted(torch.where(first.isnan(), 1.0, (current / first) ** self.alpha), values)


class DynamicTaskPriority(UniformMultitask):
    """Dynamic Task Prioritization of Guo et al. 2018, equations 3 and 4: `w_t = -(1 - k_t)^gamma ln k_t`.

    k_t is the task's key performance indicator in (0, 1): tasks with a low k_t get a high weight. It is an exponential moving
    average, with `discount` for the newest batch, of the accuracy in `scores`, or without one of exp(-L_t), the probability
    of the true class at a cross-entropy of L_t. A NaN accuracy (no image of the batch has the label) does not change k_t. No
    gradient flows through the weights. Evaluation mode stores nothing.
    """

    def __init__(self, names: Sequence[str], gamma: float = 1.0, discount: float = 0.1):
        super().__init__(names)
        self.gamma, self.discount = gamma, discount
        self.indicator: Tensor
        self.register_buffer("indicator", torch.full((len(self.names),), torch.nan))

    def forward(self, losses: dict[str, Tensor], scores: dict[str, Tensor] | None = None) -> Weighted:
        values = self._in_order(losses)
        known = dict(zip(self.names, torch.exp(-values), strict=True)) | (scores or {})
        current = torch.stack([known[name].detach().float() for name in self.names])
        mean = torch.where(self.indicator.isnan(), current, torch.lerp(self.indicator, current, self.discount))
        mean = torch.where(current.isnan(), self.indicator, mean)
        if self.training:
            self.indicator.copy_(mean)
        # At 1 the weight would stay 0, at 0 it would be infinite; NaN is a task without any label so far.
        k = mean.nan_to_num(nan=0.5).clamp(1e-4, 1 - 1e-4)
        return self._weighted(-((1 - k) ** self.gamma) * k.log(), values)


_WEIGHTINGS = {
    "uniform": UniformMultitask,
    "uncertainty": UncertaintyMultitask,
    "balanced": LossBalancedMultitask,
    "priority": DynamicTaskPriority,
}
#: The values of a recipe's `multitask`.
MULTITASKS = tuple(_WEIGHTINGS)


def multitask(kind: str, names: Sequence[str]) -> UniformMultitask:
    """The weighting `kind` of losses with these `names`. Raises `ValueError` for a `kind` outside `MULTITASKS`."""
    if kind not in _WEIGHTINGS:
        raise ValueError(f"multitask={kind!r} is unknown; pass one of {', '.join(MULTITASKS)}")
    return _WEIGHTINGS[kind](names)
