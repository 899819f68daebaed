"""Decoded images in memory.

Market-1501 is small once decoded: a picture of 128x64 takes 24,576 bytes. So each file is decoded once, by threads, to
one uint8 tensor, and an epoch then only gathers rows: no worker processes, the same on Windows, Colab and a laptop.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from PIL import Image

from assignment_lib.data.decoding import Decoded, close_gaps, decode_into
from assignment_lib.data.image_cache import decode_through_cache
from assignment_lib.data.memory import announce, require_memory

_NAMED_FILES = 5


def decode(
    paths: Sequence[str | Path],
    size: tuple[int, int] = (128, 64),
    *,
    workers: int | None = None,
    corrupt: str = "stop",
    cache: str | Path | None = None,
    progress: bool = True,
) -> Decoded:
    """Decode image files to one uint8 tensor; `images = decode(table.path).images`.

    Any file that Pillow reads comes out as upright RGB of `size` = (height, width): EXIF orientation applied, grey and
    16-bit grey (its high byte) repeated to three channels, palettes and CMYK converted, transparency laid over white,
    other sizes resized by antialiased bilinear interpolation (the aspect ratio is not kept).

    workers: threads; as many as there are cores where None.
    corrupt: what an unreadable file does. "stop" raises ValueError naming it; "skip" leaves it out and lists it.
    cache: a file that keeps the decoded images on disk and is memory-mapped, so that they take no memory beforehand. It
        is used again while paths, file sizes, modification times and `size` stay the same, and made anew otherwise.
    progress: show a bar.
    Raises MemoryError, before it starts, where the images do not fit into the free memory (known where psutil is
    installed), and OSError where the cache does not fit onto its disk.
    """
    if corrupt not in ("stop", "skip"):
        raise ValueError(f'corrupt={corrupt!r} must be "stop" or "skip"')
    files = [os.fspath(path) for path in paths]
    shape = (len(files), 3, *size)
    if cache is None:
        decoded = _decode_to_memory(files, shape, workers, progress)
    else:
        decoded = decode_through_cache(Path(cache), files, shape, workers, progress)
    if decoded.corrupt and corrupt == "stop":
        raise ValueError(_corrupt_message(decoded.corrupt, len(files)))
    return decoded


def sizes(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Width, height and mode of image files as their headers say, one row per file; nothing is decoded."""
    rows = []
    for path in paths:
        with Image.open(path) as image:
            rows.append({"width": image.width, "height": image.height, "mode": image.mode})
    return pd.DataFrame(rows, columns=["width", "height", "mode"])


def _decode_to_memory(files: list[str], shape: tuple[int, ...], workers: int | None, progress: bool) -> Decoded:
    announce(shape, "memory")
    require_memory(shape)
    images = torch.empty(shape, dtype=torch.uint8)
    faults = decode_into(images, files, workers, progress)
    kept = close_gaps(images, faults)
    return Decoded(images[: len(kept)], kept, {files[i]: fault for i, fault in faults.items()})


def _corrupt_message(corrupt: dict[str, str], count: int) -> str:
    named = [f"{path} ({fault})" for path, fault in list(corrupt.items())[:_NAMED_FILES]]
    more = f" and {len(corrupt) - len(named):,} more" if len(corrupt) > len(named) else ""
    return (
        f"{len(corrupt):,} of {count:,} images cannot be decoded: {', '.join(named)}{more}; "
        'put good copies in their place, or leave them out with corrupt="skip".'
    )
