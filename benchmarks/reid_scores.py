"""Time and memory of `metrics.reid_scores` beside the similarity product alone, at Market-1501's scale.

python benchmarks/reid_scores.py                          # 3,368 queries x 19,732 images x 512 dimensions
python benchmarks/reid_scores.py --distractors 500000     # with Market-1501's 500k distractors
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from assignment_lib import metrics
from assignment_lib.evaluation.blocks import queries_at_a_time
from assignment_lib.evaluation.market_scale import market_scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distractors", type=int, default=0, help="images added to the gallery (default: none)")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--likeness", type=float, default=0.3, help="share of an identity in its embeddings, 0 to 1")
    parser.add_argument("--shuffle", action="store_true", help="gallery in random order, not sorted by identity")
    parser.add_argument("--chunk", type=int, default=None, help="queries at a time (default: the library's own)")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; the median counts")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    data = market_scale(1.0, options.dimensions, options.likeness, options.distractors, options.shuffle, options.seed)
    # The first run shows the memory, which later ones are given again; and it starts threads and libraries.
    extra, scores = extra_memory(lambda: metrics.reid_scores(**data, chunk=options.chunk))
    print(
        f"{len(data['query']):,} queries x {len(data['gallery']):,} images x {options.dimensions} dimensions, float32"
    )
    print(f"mAP {scores.mAP:.4f}, rank-1 {scores.rank1:.4f}, {scores.valid_queries:,} valid queries")
    print(f"memory above the inputs, at most: {extra / 2**20:.0f} MiB", flush=True)
    product, whole = beside_product(data, options.repeat, options.chunk)
    print(f"similarity product alone: {np.median(product):.3f} s (best {min(product):.3f})")
    print(f"reid_scores, product included: {np.median(whole):.3f} s (best {min(whole):.3f})")
    ratios = np.array(whole) / np.array(product)
    print(f"ratio: median {np.median(ratios):.2f}, from {ratios.min():.2f} to {ratios.max():.2f}")


def beside_product(data: dict, repeat: int, chunk: int | None = None) -> tuple[list[float], list[float]]:
    """Seconds of the similarity product alone and of `reid_scores`, in turn, so that other load meets both alike."""
    rows = queries_at_a_time(chunk, 4 * len(data["gallery"]))
    product, whole = [], []
    for _ in range(repeat):
        product.append(seconds(lambda: similarity_product(data["query"], data["gallery"], rows)))
        whole.append(seconds(lambda: metrics.reid_scores(**data, chunk=chunk)))
    return product, whole


def similarity_product(query: torch.Tensor, gallery: torch.Tensor, chunk: int) -> None:
    block = torch.empty(chunk, len(gallery))
    for start in range(0, len(query), chunk):
        part = query[start : start + chunk]
        torch.mm(part, gallery.T, out=block[: len(part)])


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def extra_memory(work) -> tuple[int, object]:
    """Most resident memory during `work` above that before it, in bytes, looked at every 2 ms (Linux); its result."""
    before, most, done = resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.002):
            most = max(most, resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result = work()
    done.set()
    watcher.join()
    return most - before, result


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
