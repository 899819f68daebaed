"""Time and memory of `retrieval.rerank` beside the all-pairs product alone, at Market-1501's scale.

python benchmarks/rerank.py        # 3,368 queries x 19,732 images x 512 dimensions
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from reid_scores import extra_memory, seconds, similarity_product

from assignment_lib import retrieval
from assignment_lib.evaluation.market_scale import market_scale


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--likeness", type=float, default=0.3, help="share of an identity in its embeddings, 0 to 1")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each, in turn")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = market_scale(1.0, options.dimensions, options.likeness, seed=options.seed)
    query, gallery = data["query"], data["gallery"]
    extra, _ = extra_memory(lambda: retrieval.rerank(query, gallery))
    print(f"{len(query):,} queries x {len(gallery):,} images x {options.dimensions} dimensions, float32")
    print(f"memory above the inputs, the result included, at most: {extra / 2**20:.0f} MiB", flush=True)
    for product, whole in zip(*beside_product(query, gallery, options.repeat), strict=True):
        print(f"all-pairs product {product:.2f} s, rerank {whole:.2f} s, ratio {whole / product:.2f}", flush=True)


def beside_product(query: torch.Tensor, gallery: torch.Tensor, repeat: int) -> tuple[list[float], list[float]]:
    """Seconds of the product of all pairs alone and of `rerank`, in turn."""
    everything = torch.cat([query, gallery])
    product, whole = [], []
    for _ in range(repeat):
        product.append(seconds(lambda: similarity_product(everything, everything, 512)))
        whole.append(seconds(lambda: retrieval.rerank(query, gallery)))
    return product, whole


if __name__ == "__main__":
    main()
