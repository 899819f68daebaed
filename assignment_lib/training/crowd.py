"""The crowd that validation people are searched for in: images of other people whose identities nobody needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.dataset import Dataset
from assignment_lib.data.near_duplicates import near_duplicates
from assignment_lib.data.split import hold_out
from assignment_lib.training.recipes import Recipe

DISTRACTORS = ("test", "train", "none")
#: Share of the test's images that may look like a training image before the two are taken to show the same people.
_SAME_PEOPLE = 0.01


class Crowd(NamedTuple):
    """The distractors, and the training people that are left."""

    images: Tensor  # (K, 3, H, W) uint8
    train: pd.DataFrame
    note: str


def choose(
    data: Dataset,
    train: pd.DataFrame,
    recipe: Recipe,
    decoded: Callable[[pd.DataFrame], Tensor],
    labelled: Sequence[Tensor],
) -> Crowd:
    """The crowd that the recipe's `distractors` asks for; `decoded(table)` gives the images of a table.

    `labelled` are the images of training and validation, which those of the test are compared with.

    "test" takes all images of the test's gallery, without asking who is in them: in the course's layout and in
    Market-1501 they are others than those of `train/`. Where the data has no gallery, or more than 1 % of it looks like
    training images, so that the people may be the same, it does as "train" does: a `distractor_share` of the training
    identities, drawn at random, is held out. "none" searches among the validation people alone.
    """
    kind = recipe.data.distractors
    if kind not in DISTRACTORS:
        raise ValueError(f"the distractors are {', '.join(DISTRACTORS)}, not {kind!r}")
    if kind == "none":
        height, width = recipe.data.image_size
        return Crowd(torch.empty(0, 3, height, width, dtype=torch.uint8), train, "nobody: validation people alone")
    why = ""
    if kind == "test" and len(data.gallery):
        images = decoded(data.gallery)
        alike = torch.stack([near_duplicates(images, known) for known in labelled]).any(0).float().mean()
        if alike <= _SAME_PEOPLE:
            return Crowd(images, train, f"the {len(images):,} images of the test, whose people are others")
        why = f"{alike:.0%} of the test's images look like training images, so its people may be the same; instead "
    elif kind == "test":
        why = "there is no test; instead "
    left, held_out = hold_out(train, recipe.data.distractor_share, recipe.seed)
    people = held_out["pid"].nunique()
    return Crowd(decoded(held_out), left, f"{why}{len(held_out):,} images of {people} training people, held out")
