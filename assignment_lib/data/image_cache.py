"""Decoded images in one memory-mapped file that is used again while the image files stay the same.

The file holds the pixels, then a JSON note of what they are, then the note's length in eight bytes. It is one file, so
that pixels and note cannot belong to different data.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from assignment_lib.data.decoding import Decoded, close_gaps, decode_into
from assignment_lib.data.memory import announce

_CACHE_VERSION = 1


def decode_through_cache(
    cache: Path, paths: Sequence[str], shape: tuple[int, ...], workers: int | None, progress: bool
) -> Decoded:
    """The images of `shape` (N, 3, H, W) from the file `cache`, which is written first where it is not up to date.

    What is written to the returned images stays in memory. Raises `OSError` where the cache does not fit onto its disk.
    """
    fingerprint = _fingerprint(paths, shape)
    note = _read_note(cache)
    if note is None or note["fingerprint"] != fingerprint:
        note = _write_cache(cache, paths, shape, fingerprint, workers, progress)
    faults = {int(i): fault for i, fault in note["faults"].items()}
    kept = torch.tensor([i for i in range(len(paths)) if i not in faults], dtype=torch.int64)
    images = _map(cache, (len(kept), *shape[1:]), "c")
    return Decoded(images, kept, {paths[i]: fault for i, fault in faults.items()})


def _fingerprint(paths: Sequence[str], shape: tuple[int, ...]) -> str:
    """A hash of everything the decoded pixels depend on, and of the files' state rather than their bytes."""
    digest = hashlib.sha256(json.dumps([_CACHE_VERSION, shape]).encode())
    for path in paths:
        known: tuple[str, int | None, int | None]
        try:
            state = os.stat(path)
            known = (os.path.abspath(path), state.st_size, state.st_mtime_ns)
        except OSError:
            known = (os.path.abspath(path), None, None)
        digest.update(json.dumps(known).encode())
    return digest.hexdigest()


def _read_note(cache: Path) -> dict[str, Any] | None:
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
    cache: Path, paths: Sequence[str], shape: tuple[int, ...], fingerprint: str, workers: int | None, progress: bool
) -> dict[str, Any]:
    """Decode into a new file that becomes `cache` once it is whole; return its note."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    announce(shape, f"disk in {cache}")
    free = shutil.disk_usage(cache.parent).free
    if math.prod(shape) > free:  # a memory-mapped file on a full disk ends the process without a word
        raise OSError(f"{cache} takes {math.prod(shape) / 1e6:,.0f} MB and {free / 1e6:,.0f} MB of its disk are free")
    building = cache.with_name(f"{cache.name}.{os.getpid()}.part")
    try:
        images = _map(building, shape, "w+")
        faults = decode_into(images, paths, workers, progress)
        count = len(close_gaps(images, faults))
        del images
        with open(building, "r+b") as file:
            file.truncate(count * math.prod(shape[1:]))
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


def _map(path: Path, shape: tuple[int, ...], mode: Literal["c", "w+"]) -> Tensor:
    """The start of a file as a uint8 tensor; mode as in np.memmap ("c": what is written to it stays in memory)."""
    if math.prod(shape) == 0:  # an empty file cannot be mapped
        if mode == "w+":
            path.touch()
        return torch.empty(shape, dtype=torch.uint8)
    return torch.from_numpy(np.memmap(path, dtype=np.uint8, mode=mode, shape=shape))
