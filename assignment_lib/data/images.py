"""Decoded images in memory, and batches of them.

Market-1501 is small once decoded: a picture of 128x64 takes 24,576 bytes. So each file is decoded once, by threads, to
one uint8 tensor, and an epoch then only gathers rows: no worker processes, the same on Windows, Colab and a laptop.
`decode` makes the tensor, in memory or memory-mapped from a cache file; `Batches` goes over it.

Pillow decodes. torchvision.io is about twice as fast on plain JPEG, which saves seconds once, but it reads fewer kinds of
files, calls itself deprecated since torchvision 0.29, and a second decoder is a second answer to what a file shows.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageOps
from torch import Tensor

from assignment_lib.progress import bar

#: Decoded images that take more than this many bytes are announced.
ANNOUNCED_BYTES = 200_000_000

_FILES_A_TASK = 64
_NAMED_FILES = 5
_CACHE_VERSION = 1


class Decoded(NamedTuple):
    """What `decode` returns. With corrupt="stop", `kept` is all positions and `corrupt` is empty."""

    images: Tensor  # (M, 3, H, W) uint8
    kept: Tensor  # (M,) int64, ascending: the position in `paths` of each image
    corrupt: dict[str, str]  # path -> what is wrong with it, for those left out


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
    other sizes resized by antialiased bilinear interpolation (the shape is not kept).

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
    paths = [os.fspath(path) for path in paths]
    shape = (len(paths), 3, *size)
    if cache is not None:
        decoded = _through_cache(Path(cache), paths, shape, workers, progress)
    else:
        _announce(shape, "memory")
        _require_memory(shape)
        images = torch.empty(shape, dtype=torch.uint8)
        faults = _decode_into(images, paths, workers, progress)
        kept = _close_gaps(images, faults)
        decoded = Decoded(images[: len(kept)], kept, {paths[i]: fault for i, fault in faults.items()})
    if decoded.corrupt and corrupt == "stop":
        raise ValueError(_corrupt_message(decoded.corrupt, len(paths)))
    return decoded


def decode_file(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """One image file as uint8 (height, width, 3), as `decode` describes it; raises whatever Pillow raises."""
    with Image.open(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        rgb = _to_rgb(image)
        if rgb.size != (size[1], size[0]):
            rgb = rgb.resize((size[1], size[0]), Image.Resampling.BILINEAR)  # Pillow antialiases
        return np.asarray(rgb)


def sizes(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Width, height and mode of image files as their headers say, one row a file; nothing is decoded."""
    rows = []
    for path in paths:
        with Image.open(path) as image:
            rows.append({"width": image.width, "height": image.height, "mode": image.mode})
    return pd.DataFrame(rows, columns=["width", "height", "mode"])


# Decoding


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


def _decode_into(images: Tensor, paths: list[str], workers: int | None, progress: bool) -> dict[int, str]:
    """Fill the rows of `images`; returns position -> what is wrong, ascending, for files that cannot be decoded."""
    rows, size = images.numpy(), tuple(images.shape[2:])  # NumPy copies without starting threads of its own

    def decode_rows(start: int) -> list[tuple[int, str]]:
        faults = []
        for i in range(start, min(start + _FILES_A_TASK, len(paths))):
            try:
                rows[i] = decode_file(paths[i], size).transpose(2, 0, 1)
            except MemoryError:
                raise
            except Exception as error:  # decoders raise nearly everything on broken files
                faults.append((i, _fault(paths[i], error)))
        return faults

    pool = ThreadPoolExecutor(workers or _cores())
    try:
        tasks = [pool.submit(decode_rows, start) for start in range(0, len(paths), _FILES_A_TASK)]
        faults = []
        with bar(total=len(paths), desc="decoding", unit="image", show=progress) as done:
            for task in as_completed(tasks):
                faults += task.result()
                done.update(min(_FILES_A_TASK, len(paths) - done.n))
    finally:  # also on Ctrl-C: what has not begun is dropped
        pool.shutdown(cancel_futures=True)
    return dict(sorted(faults))


def _fault(path: str, error: Exception) -> str:
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


def _corrupt_message(corrupt: dict[str, str], count: int) -> str:
    named = [f"{path} ({fault})" for path, fault in list(corrupt.items())[:_NAMED_FILES]]
    more = f" and {len(corrupt) - len(named):,} more" if len(corrupt) > len(named) else ""
    return (
        f"{len(corrupt):,} of {count:,} images cannot be decoded: {', '.join(named)}{more}; "
        'put good copies in their place, or leave them out with corrupt="skip".'
    )


def _close_gaps(images: Tensor, faults: dict[int, str]) -> Tensor:
    """Move good rows up over faulty ones, in place, since a second copy may not fit; returns their old positions."""
    good = torch.ones(len(images), dtype=torch.bool)
    good[list(faults)] = False
    kept = good.nonzero()[:, 0]
    for new, old in enumerate(kept.tolist()):
        if new != old:
            images[new] = images[old]
    return kept


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# Memory


def _announce(shape: tuple[int, ...], where: str) -> None:
    count, _, height, width = shape
    if _bytes(shape) > ANNOUNCED_BYTES:
        print(f"{count:,} images of {height}x{width}: {_bytes(shape) / 1e6:,.0f} MB of {where}")


def _require_memory(shape: tuple[int, ...]) -> None:
    count, _, height, width = shape
    free = _free_memory()
    if free is not None and _bytes(shape) > free:
        raise MemoryError(
            f"{count:,} images of {height}x{width} take {_bytes(shape) / 1e6:,.0f} MB of memory and "
            f"{free / 1e6:,.0f} MB are free: give cache=<file> to keep them on disk, or a smaller size."
        )


def _free_memory() -> int | None:
    try:
        import psutil
    except ImportError:
        return None
    return psutil.virtual_memory().available


def _bytes(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


# Cache file: the pixels, then a JSON note of what they are, then the note's length in eight bytes. One file, so that
# pixels and note cannot belong to different data.


def _through_cache(
    cache: Path, paths: list[str], shape: tuple[int, ...], workers: int | None, progress: bool
) -> Decoded:
    fingerprint = _fingerprint(paths, shape)
    note = _read_note(cache)
    if note is None or note["fingerprint"] != fingerprint:
        note = _write_cache(cache, paths, shape, fingerprint, workers, progress)
    faults = {int(i): fault for i, fault in note["faults"].items()}
    kept = torch.tensor([i for i in range(len(paths)) if i not in faults], dtype=torch.int64)
    return Decoded(_map(cache, (len(kept), *shape[1:]), "c"), kept, {paths[i]: fault for i, fault in faults.items()})


def _fingerprint(paths: list[str], shape: tuple[int, ...]) -> str:
    """A hash of everything the decoded pixels depend on, and of the files' state rather than their bytes."""
    digest = hashlib.sha256(json.dumps([_CACHE_VERSION, shape]).encode())
    for path in paths:
        try:
            state = os.stat(path)
            known = (os.path.abspath(path), state.st_size, state.st_mtime_ns)
        except OSError:
            known = (os.path.abspath(path), None, None)
        digest.update(json.dumps(known).encode())
    return digest.hexdigest()


def _read_note(cache: Path) -> dict | None:
    """The note at the end of a cache file; None where there is none, or the file is not a whole cache."""
    try:
        with open(cache, "rb") as file:
            file.seek(-8, os.SEEK_END)
            end = file.tell()
            length = int.from_bytes(file.read(8), "little")
            file.seek(end - length)
            note = json.loads(file.read(length))
            return note if note["bytes"] == end - length else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_cache(
    cache: Path, paths: list[str], shape: tuple[int, ...], fingerprint: str, workers: int | None, progress: bool
) -> dict:
    cache.parent.mkdir(parents=True, exist_ok=True)
    _announce(shape, f"disk in {cache}")
    free = shutil.disk_usage(cache.parent).free
    if _bytes(shape) > free:  # a memory-mapped file on a full disk ends the process without a word
        raise OSError(f"{cache} takes {_bytes(shape) / 1e6:,.0f} MB and {free / 1e6:,.0f} MB of its disk are free")
    building = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    try:
        images = _map(building, shape, "w+")
        faults = _decode_into(images, paths, workers, progress)
        count = len(_close_gaps(images, faults))
        del images
        with open(building, "r+b") as file:
            file.truncate(count * _bytes(shape[1:]))
            file.seek(0, os.SEEK_END)
            note = {"fingerprint": fingerprint, "bytes": file.tell(), "faults": faults}
            content = json.dumps(note).encode()
            file.write(content + len(content).to_bytes(8, "little"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(building, cache)
    finally:
        building.unlink(missing_ok=True)
    return note


def _map(path: Path, shape: tuple[int, ...], mode: str) -> Tensor:
    """The start of a file as a uint8 tensor; mode as in np.memmap ("c": what is written to it stays in memory)."""
    if _bytes(shape) == 0:  # an empty file cannot be mapped
        if mode == "w+":
            path.touch()
        return torch.empty(shape, dtype=torch.uint8)
    return torch.from_numpy(np.memmap(path, dtype=np.uint8, mode=mode, shape=shape))
