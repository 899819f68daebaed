"""One image file: its pixels as upright RGB, and what is wrong where they cannot be decoded.

Pillow decodes. torchvision.io is about twice as fast on plain JPEG (14,900 against 6,900 files of 64x128 a second on one
thread), which saves seconds once, but it reads fewer kinds of files, calls itself deprecated since torchvision 0.29, and
a second decoder is a second answer to what a file shows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps


def decode_file(path: str | Path | BinaryIO, size: tuple[int, int]) -> np.ndarray:
    """One image file (a path, or an open one) as uint8 (height, width, 3) of `size` = (height, width), as `images.decode` says.

    Raises whatever Pillow raises, and `ValueError` for floating-point pixels.
    """
    with Image.open(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        rgb = _to_rgb(image)
        if rgb.size != (size[1], size[0]):
            rgb = rgb.resize((size[1], size[0]), Image.Resampling.BILINEAR)  # Pillow antialiases
        return np.asarray(rgb)


def fault_of(path: str, error: Exception) -> str:
    """What is wrong with a file that raised `error` when it was decoded, in a few words."""
    if isinstance(error, FileNotFoundError):
        return "missing"
    if isinstance(error, PermissionError):
        return "may not be read"
    if os.path.isdir(path):
        return "is a folder"
    if os.path.getsize(path) == 0:
        return "empty"
    if isinstance(error, Image.UnidentifiedImageError):
        return "not an image"
    return str(error) or type(error).__name__


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow's own conversion cuts 16-bit values off at 255, which whitens nearly every pixel.
        values = np.asarray(image).astype(np.int64)
        image = Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point pixels, whose range is unknown")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")
