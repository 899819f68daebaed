"""Sharpening and blurring: each picture blended with a blurred copy of itself."""

from __future__ import annotations

import torch
from torch import Tensor

from assignment_lib.batches.draws import Parameters
from assignment_lib.batches.rows import change_rows, send


def sharpen(images: Tensor, parameters: Parameters) -> Tensor:
    """float32 `images` (B, 3, H, W) sharpened by `parameters.sharpness` (below 1: blurred). Works in place."""
    chosen = parameters.sharpness != 1
    return change_rows(chosen, images, lambda part: _blend_with_blur(part, parameters.sharpness[chosen]))


def _blend_with_blur(images: Tensor, factors: Tensor) -> Tensor:
    """In place: factor · picture + (1 - factor) · blur, where the blur weighs a pixel 5 and its eight neighbours 1.

    The outermost pixels stay, as in PIL and torchvision. Rows are laid end to end, which makes long runs of all sums;
    those that reach around an edge fall on outermost pixels, where their weight is 0.
    """
    height, width = images.shape[-2:]
    inner = torch.zeros(height, width, dtype=torch.float64)
    inner[1:-1, 1:-1] = 1 / 13
    first, last = width + 1, height * width - width - 1
    weights = send((1 - factors)[:, None] * inner.flatten()[first:last], images)[:, None]
    flat = images.flatten(2)
    rows = flat[..., :-2] + flat[..., 1:-1]
    rows.add_(flat[..., 2:])
    around = rows[..., : -2 * width] + rows[..., width:-width]
    around.add_(rows[..., 2 * width :])
    center = flat[..., first:last]
    center.addcmul_(around.sub_(center, alpha=9), weights).clamp_(0, 1)
    return images
