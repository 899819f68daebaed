"""Decoded images in memory.

Market-1501 is small once decoded: an image of 128x64 takes 24,576 bytes. Threads decode each file once, into one uint8
tensor, and an epoch only gathers rows, without worker processes. torchvision.io decodes plain JPEG about twice as fast as
Pillow, but reads fewer formats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from assignment_lib.data.layouts import few
from assignment_lib.files import bar


def decode(paths: Sequence[str | Path], size: tuple[int, int] = (128, 64), *, progress: bool = True) -> Tensor:
    """Decode image files into one uint8 tensor `(N, 3, H, W)`: `decode(table["path"])`.

    Any file that Pillow reads becomes upright RGB of `size` = (height, width): EXIF orientation is applied, grey and 16-bit
    grey (its high byte) are repeated to three channels, palettes and CMYK are converted, transparency is laid over white,
    and other sizes are resized by antialiased bilinear interpolation (the aspect ratio is not kept).

    Raises `ValueError` naming the files that cannot be decoded, and `MemoryError` in advance where the images do not fit
    into the free memory (known if psutil is installed).
    """
    files = list(paths)
    shape = (len(files), 3, *size)
    _check_memory(shape)
    images = torch.empty(shape, dtype=torch.uint8)
    rows = images.numpy()  # NumPy copies without threads of its own

    def decode_row(i: int) -> str:
        try:
            rows[i] = decode_file(files[i], size).transpose(2, 0, 1)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise nearly everything on broken files
            return f"{files[i]} ({_fault(error)})"
        return ""

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # `map` cancels the tasks that have not started on Ctrl-C
        done = bar(pool.map(decode_row, range(len(files))), "decoding", len(files), unit="image", show=progress)
        faults = [fault for fault in done if fault]
    if faults:
        count = f"{len(faults):,} of {len(files):,} images"
        raise ValueError(f"{count} cannot be decoded: {few(faults)}; replace or remove them")
    return images


def sizes(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Width, height and mode from the headers of image files, one row per file; no pixels are decoded.

    Raises `ValueError` naming a file that is not an image.
    """
    rows = []
    for path in paths:
        try:
            with Image.open(path) as image:
                rows.append({"width": image.width, "height": image.height, "mode": image.mode})
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({_fault(error)}); replace or remove it") from error
    return pd.DataFrame(rows, columns=["width", "height", "mode"])


def decode_file(path: str | Path | BinaryIO, size: tuple[int, int]) -> np.ndarray:
    """One image file (a path or an open file) as uint8 (height, width, 3), converted as `decode` describes.

    Raises whatever Pillow raises, and `ValueError` for floating-point pixels.
    """
    with Image.open(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        rgb = _to_rgb(image)
        if rgb.size != (size[1], size[0]):
            rgb = rgb.resize((size[1], size[0]), Image.Resampling.BILINEAR)  # Pillow antialiases
        return np.asarray(rgb)


def near_duplicates(images: Tensor, others: Tensor, similarity: float = 0.97) -> Tensor:
    """Which of `images` look nearly like one of `others`: bool `(N,)`.

    Both are uint8, `(N, 3, H, W)` and `(M, 3, H, W)`. Thumbnails of 16 x 8 pixels are compared by their correlation, which
    neither re-encoding nor brightness changes; above `similarity` two images are taken for the same scene.
    """
    if not len(others):
        return torch.zeros(len(images), dtype=torch.bool)
    references = _thumbnails(others)
    return torch.cat([(part @ references.T).amax(1) >= similarity for part in _thumbnails(images).split(1024)])


def _thumbnails(images: Tensor) -> Tensor:
    """Thumbnails as vectors of mean 0 and length 1: uint8 `(N, 3, H, W)` -> float32 `(N, 3 * 16 * 8)`."""
    small = torch.cat([F.interpolate(part.float(), (16, 8), mode="area") for part in images.split(1024)]).flatten(1)
    return F.normalize(small - small.mean(dim=1, keepdim=True))


def _fault(error: Exception) -> str:
    """A few words about the fault of a file whose decoding raised `error`."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "empty or not an image"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow's own conversion clips 16-bit values at 255, which turns nearly every pixel white.
        values = np.asarray(image).astype(np.int64)
        image = Image.fromarray((values >> 8).clip(0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point pixels of unknown range")
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _check_memory(shape: tuple[int, ...]) -> None:
    """Raise `MemoryError` where uint8 images of `shape` need more than the free memory."""
    try:
        import psutil
    except ImportError:
        return
    needed, free = math.prod(shape), psutil.virtual_memory().available
    if needed > free:
        raise MemoryError(
            f"{shape[0]:,} images of {shape[2]}x{shape[3]} need {needed / 1e6:,.0f} MB of memory, but {free / 1e6:,.0f} MB are "
            "free; pass a smaller image_size in the recipe"
        )
