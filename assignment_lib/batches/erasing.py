"""Random erasing (Zhong et al. 2020): a box of each picture loses its content."""

from __future__ import annotations

import torch
from torch import Tensor

from assignment_lib.batches.draws import Parameters
from assignment_lib.batches.rows import change_rows, send

#: The fill of an erased box: ImageNet's mean colour, zero after normalisation, is no information; black would be some.
ERASED_COLOR = (0.485, 0.456, 0.406)


def erase(images: Tensor, parameters: Parameters) -> Tensor:
    """float32 `images` (B, 3, H, W) with `ERASED_COLOR` in the boxes of `parameters.box`. Works in place."""
    chosen = parameters.box[:, 2] > 0

    def fill(part: Tensor) -> Tensor:
        top, left, height, width = parameters.box[chosen, :, None].unbind(1)
        y, x = torch.arange(part.shape[-2]), torch.arange(part.shape[-1])
        rows = send((y >= top) & (y < top + height), images)
        columns = send((x >= left) & (x < left + width), images)
        color = send(torch.tensor(ERASED_COLOR), images)[:, None, None]
        return part.lerp_(color.expand_as(part), (rows[:, None, :, None] * columns[:, None, None, :]).expand_as(part))

    return change_rows(chosen, images, fill)
