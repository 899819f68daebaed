"""Exact search and a graph index over a large gallery: time to build, time to search, and what the graph misses.

python benchmarks/index.py --distractors 100000
"""

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from assignment_lib import retrieval
from assignment_lib.evaluation.market_scale import market_scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distractors", type=int, default=0, help="images added to Market-1501's 19,732")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--likeness", type=float, default=0.3, help="share of an identity in its embeddings, 0 to 1")
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = market_scale(1.0, options.dimensions, options.likeness, options.distractors, seed=options.seed)
    query, gallery = data["query"], data["gallery"]
    print(f"{len(query):,} queries x {len(gallery):,} images x {options.dimensions} dimensions, first {options.depth}")
    exact, search = timed(lambda: retrieval.rank(query, gallery, options.depth))
    print(f"exact: search {search:.2f} s", flush=True)
    for kind in ("faiss", "hnsw"):
        index, build = timed(lambda kind=kind: retrieval.build_index(gallery, kind))
        found, search = timed(lambda index=index: retrieval.rank(query, gallery, options.depth, index=index))
        share = recall(found.order, exact.order)
        print(f"{kind}: build {build:.1f} s, search {search:.2f} s, {share:.2%} of the exact ones found", flush=True)


def timed(work) -> tuple[object, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def recall(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The share of `wanted` `(Q, K)` that is in the same row of `found`."""
    return float((wanted[:, :, None] == found[:, None, :]).any(2).float().mean())


if __name__ == "__main__":
    main()
