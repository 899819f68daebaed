"""Exact search and a graph index over a large gallery: time to build, time to search, and what the graph misses.

python benchmarks/index.py --distractors 100000
"""

import argparse
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reid_scores import market

from assignment_lib import retrieval


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distractors", type=int, default=0, help="images added to Market-1501's 19,732")
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--likeness", type=float, default=0.3, help="share of an identity in its embeddings, 0 to 1")
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.shuffle = False
    data = market(options)
    query, gallery = data["query"], data["gallery"]
    print(f"{len(query):,} queries x {len(gallery):,} images x {options.dimensions} dimensions, first {options.depth}")
    exact = None
    for index in ("exact", "faiss", "hnsw"):
        started = time.perf_counter()
        found = retrieval.rank(query, gallery, options.depth, index=index)
        seconds = time.perf_counter() - started
        exact = exact or found
        print(f"{index}: {seconds:.1f} s, {recall(found.order, exact.order):.2%} of the exact ones found", flush=True)


def recall(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """The share of `wanted` `(Q, K)` that is in the same row of `found`."""
    return float((wanted[:, :, None] == found[:, None, :]).any(2).float().mean())


if __name__ == "__main__":
    main()
