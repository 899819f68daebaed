"""Threads that decode many image files into one uint8 tensor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple

import torch
from torch import Tensor

from assignment_lib.data.image_files import decode_file, fault_of
from assignment_lib.progress import bar

_FILES_PER_TASK = 64


class Decoded(NamedTuple):
    """What `images.decode` returns. With corrupt="stop", `kept` is all positions and `corrupt` is empty."""

    images: Tensor  # (M, 3, H, W) uint8
    kept: Tensor  # (M,) int64, ascending: the position in `paths` of each image
    corrupt: dict[str, str]  # path -> what is wrong with it, for those left out


def decode_into(images: Tensor, paths: Sequence[str], workers: int | None, progress: bool) -> dict[int, str]:
    """Fill the rows of `images` (N, 3, H, W) uint8 with the N files `paths`, by as many threads as `workers` or cores.

    Returns position -> what is wrong, ascending, for the files that cannot be decoded; their rows are undefined.
    """
    rows, size = images.numpy(), (images.shape[2], images.shape[3])  # NumPy copies without threads of its own

    def decode_rows(start: int) -> list[tuple[int, str]]:
        faults = []
        for i in range(start, min(start + _FILES_PER_TASK, len(paths))):
            try:
                rows[i] = decode_file(paths[i], size).transpose(2, 0, 1)
            except MemoryError:
                raise
            except Exception as error:  # decoders raise nearly everything on broken files
                faults.append((i, fault_of(paths[i], error)))
        return faults

    pool = ThreadPoolExecutor(workers or _cores())
    try:
        tasks = [pool.submit(decode_rows, start) for start in range(0, len(paths), _FILES_PER_TASK)]
        faults = []
        with bar(total=len(paths), desc="decoding", unit="image", show=progress) as done:
            for task in as_completed(tasks):
                faults += task.result()
                done.update(min(_FILES_PER_TASK, len(paths) - done.n))
    finally:  # also on Ctrl-C: what has not begun is dropped
        pool.shutdown(cancel_futures=True)
    return dict(sorted(faults))


def close_gaps(images: Tensor, faults: dict[int, str]) -> Tensor:
    """Move good rows up over faulty ones, in place, since a second copy may not fit; return their old positions."""
    good = torch.ones(len(images), dtype=torch.bool)
    good[list(faults)] = False
    kept = good.nonzero()[:, 0]
    for new, old in enumerate(kept.tolist()):
        if new != old:
            images[new] = images[old]
    return kept


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
