"""The free alternative: the mean colour and the contrast of a camera's images, taken over without any network."""

from __future__ import annotations

import torch
from torch import Tensor


def colour_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over all pixels of `(N, 3, H, W)` uint8 images, `(3,)` float32, in [0, 1]."""
    pixels = images.float().div(255).transpose(0, 1).flatten(1)
    return pixels.mean(1), pixels.std(1, correction=0)


def match_colours(images: Tensor, target: Tensor, wanted: Tensor, cameras: Tensor) -> Tensor:
    """Images whose channels have the mean and deviation of a camera's (Reinhard et al. 2001, equations 10 and 11, in RGB).

    `images` `(N, 3, H, W)` uint8 of one look are all changed alike, by their common statistics: what one shirt adds to the
    picture is not taken away. `wanted` `(N,)` are the cameras they get; `target` `(M, 3, H, W)` with `cameras` `(M,)` shows the
    look of each. Returns uint8, cut at black and white.
    """
    mean, deviation = colour_statistics(images)
    result = torch.empty_like(images)
    for camera in wanted.unique().tolist():
        new_mean, new_deviation = colour_statistics(target[cameras == camera])
        factor = (new_deviation / deviation.clamp(min=1e-6))[:, None, None]
        own = images[wanted == camera].float().div(255)
        moved = (own - mean[:, None, None]) * factor + new_mean[:, None, None]
        result[wanted == camera] = moved.clamp(0, 1).mul(255).round().to(torch.uint8)
    return result
