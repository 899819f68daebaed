"""The unlabelled images that a network adapts to: those of the test, and the validation people's without their names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.dataset import Dataset
from assignment_lib.data.filenames import UNKNOWN_CAMERA
from assignment_lib.data.images import decode
from assignment_lib.evaluation.as_test import UNKNOWN_ID
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.evaluation.scoring import validation_scores
from assignment_lib.training.assembly import Split
from assignment_lib.training.recipes import Recipe


class Pool(NamedTuple):
    """Unlabelled images: the gallery of the test, its queries, then the validation people's."""

    table: pd.DataFrame  # path, file, camera: a row an image, and no names
    images: Tensor  # (N, 3, H, W) uint8
    gallery: int  # images of the gallery
    truth: np.ndarray  # (N,) int64: who the validation people are, UNKNOWN_ID for all others; only to judge by


def unlabelled(data: Dataset, split: Split, recipe: Recipe) -> Pool:
    """The pool of `data` beside the training people of `split`.

    Validation images are in it as those of the test are: their cameras too are withheld unless the test's are known. So
    validation people are searched for by a network that has seen them as it has seen the people of the test. A split without
    validation people gives the test alone.

    Raises `ValueError` where there is no test, or where it may show the training people (crowd.py), who would get a
    second name.
    """
    if not len(data.gallery):
        raise ValueError(f"{data.name} has no test, and a network adapts to the images of a test; give data with one")
    whole = len(split.train) + len(split.validation) == len(data.train)
    if recipe.data.distractors != "test" or not whole:
        raise ValueError(
            f"a network adapts to the people of a test who are others than those of training, but its crowd is "
            f'{split.crowd_note}; train with distractors="test" on data where they are others'
        )
    test = pd.concat([data.gallery, data.query], ignore_index=True)
    validation = split.validation
    if (test["camera"] == UNKNOWN_CAMERA).any():
        validation = validation.assign(camera=UNKNOWN_CAMERA)
    table = pd.concat([test, validation], ignore_index=True)[["path", "file", "camera"]]
    gallery = split.crowd_images
    if len(gallery) != len(data.gallery):  # no one is searched for, so there is no crowd
        gallery = decode(data.gallery["path"], recipe.data.image_size, progress=False).images
    queries = decode(data.query["path"], recipe.data.image_size, progress=False).images
    truth = np.concatenate([np.full(len(test), UNKNOWN_ID), split.validation["pid"].to_numpy(np.int64)])
    return Pool(table, torch.cat([gallery, queries, split.validation_images]), len(gallery), truth)


def scores_of(found: Predictions, pool: Pool, split: Split) -> dict:
    """`validation_scores` from what a network says about the images of the whole pool; empty without validation people."""
    if not len(split.validation):
        return {}
    start = len(pool.table) - len(split.validation)
    people = Predictions(
        found.embeddings[start:], {task: values[start:] for task, values in found.probabilities.items()}
    )
    return validation_scores(people, split.validation, found.embeddings[: pool.gallery])
