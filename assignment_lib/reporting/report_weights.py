"""The class weights that the report prints in its Figure 1, as far as they can be read."""

from __future__ import annotations

import torch
from torch import Tensor

from assignment_lib.batches.balance import by_task

_ = float("nan")  # not legible in the report
# in the order of `attributes.TASKS`: age, nine tasks of two classes, upcolor, downcolor
_ALL_IMAGES = [
    39.0862, 0.3045, 1.6345, 12.6648, 0.6739, _, 0.6643, _, 0.5537, 5.1523, 3.4401, 0.5850, 1.3764, 0.7852, 7.4942, _,
    0.7995, 1.3347, 0.5112, 22.8990, 0.9470, 1.0593,
    0.7999, 0.3922, 1.0188, 3.3585, 1.3727, 0.9020, 1.5430, 1.4602, 1.3345,
    0.2588, 1.3616, 2.8074, 82.4364, 10.5442, 0.6813, _, _, _, 1.8431,
]  # fmt: skip
_SAMPLER = [
    9.6075, 0.3236, 1.5264, 6.6256, 0.6594, 2.0688, 0.6700, 1.9702, 0.5728, 3.9361, 2.6479, 0.6164, 1.2880, 0.8172,
    4.6822, 0.5598, 0.8716, _, 0.5356, 7.5286, 1.0662, 0.9415,
    0.7777, _, 1.0243, 3.1227, 1.3393, 0.9939, 1.6387, 1.2034, 1.1224,
    0.2933, 1.2347, 2.0687, 10.7995, 3.8670, 0.6777, 0.5356, _, _, _,
]  # fmt: skip


def report_weights() -> tuple[Tensor, Tensor]:
    """The weights of all images and those beside the sampler, both `(41,)` float32, NaN where nothing can be read.

    A single unreadable weight of a task is what the others leave: with w_c = 1 / (C p_c) the shares p_c sum to 1.
    """
    tensors = torch.tensor(_ALL_IMAGES), torch.tensor(_SAMPLER)
    for weights in tensors:
        for of_task in by_task(weights).values():  # views
            unread = of_task.isnan()
            if unread.sum() == 1:
                left = 1 - (1 / (len(of_task) * of_task[~unread])).sum()
                of_task[unread] = 1 / (len(of_task) * left)
    return tensors


def report_shares() -> Tensor:
    """Share of the report's training images that have each class, `(41,)` float32, as its weights say; NaN where unread."""
    shares, _after = report_weights()
    for of_task in by_task(shares).values():
        of_task.copy_(1 / (len(of_task) * of_task))
    return shares
