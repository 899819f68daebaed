"""Whether decoded images fit into memory: announced where they are large, refused where they do not fit."""

from __future__ import annotations

import math

#: Decoded images that take more than this many bytes are announced.
ANNOUNCED_BYTES = 200_000_000


def announce(shape: tuple[int, ...], where: str) -> None:
    """Print how much `where` ("memory", "disk in ...") uint8 images of `shape` (N, 3, H, W) take, if it is much."""
    count, _, height, width = shape
    if math.prod(shape) > ANNOUNCED_BYTES:
        print(f"{count:,} images of {height}x{width}: {math.prod(shape) / 1e6:,.0f} MB of {where}")


def require_memory(shape: tuple[int, ...]) -> None:
    """Raise `MemoryError` where uint8 images of `shape` (N, 3, H, W) take more memory than is free."""
    count, _, height, width = shape
    free = _free_memory()
    if free is not None and math.prod(shape) > free:
        raise MemoryError(
            f"{count:,} images of {height}x{width} take {math.prod(shape) / 1e6:,.0f} MB of memory and "
            f"{free / 1e6:,.0f} MB are free: give cache=<file> to keep them on disk, or a smaller size."
        )


def _free_memory() -> int | None:
    """Bytes of free memory; None where psutil is not installed."""
    try:
        import psutil
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)
