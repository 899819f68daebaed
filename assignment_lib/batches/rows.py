"""Work on some samples of a batch, without waiting for the device that holds them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def change_rows(chosen: Tensor, images: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """`images` with `change` applied to the rows that `chosen` (n,) bool, on the CPU, names. Works in place.

    The number of rows is known on the CPU, so no device has to wait for it.
    """
    if not chosen.any():
        return images
    if chosen.all():
        return change(images)
    rows = chosen.nonzero()[:, 0].to(images.device, non_blocking=True)
    return images.index_copy_(0, rows, change(images.index_select(0, rows)))


def send(parameters: Tensor, images: Tensor) -> Tensor:
    """A small CPU tensor as float32 on the device of `images`, without waiting for it."""
    return parameters.to(torch.float32).to(images.device, non_blocking=True)
