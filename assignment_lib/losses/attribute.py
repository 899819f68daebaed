"""Losses of the attribute tasks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def focal_loss(logits: Tensor, target: Tensor, weight: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Class-weighted focal loss, Lin et al. 2017, equation 5, for C classes: `-w_t (1 - p_t)^gamma log p_t`.

    `logits` `(B, C)` of any dtype, `target` `(B,)` int64, `weight` `(C,)`. Returns the mean over the batch, a scalar float32,
    weighted by `weight[target]` as in torch's cross-entropy: gamma = 0 is exactly the weighted cross-entropy. Images with
    target -1 (unknown class) are excluded; without any other image the loss is 0.
    """
    known, classes = target >= 0, target.clamp(min=0)
    log_p = F.log_softmax(logits.float(), dim=1)
    log_p_target = log_p.gather(1, classes[:, None]).squeeze(1)
    # At p = 1 a power between 0 and 1 has an infinite slope; multiplied by the loss of 0 it would be NaN.
    error = (1 - log_p_target.exp()).clamp(min=torch.finfo(torch.float32).tiny)
    loss = -(error**gamma) * log_p_target
    weights = known.to(loss) if weight is None else weight.to(loss)[classes] * known
    # The clamp avoids 0 / 0 for a batch of unknown classes, or of classes with weight 0.
    return (weights * loss).sum() / weights.sum().clamp(min=torch.finfo(loss.dtype).tiny)


def attribute_losses(
    logits: dict[str, Tensor], targets: Tensor, weights: dict[str, Tensor] | None = None, gamma: float = 2.0
) -> dict[str, Tensor]:
    """Task -> focal loss; `gamma=0` is the report's first choice, the weighted cross-entropy.

    `logits` is task -> `(B, C)`, `weights` task -> `(C,)`. `targets` `(B, 12)` int64 has one column per task in the order of
    `logits`, with -1 for unknown classes.
    """
    return {
        task: focal_loss(task_logits, targets[:, column], weights[task] if weights else None, gamma)
        for column, (task, task_logits) in enumerate(logits.items())
    }
