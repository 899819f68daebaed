"""Work on many rows in as many threads as torch uses."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch


def in_threads(work: Callable[[range], None], rows: int) -> None:
    """Calls `work` on parts of `range(rows)`, as many at once as torch uses threads (numpy's loops free the others)."""
    threads = max(1, min(torch.get_num_threads(), 8, rows))
    bounds = [rows * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: work(range(bounds[part], bounds[part + 1])), range(threads)))
