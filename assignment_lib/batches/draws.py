"""The random numbers of a batch: what happens to each sample, drawn on the CPU."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation

_ERASING_ATTEMPTS = 10
# Random numbers a sample: whether each transform happens, ten ranges, four corners, an erased box.
_DRAWS = (len(TRANSFORMS), 10, 8, 2 + 2 * _ERASING_ATTEMPTS)


@dataclass(frozen=True)
class Parameters:
    """What was drawn for each of n samples, on the CPU; float64 unless said otherwise.

    A transform that was not drawn holds its neutral value: angle 0, factor 1, the picture's own corners, an empty box.
    """

    size: tuple[int, int]  # height, width in pixels
    flip: Tensor  # (n,) bool
    angle: Tensor  # (n,) degrees, counter-clockwise
    translation: Tensor  # (n, 2) pixels, right and down
    scale: Tensor  # (n,)
    shear: Tensor  # (n,) degrees, along x
    corners: Tensor  # (n, 4, 2) pixels x, y, clockwise from the top left: where the picture's corners go
    brightness: Tensor  # (n,) factors
    contrast: Tensor
    saturation: Tensor
    hue: Tensor  # (n,) turns
    sharpness: Tensor  # (n,) factor
    box: Tensor  # (n, 4) int64: top, left, height, width of the erased box

    def __len__(self) -> int:
        return len(self.flip)


def draw_parameters(
    n: int, size: tuple[int, int], settings: Augmentation | None = None, generator: torch.Generator | None = None
) -> Parameters:
    """What `augment.apply` is to do with `n` samples of `size` = (height, width).

    Every call takes the same number of random numbers whatever the settings, and each transform has its own: switching
    one off leaves the draws of the others, and of all later batches, as they were.
    """
    settings = settings or Augmentation()
    height, width = size
    numbers = torch.rand(sum(_DRAWS), n, generator=generator, dtype=torch.float64)
    chances, ranges, corners, boxes = numbers.split(_DRAWS)
    happens = {name: chance < getattr(settings, name) for name, chance in zip(TRANSFORMS, chances, strict=True)}
    following = iter(ranges)

    def between(low: float, high: float, name: str, neutral: float) -> Tensor:
        return torch.where(happens[name], low + (high - low) * next(following), neutral)

    def factor(spread: float) -> Tensor:
        return between(max(0.0, 1 - spread), 1 + spread, "color_jitter", 1.0)

    reach_x, reach_y = settings.translate[0] * width, settings.translate[1] * height
    return Parameters(
        size=(height, width),
        flip=happens["flip"],
        angle=between(-settings.degrees, settings.degrees, "rotation", 0.0),
        translation=torch.stack(
            (between(-reach_x, reach_x, "affine", 0.0), between(-reach_y, reach_y, "affine", 0.0)), 1
        ),
        scale=between(*settings.scale, "affine", 1.0),
        shear=between(-settings.shear, settings.shear, "affine", 0.0),
        brightness=factor(settings.brightness),
        contrast=factor(settings.contrast),
        saturation=factor(settings.saturation),
        hue=between(-settings.hue, settings.hue, "color_jitter", 0.0),
        sharpness=between(*settings.sharpness_range, "sharpness", 1.0),
        corners=_draw_corners(size, settings.distortion, happens["perspective"], corners.T),
        box=_draw_boxes(size, settings, happens["erasing"], boxes),
    )


def own_corners(size: tuple[int, int]) -> Tensor:
    """The corners of a picture of `size` = (height, width), clockwise from the top left: (4, 2) float64 pixels x, y."""
    height, width = size
    right, bottom = width - 1, height - 1
    return torch.tensor([[0, 0], [right, 0], [right, bottom], [0, bottom]], dtype=torch.float64)


def _draw_corners(size: tuple[int, int], distortion: float, happens: Tensor, numbers: Tensor) -> Tensor:
    """Each corner moved inwards by a whole number of pixels, up to `distortion` of the half side; (n, 4, 2).

    Corners that would fold the picture over (possible from a distortion of 2/3, or in a few pixels) stay where they are.
    """
    height, width = size
    reach = torch.tensor([int(distortion * (width // 2)), int(distortion * (height // 2))], dtype=torch.float64)
    inwards = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=torch.float64)
    steps = (numbers.reshape(-1, 4, 2) * (reach + 1)).floor()
    corners = own_corners(size) + inwards * steps * happens[:, None, None]
    along = corners.roll(-1, 1) - corners
    onwards = along.roll(-1, 1)
    turns_right = along[..., 0] * onwards[..., 1] - along[..., 1] * onwards[..., 0] > 0
    return torch.where(turns_right.all(1)[:, None, None], corners, own_corners(size))


def _draw_boxes(size: tuple[int, int], settings: Augmentation, happens: Tensor, numbers: Tensor) -> Tensor:
    """Boxes (n, 4) int64; as in torchvision the first of ten attempts that fits is taken, and none where none fits.

    numbers: (2 + 2 · attempts, n) in [0, 1): where the box lies, then area and shape of each attempt.
    """
    height, width = size
    (low, high), shape_range = settings.erasing_scale, torch.tensor(settings.erasing_ratio, dtype=torch.float64).log()
    areas = height * width * (low + (high - low) * numbers[2::2])
    shapes = (shape_range[0] + (shape_range[1] - shape_range[0]) * numbers[3::2]).exp()
    heights, widths = (areas * shapes).sqrt().round(), (areas / shapes).sqrt().round()
    fits = (heights < height) & (widths < width) & (heights > 0) & (widths > 0) & happens
    first = fits.to(torch.int8).argmax(0, keepdim=True)  # argmax gives the first of equals
    box_height, box_width = (sides.gather(0, first)[0] * fits.any(0) for sides in (heights, widths))
    top = (numbers[0] * (height - box_height + 1)).floor()
    left = (numbers[1] * (width - box_width + 1)).floor()
    return torch.stack((top, left, box_height, box_width), 1).long()
