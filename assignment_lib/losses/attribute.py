"""Losses of one attribute task."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def focal_loss(logits: Tensor, target: Tensor, weight: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Class-weighted focal loss, Lin et al. 2017, equation 5, for C classes: `-w_t (1 - p_t)^gamma log p_t`.

    `logits` `(B, C)`, `target` `(B,)` int64, `weight` `(C,)`. Returns the scalar mean over the batch, weighted by
    `weight[target]` as in torch's cross-entropy, so that gamma = 0 is exactly the weighted cross-entropy. Images of target
    -1, whose class nobody knows, are left out; a batch of them alone gives 0. Computed in float32 whatever the logits'
    dtype.
    """
    known, place = target >= 0, target.clamp(min=0)
    log_p = F.log_softmax(logits.float(), dim=1)
    log_p_target = log_p.gather(1, place[:, None]).squeeze(1)
    # at p = 1 a power between 0 and 1 has an infinite slope; times the loss of 0 it would be no number
    unsure = (1 - log_p_target.exp()).clamp(min=torch.finfo(torch.float32).tiny)
    loss = -(unsure**gamma) * log_p_target
    weights = known.to(loss) if weight is None else weight.to(loss)[place] * known
    # a batch of unknown classes, or of classes of weight 0, has nothing to learn; without the clamp it would be 0 / 0
    return (weights * loss).sum() / weights.sum().clamp(min=torch.finfo(loss.dtype).tiny)


def attribute_losses(
    logits: dict[str, Tensor], targets: Tensor, weights: dict[str, Tensor] | None = None, gamma: float = 2.0
) -> dict[str, Tensor]:
    """Task -> focal loss. `logits` task -> `(B, C)`, `targets` `(B, 12)` int64, -1 where unknown, with a column a task in the
    dict's order.

    `gamma=0` gives the report's first choice, the weighted cross-entropy.
    """
    return {
        task: focal_loss(task_logits, targets[:, column], weights[task] if weights else None, gamma)
        for column, (task, task_logits) in enumerate(logits.items())
    }
