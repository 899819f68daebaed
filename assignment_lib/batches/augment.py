"""The seven random transforms of the report, random per sample, a whole batch at a time, on the batch's own device.

Rotation, colour jitter, horizontal flip, erasing, affine, perspective and sharpness, with torchvision's conventions for
their ranges. `augment` is `draws.draw_parameters` followed by `apply`:

- Random numbers are drawn on the CPU, so the same generator gives the same pictures on every device, and a resumed run
  replays them. Only these few numbers a sample travel to the device; no pixel is read back.
- The four geometric transforms are multiplied into one homography a sample, so that a picture is interpolated once.
- The order is fixed: flip, rotation, affine, perspective · brightness, contrast, saturation, hue · sharpness · erasing.
  torchvision shuffles the four colour steps at every call; a shuffle a sample would split the batch into 24 pieces.
- What a warp uncovers repeats the border pixel. Black or grey would be a colour that the person does not wear, and two
  of the colours to be told apart; the border continues the background.

Own code rather than a library's for its speed: torchvision v2 draws one set of parameters a call, so that it has to go
through a batch image by image, and it interpolates at each of three steps, as kornia does. Images a second on one and on
two CPU threads, 128x64 pixels: 1,532 and 3,007 here, 400 and 426 with torchvision v2 on tensors, 655 and 1,131 with
kornia (`benchmarks/augment.py`). Each transform is tested against torchvision's own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from assignment_lib.batches.augmentation import Augmentation
from assignment_lib.batches.colour import jitter
from assignment_lib.batches.draws import Parameters, draw_parameters
from assignment_lib.batches.erasing import erase
from assignment_lib.batches.geometry import warp
from assignment_lib.batches.sharpness import sharpen


def augment(images: Tensor, settings: Augmentation | None = None, generator: torch.Generator | None = None) -> Tensor:
    """`images` with random transforms, drawn for each sample by itself.

    images: (B, 3, H, W), uint8 or float32 in [0, 1], on any device, in any memory format; left as they are.
    settings: the default `Augmentation()` where None.
    generator: a CPU generator; torch's own where None.
    Returns float32 in [0, 1], (B, 3, H, W), contiguous, on the same device.
    Raises TypeError for another dtype and ValueError for another shape.
    """
    _check_images(images)
    height, width = images.shape[-2:]
    return apply(images, draw_parameters(len(images), (height, width), settings, generator))


def apply(images: Tensor, parameters: Parameters) -> Tensor:
    """`images` transformed as `parameters` say; shapes and dtypes as in `augment`.

    Raises ValueError where the parameters were drawn for another number or size of images.
    """
    _check_images(images)
    if len(parameters) != len(images) or parameters.size != tuple(images.shape[-2:]):
        raise ValueError(
            f"these parameters are for {len(parameters)} images of {parameters.size}, not {tuple(images.shape)}"
        )
    with torch.no_grad():
        images = to_float(images)
        images = warp(images, parameters)
        images = jitter(images, parameters)
        images = sharpen(images, parameters)
        return erase(images, parameters)


def to_float(images: Tensor) -> Tensor:
    """A contiguous float32 copy in [0, 1] of uint8 (0..255) or float32 images, on their device."""
    copied = images.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    return copied.div_(255) if images.dtype == torch.uint8 else copied


def _check_images(images: Tensor) -> None:
    if images.dtype not in (torch.uint8, torch.float32):
        raise TypeError(f"images must be uint8 or float32 in [0, 1], not {images.dtype}: convert them first")
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"images must be (B, 3, height, width), not {tuple(images.shape)}")
