"""Time and memory of `retrieval.rerank` beside the all-pairs product alone, at Market-1501's scale.

python benchmarks/rerank.py        # 3,368 queries x 19,732 images x 512 dimensions
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reid_scores import extra_memory, market, seconds

from assignment_lib import retrieval


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--likeness", type=float, default=0.3, help="share of an identity in its embeddings, 0 to 1")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, in turn")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.distractors, options.shuffle = 0, False
    data = market(options)
    query, gallery = data["query"], data["gallery"]
    everything = torch.cat([query, gallery])
    extra, _ = extra_memory(lambda: retrieval.rerank(query, gallery))
    print(f"{len(query):,} queries x {len(gallery):,} images x {options.dimensions} dimensions, float32")
    print(f"memory above the inputs, the result included, at most: {extra / 2**20:.0f} MiB", flush=True)
    for _ in range(options.repeat):
        product = seconds(lambda: all_pairs(everything))
        whole = seconds(lambda: retrieval.rerank(query, gallery))
        print(f"all-pairs product {product:.2f} s, rerank {whole:.2f} s, ratio {whole / product:.2f}", flush=True)


def all_pairs(everything: torch.Tensor, rows: int = 512) -> None:
    block = torch.empty(rows, len(everything))
    for start in range(0, len(everything), rows):
        part = everything[start : start + rows]
        torch.mm(part, everything.T, out=block[: len(part)])


if __name__ == "__main__":
    main()
