"""Time and memory of `reid_scores` compared with the similarity product alone, at Market-1501's scale.

OMP_NUM_THREADS=1 python benchmarks/reid_scores.py        # 3,368 queries x 19,732 images x 512 dimensions
python benchmarks/reid_scores.py --distractors 500000     # with the 500k distractors of Market-1501
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from market_scale import market_scale

from assignment_lib.evaluation.reid_scores import reid_scores

_PRODUCT_ROWS = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distractors", type=int, default=0, help="images added to the gallery (default: none)")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--likeness", type=float, default=0.3, help="share of an identity in its embeddings, 0 to 1")
    parser.add_argument("--shuffle", action="store_true", help="gallery in random order, not sorted by identity")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; the median counts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    data = market_scale(1.0, options.dimensions, options.likeness, options.distractors, options.shuffle, options.seed)
    memory, scores = extra_memory(lambda: reid_scores(**data))  # also starts threads and libraries
    print(
        f"{len(data['query']):,} queries x {len(data['gallery']):,} images x {options.dimensions} dimensions, float32"
    )
    print(f"mAP {scores.mAP:.7f}, rank-1 {scores.rank1:.6f}, {scores.valid_queries:,} valid queries")
    print(f"peak memory above the inputs: {memory / 2**20:.0f} MiB", flush=True)
    product, total = compare_with_product(data, options.repeat)
    print(f"similarity product alone: {np.median(product):.3f} s (best {min(product):.3f})")
    print(f"reid_scores, product included: {np.median(total):.3f} s (best {min(total):.3f})")
    ratios = np.array(total) / np.array(product)
    print(f"ratio: median {np.median(ratios):.2f}, from {ratios.min():.2f} to {ratios.max():.2f}")


def compare_with_product(data: dict[str, Any], repeat: int) -> tuple[list[float], list[float]]:
    """Seconds of the similarity product and of `reid_scores`, alternating, so that other load affects both alike."""
    product, total = [], []
    for _ in range(repeat):
        product.append(seconds(lambda: similarity_product(data["query"], data["gallery"])))
        total.append(seconds(lambda: reid_scores(**data)))
    return product, total


def similarity_product(query: Tensor, gallery: Tensor) -> None:
    block = torch.empty(_PRODUCT_ROWS, len(gallery))
    for rows in query.split(_PRODUCT_ROWS):
        torch.mm(rows, gallery.T, out=block[: len(rows)])


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def extra_memory(work: Callable[[], Any]) -> tuple[int, Any]:
    """Peak resident memory during `work` above that before it, in bytes, sampled every 2 ms (Linux); and its result."""
    before, peak, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = work()
    done.set()
    watcher.join()
    return peak - before, result


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
