"""How the cost of what grows with the images grows: seconds at 1,000 to 30,000 images, and the exponent of a power law.

python benchmarks/scaling.py

An exponent of 1 is linear. The network's own part, decoding and augmentation work image by image and are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from reid_scores import seconds

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assignment_lib import metrics
from assignment_lib.batches.loader import Batches
from assignment_lib.batches.samplers import sampler_and_weights
from assignment_lib.data.attributes import target_tensor
from assignment_lib.data.split import pid_labels, split_table
from assignment_lib.evaluation.market_scale import IMAGES, market_scale
from assignment_lib.training.made_up import noise_split
from assignment_lib.training.recipes import recipe

SIZES = (1_000, 3_000, 10_000, 30_000)
IMAGES_A_PERSON = 17  # as in Market-1501's training set
QUERIES = 150


def works(images: int) -> dict[str, Callable[[], object]]:
    """Name -> one piece of work over so many images."""
    split = noise_split(recipe("report"), images, images // IMAGES_A_PERSON)
    targets, pids = target_tensor(split.train), pid_labels(split.train)
    cameras = torch.from_numpy(split.train["camera"].to_numpy().copy())
    batches = Batches(split.train_images, range(images), 64, attributes=targets, pids=pids)
    search = market_scale(images / IMAGES)
    search |= {name: search[name][:QUERIES] for name in ("query", "query_ids", "query_cameras")}

    def sampler(kind: str) -> list[int]:
        return list(sampler_and_weights(kind, targets, pids, 64, torch.Generator().manual_seed(0), cameras)[0])

    return {
        "an epoch of the loader, without augmentation": lambda: [len(batch.index) for batch in batches],
        "sampler weighted, an epoch": lambda: sampler("weighted"),
        "sampler identities, an epoch": lambda: sampler("identities"),
        "sampler pairs, an epoch": lambda: sampler("pairs"),
        "split into training and validation": lambda: split_table(split.train),
        f"evaluation, {QUERIES} queries": lambda: metrics.reid_scores(**search),
    }


def exponent(sizes: tuple[int, ...], taken: list[float]) -> float:
    """The slope of a line through the logarithms: `taken` grows as size to this power."""
    return float(np.polyfit(np.log(sizes), np.log(taken), 1)[0])


def table(sizes: tuple[int, ...] = SIZES, repeat: int = 3) -> pd.DataFrame:
    """A row a work: the best of `repeat` milliseconds at each size, and the exponent."""
    rows: dict[str, list[float]] = {}
    for images in sizes:
        for name, work in works(images).items():
            work()
            rows.setdefault(name, []).append(min(seconds(work) for _ in range(repeat)))
    return pd.DataFrame(
        [
            {"work": name}
            | {f"{images:,} images, ms": 1000 * s for images, s in zip(sizes, taken, strict=True)}
            | {"exponent": exponent(sizes, taken)}
            for name, taken in rows.items()
        ]
    )


def markdown(rows: pd.DataFrame) -> str:
    """The table as docs/speed.md has it."""
    return rows.to_markdown(index=False, floatfmt=["", *[",.1f"] * (rows.shape[1] - 2), ".2f"])


if __name__ == "__main__":
    print(markdown(table()))
