"""Splits for trying a recipe without its data set: as large as one asks for, and nothing in them to be learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.training.assembly import Split
from assignment_lib.training.recipes import Recipe

#: Added to the person ids of each further copy of the images.
_OTHER_PEOPLE = 100_000


def noise_split(recipe: Recipe, images: int, people: int = 500, seed: int = 0) -> Split:
    """`images` training images of random pixels, of at most `people` people with random attributes and six cameras.

    Every person has at least two images, so `people` is cut to half of `images`. Validation has two images.
    """
    rng = np.random.default_rng(seed)
    people = min(people, images // 2)
    pids = np.concatenate([np.repeat(np.arange(people), 2), rng.integers(0, people, images - 2 * people)])
    cameras = rng.integers(1, 7, images)
    table = pd.DataFrame({"pid": pids, "camera": cameras})
    table["file"] = [f"{pid:04d}_c{c}s1_{i:06d}_00.jpg" for i, (pid, c) in enumerate(zip(pids, cameras, strict=True))]
    for task, classes in TASKS.items():
        table[task] = rng.integers(0, len(classes), people)[pids]
    shape = (images, 3, *recipe.data.image_size)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
    return Split("noise", table, pixels, table[:2], pixels[:2], pixels[:0], "nobody: noise", True)


def repeated(split: Split, images: int) -> Split:
    """`split` with exactly `images` training images: its own, again and again, each copy with people of its own."""
    copies = -(-images // len(split.train))
    tables = [split.train.assign(pid=split.train["pid"] + copy * _OTHER_PEOPLE) for copy in range(copies)]
    pixels = split.train_images.repeat(copies, 1, 1, 1)[:images]
    return split._replace(train=pd.concat(tables, ignore_index=True)[:images], train_images=pixels)
