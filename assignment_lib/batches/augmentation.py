"""Random transforms: how often and how far each goes, their random parameters, and their application to a batch.

The report uses seven: rotation, colour jitter, horizontal flip, erasing, affine, perspective and sharpness (section 2.1).
`augment` is `draw_parameters` followed by `apply_transforms`:

- Random numbers are drawn on the CPU: the same generator gives the same images on every device, and a resumed run
  repeats them.
- The four geometric transforms are multiplied into one homography per image, so each image is interpolated once.
- The order is fixed: flip, rotation, affine, perspective; brightness, contrast, saturation, hue; sharpness; erasing.
- Pixels from outside the image repeat the border. Black or grey would be a colour that the person does not wear.

Own code for speed: at 128x64 pixels on two CPU threads it is seven times as fast as torchvision v2, which processes a
batch image by image, and nearly three times as fast as kornia. Each transform is tested against torchvision's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from assignment_lib.batches.transforms import erase, image_corners, jitter, sharpen, warp

#: The seven, in the report's order; each is also the name of its probability in `Augmentation`.
TRANSFORMS = ("rotation", "color_jitter", "flip", "erasing", "affine", "perspective", "sharpness")


@dataclass(frozen=True)
class Augmentation:
    """The probability and the range of each transform. A field named like a transform is its probability; 0 switches it off.

    Ranges follow torchvision: `degrees` and `shear` in ± degrees, `translate` in shares of width and height, `brightness`,
    `contrast`, `saturation` as factors in 1 ± x, `hue` in ± turns (small, since colours are labels), `distortion` as the
    share of the half side by which a corner moves inwards, `erasing_scale` as the erased share of the area and
    `erasing_ratio` as height divided by width of the erased box.

    Raises `ValueError` naming the field whose value is out of range.
    """

    rotation: float = 1.0
    degrees: float = 10.0
    color_jitter: float = 1.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.02
    flip: float = 0.5
    erasing: float = 0.3
    erasing_scale: tuple[float, float] = (0.02, 0.2)
    erasing_ratio: tuple[float, float] = (0.3, 3.3)
    affine: float = 1.0
    translate: tuple[float, float] = (0.05, 0.05)
    scale: tuple[float, float] = (0.9, 1.1)
    shear: float = 5.0
    perspective: float = 0.3
    distortion: float = 0.2
    sharpness: float = 0.3
    sharpness_range: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        highest = dict.fromkeys((*TRANSFORMS, "distortion"), 1.0) | {"hue": 0.5, "shear": 89.0}
        highest |= dict.fromkeys(("brightness", "contrast", "saturation"), float("inf"))
        for name, limit in highest.items():
            if not 0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name}={getattr(self, name)} is out of range; pass 0 to {limit:g}")
        if not all(0 <= share <= 1 for share in self.translate):
            raise ValueError(f"translate={self.translate} is out of range; pass shares from 0 to 1")
        for name, least in (("scale", 1e-3), ("erasing_scale", 0), ("erasing_ratio", 1e-3), ("sharpness_range", 0)):
            low, high = getattr(self, name)
            if not least <= low <= high:
                raise ValueError(f"{name}={low, high} is no range; pass (low, high) with {least:g} <= low <= high")


#: The report's seven transforms, with mild ranges for upright people.
REPORT = Augmentation()
#: The standard of re-identification (Luo et al. 2019, section 2.3): flip, a shift as by padding with 10 pixels and cropping
#: at 256x128, and random erasing.
STANDARD = Augmentation(
    rotation=0.0,
    color_jitter=0.0,
    erasing=0.5,
    erasing_scale=(0.02, 0.4),
    translate=(10 / 128, 10 / 256),
    scale=(1.0, 1.0),
    shear=0.0,
    perspective=0.0,
    sharpness=0.0,
)
#: The values of a recipe's `augmentation`.
AUGMENTATIONS = {"report": REPORT, "standard": STANDARD, "none": None}


def by_name(name: str) -> Augmentation | None:
    """The preset of `AUGMENTATIONS` called `name`; None for "none". Raises `ValueError` for another name."""
    if name not in AUGMENTATIONS:
        raise ValueError(f"augmentation={name!r} is unknown; pass one of {', '.join(AUGMENTATIONS)}")
    return AUGMENTATIONS[name]


def only(name: str, settings: Augmentation = REPORT) -> Augmentation:
    """`settings` with probability 1 for the transform `name` and 0 for the six others."""
    probabilities: dict[str, Any] = dict.fromkeys(TRANSFORMS, 0.0) | {name: 1.0}
    return replace(settings, **probabilities)


_ERASING_ATTEMPTS = 10
# Random numbers per image: one per transform (is it applied?), ten ranges, four corners, an erased box.
_DRAWS = (len(TRANSFORMS), 10, 8, 2 + 2 * _ERASING_ATTEMPTS)


@dataclass(frozen=True)
class Parameters:
    """The random parameters of n images, on the CPU; float64 unless stated otherwise.

    A transform that is not applied has its neutral value: angle 0, factor 1, the corners of the image, an empty box.
    """

    size: tuple[int, int]  # height, width in pixels
    flip: Tensor  # (n,) bool
    angle: Tensor  # (n,) degrees, counter-clockwise
    translation: Tensor  # (n, 2) pixels, right and down
    scale: Tensor  # (n,)
    shear: Tensor  # (n,) degrees, along x
    corners: Tensor  # (n, 4, 2) pixels x, y, clockwise from the top left: new corners of the image
    brightness: Tensor  # (n,) factors
    contrast: Tensor
    saturation: Tensor
    hue: Tensor  # (n,) turns
    sharpness: Tensor  # (n,) factor
    box: Tensor  # (n, 4) int64: top, left, height, width of the erased box


def draw_parameters(
    n: int, size: tuple[int, int], settings: Augmentation = REPORT, generator: torch.Generator | None = None
) -> Parameters:
    """Random parameters for `n` images of `size` = (height, width).

    Every call draws the same number of random numbers, and each transform has its own. Switching a transform off therefore
    does not change the others, nor later batches.
    """
    height, width = size
    numbers = torch.rand(sum(_DRAWS), n, generator=generator, dtype=torch.float64)
    chances, ranges, corners, boxes = numbers.split(_DRAWS)
    applied = {name: chance < getattr(settings, name) for name, chance in zip(TRANSFORMS, chances, strict=True)}
    remaining = iter(ranges)

    def between(low: float, high: float, name: str, neutral: float) -> Tensor:
        return torch.where(applied[name], low + (high - low) * next(remaining), neutral)

    def factor(spread: float) -> Tensor:
        return between(max(0.0, 1 - spread), 1 + spread, "color_jitter", 1.0)

    shift_x, shift_y = settings.translate[0] * width, settings.translate[1] * height
    return Parameters(
        size=(height, width),
        flip=applied["flip"],
        angle=between(-settings.degrees, settings.degrees, "rotation", 0.0),
        translation=torch.stack(
            (between(-shift_x, shift_x, "affine", 0.0), between(-shift_y, shift_y, "affine", 0.0)), 1
        ),
        scale=between(*settings.scale, "affine", 1.0),
        shear=between(-settings.shear, settings.shear, "affine", 0.0),
        brightness=factor(settings.brightness),
        contrast=factor(settings.contrast),
        saturation=factor(settings.saturation),
        hue=between(-settings.hue, settings.hue, "color_jitter", 0.0),
        sharpness=between(*settings.sharpness_range, "sharpness", 1.0),
        corners=_draw_corners(size, settings.distortion, applied["perspective"], corners.T),
        box=_draw_boxes(size, settings, applied["erasing"], boxes),
    )


def _draw_corners(size: tuple[int, int], distortion: float, applied: Tensor, numbers: Tensor) -> Tensor:
    """New corners (n, 4, 2), each moved inwards by a whole number of pixels, up to `distortion` of the half side.

    Corners that are not convex would fold the image (possible from a distortion of 2/3, or in tiny images): these images
    keep their own.
    """
    height, width = size
    largest = torch.tensor([int(distortion * (width // 2)), int(distortion * (height // 2))], dtype=torch.float64)
    inwards = torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]], dtype=torch.float64)
    steps = (numbers.reshape(-1, 4, 2) * (largest + 1)).floor()
    corners = image_corners(size) + inwards * steps * applied[:, None, None]
    edges = corners.roll(-1, 1) - corners
    next_edges = edges.roll(-1, 1)
    turns_right = edges[..., 0] * next_edges[..., 1] - edges[..., 1] * next_edges[..., 0] > 0
    return torch.where(turns_right.all(1)[:, None, None], corners, image_corners(size))


def _draw_boxes(size: tuple[int, int], settings: Augmentation, applied: Tensor, numbers: Tensor) -> Tensor:
    """Boxes (n, 4) int64: as in torchvision, the first of ten attempts that fits, or an empty box.

    numbers: (2 + 2 · attempts, n) in [0, 1): position of the box, then area and shape of each attempt.
    """
    height, width = size
    (low, high), shape_range = settings.erasing_scale, torch.tensor(settings.erasing_ratio, dtype=torch.float64).log()
    areas = height * width * (low + (high - low) * numbers[2::2])
    shapes = (shape_range[0] + (shape_range[1] - shape_range[0]) * numbers[3::2]).exp()
    heights, widths = (areas * shapes).sqrt().round(), (areas / shapes).sqrt().round()
    fits = (heights < height) & (widths < width) & (heights > 0) & (widths > 0) & applied
    first = fits.to(torch.int8).argmax(0, keepdim=True)  # argmax returns the first maximum
    box_height, box_width = (sides.gather(0, first)[0] * fits.any(0) for sides in (heights, widths))
    top = (numbers[0] * (height - box_height + 1)).floor()
    left = (numbers[1] * (width - box_width + 1)).floor()
    return torch.stack((top, left, box_height, box_width), 1).long()


def augment(images: Tensor, settings: Augmentation = REPORT, generator: torch.Generator | None = None) -> Tensor:
    """Augmented copies of `images`, with random parameters per image.

    images: (B, 3, H, W), uint8 or float32 in [0, 1], on any device, in any memory format; not modified.
    generator: a CPU generator; torch's default if None.
    Returns float32 in [0, 1], (B, 3, H, W), contiguous, on the same device.
    Raises `TypeError` for another dtype and `ValueError` for another shape.
    """
    if images.dtype not in (torch.uint8, torch.float32):
        raise TypeError(f"images must be uint8 or float32 in [0, 1], not {images.dtype}; convert them")
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must be (B, 3, height, width), not {tuple(images.shape)}; reshape them")
    height, width = images.shape[-2:]
    return apply_transforms(images, draw_parameters(len(images), (height, width), settings, generator))


def apply_transforms(images: Tensor, parameters: Parameters) -> Tensor:
    """Transform `images` by the `parameters` drawn for them; shapes and dtypes as in `augment`."""
    with torch.no_grad():
        images = to_float(images)
        for transform in (warp, jitter, sharpen, erase):
            images = transform(images, parameters)
        return images


def to_float(images: Tensor) -> Tensor:
    """A contiguous float32 copy in [0, 1] of uint8 (0 to 255) or float32 images, on their device."""
    copied = images.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    return copied.div_(255) if images.dtype == torch.uint8 else copied
