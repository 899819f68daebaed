"""Inference speed on the CPU by batch size: page faults of large activations against the library's rule.

OMP_NUM_THREADS=1 python benchmarks/inference_batch.py
OMP_NUM_THREADS=1 python benchmarks/inference_batch.py --size 256 128 --backbone resnet50

glibc maps blocks above 32 MiB anew at each use and returns free memory above 64 MiB to the system, so large batches spend
more time in the kernel than in the network. Each batch size runs in a process of its own, since glibc adapts to the past.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from assignment_lib.evaluation.predictions import inference_batch_size, untrained_embeddings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--size", type=int, nargs=2, default=(192, 96), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--batch", type=int, help="measure this batch size only, in this process")
    options = parser.parse_args()
    if options.batch is not None:
        measure(options.backbone, tuple(options.size), options.images, options.batch)
        return
    rule = inference_batch_size(*options.size)
    print(f"{options.backbone}, {options.size[0]} x {options.size[1]}, {torch.get_num_threads()} threads; rule: {rule}")
    for batch in sorted({8, rule, 16, 32, 64, 256}):
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--batch", str(batch)], check=True)


def measure(backbone: str, size: tuple[int, int], count: int, batch: int) -> None:
    images = torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    untrained_embeddings(backbone, images[: 2 * batch], pretrained=False, batch_size=batch)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    untrained_embeddings(backbone, images, pretrained=False, batch_size=batch)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    user, kernel = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    print(
        f"batch {batch:3d}: {count / wall:5.0f} images/s, {user:5.1f} s in the network, {kernel:5.1f} s in the kernel, "
        f"{(after.ru_minflt - before.ru_minflt) / count:7.0f} page faults per image",
        flush=True,
    )


if __name__ == "__main__":
    main()
