"""Scores of a network on a validation split and on the test images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation.as_test import as_test_scores
from assignment_lib.evaluation.attribute_scores import attribute_scores
from assignment_lib.evaluation.predictions import Predictions, predict
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_within


def evaluate(
    model: nn.Module,
    images: Tensor,
    table: pd.DataFrame,
    crowd: Tensor | None = None,
    flip: bool = False,
    progress: bool = False,
) -> dict[str, dict]:
    """`validation_scores` of what `model` says about `images` `(N, 3, H, W)` and the distractors `crowd`, both uint8."""
    distractors = None
    if crowd is not None and len(crowd):
        distractors = predict(model, crowd, progress=progress, flip=flip).embeddings
    return validation_scores(predict(model, images, progress=progress, flip=flip), table, distractors)


def validation_scores(
    predictions: Predictions, table: pd.DataFrame, distractors: Tensor | None = None
) -> dict[str, dict]:
    """Scores on a validation split: `{"attributes": {...}, "reid": {...}}`, fractions between 0 and 1.

    `predictions` belong to the rows of `table`. Attributes are scored where both the table and the network have them.
    "reid" is the search of `as_test` in the crowd of `distractors` `(N, D)`: the figure to choose by. Its entry
    "among_validation" is the easier question that earlier work asks: each image among all others of the split, whatever
    their camera, itself left out. Without a person of two images there is no "reid".
    """
    scores: dict[str, dict] = {}
    targets = target_tensor(table)
    if predictions.probabilities and targets is not None:
        scores["attributes"] = attribute_scores(predictions.classes(), targets)
    if table["pid"].duplicated().any():
        alone = reid_scores_within(predictions.embeddings, table["pid"].to_numpy()).as_dict()
        scores["reid"] = as_test_scores(predictions.embeddings, table, distractors) | {"among_validation": alone}
    return scores


def validator(
    images: Tensor, table: pd.DataFrame, crowd: Tensor | None = None, reid: bool = True
) -> Callable[[nn.Module], dict]:
    """What `loop.fit` asks after each epoch: `evaluate`, and "score", the mean of mAP and average mAcc.

    For a network that learns only one of the two (no attributes, or `reid=False`, which leaves the crowd out), that one
    is the score. Raises `ValueError` where nothing can be scored.
    """

    def validate(model: nn.Module) -> dict:
        scores = evaluate(model, images, table, crowd if reid else None, progress=True)
        parts = [scores["attributes"]["average"]["macc"]] if "attributes" in scores else []
        if reid and "reid" in scores:
            parts.append(scores["reid"]["mAP"])
        if not parts:
            raise ValueError(
                "the validation split has neither attributes nor a person with two images, so no epoch is better than "
                "another; give more images a person, or a larger validation_share"
            )
        return scores | {"score": sum(parts) / len(parts)}

    return validate


def test_scores(query: Predictions, gallery: Predictions, data: Dataset) -> dict[str, dict] | None:
    """Scores on the test images by Market-1501's protocol, `{"reid": {...}, "attributes": {...}}`; None where anonymous.

    Junk and the query person's images from the query's camera leave, distractors stay; where the file names give no
    camera, only junk leaves. Attributes are scored on the gallery images whose attributes are known.
    """
    if not data.has_test_identities:
        return None
    reid = reid_scores(
        query.embeddings,
        gallery.embeddings,
        data.query["pid"].to_numpy(),
        data.gallery["pid"].to_numpy(),
        *known_cameras(data.query, data.gallery),
    )
    scores: dict[str, dict] = {"reid": reid.as_dict()}
    if gallery.probabilities and set(TASKS) <= set(data.gallery.columns):
        known = (data.gallery[list(TASKS)] >= 0).all(axis=1).to_numpy()
        if known.any():
            targets = target_tensor(data.gallery[known])
            scores["attributes"] = attribute_scores(gallery.classes()[torch.tensor(known)], targets)
    return scores


def known_cameras(query: pd.DataFrame, gallery: pd.DataFrame) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The cameras of both tables for `reid_scores`, or None twice where the file names do not give them all."""
    cameras = query["camera"].to_numpy(), gallery["camera"].to_numpy()
    return cameras if all((values >= 0).all() for values in cameras) else (None, None)
