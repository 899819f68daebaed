"""Accuracy, mean class accuracy and confusion of the twelve attribute tasks, baselines, and errors worth looking at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.checks import Array, as_numpy, check_integers
from assignment_lib.evaluation.protocol import average_precision

_ERRORS_PER_TASK = 3


def attribute_scores(predictions: Array | pd.DataFrame, targets: Array | pd.DataFrame) -> dict[str, dict[str, float]]:
    """Accuracy and mean class accuracy of each task, and their averages over the tasks.

    `predictions` and `targets` are class indices: integers `(N, 12)` in the order of `attributes.TASKS`, or frames with
    one column per task. Returns `{task: {"acc": …, "macc": …}, …, "average": {…}}`, fractions between 0 and 1. "macc" is
    the mean recall of the classes that occur in the targets; a class without an image has no recall.

    Raises `ValueError` for arrays that are empty, not integer, of another shape, or hold a class that does not exist.
    """
    predicted, true = class_indices(predictions, "predictions"), class_indices(targets, "targets")
    if predicted.shape != true.shape:
        raise ValueError(f"predictions have {len(predicted)} rows and targets {len(true)}. Pass the same images.")
    scores = {}
    for column, (task, classes) in enumerate(TASKS.items()):
        counts = _counts(predicted[:, column], true[:, column], len(classes))
        images = counts.sum(1)
        recall = counts.diagonal()[images > 0] / images[images > 0]
        scores[task] = {"acc": float(counts.trace() / counts.sum()), "macc": float(recall.mean())}
    averages = {key: float(np.mean([values[key] for values in scores.values()])) for key in ("acc", "macc")}
    return scores | {"average": averages}


def confusion(predictions: Array, targets: Array, classes: int) -> np.ndarray:
    """Number of images per true class (row) and predicted class (column): int64 `(classes, classes)`.

    `predictions` and `targets` are integers `(N,)` in [0, classes). Raises `ValueError` for anything else.
    """
    true = check_integers(targets, "targets")
    predicted = check_integers(predictions, "predictions", len(true))
    for values, name in ((predicted, "predictions"), (true, "targets")):
        _check_range(values, name, classes)
    return _counts(predicted, true, classes)


def _counts(predicted: np.ndarray, true: np.ndarray, classes: int) -> np.ndarray:
    """`confusion` of checked int64 arrays."""
    return np.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes)


def class_indices(values: Array | pd.DataFrame, name: str) -> np.ndarray:
    """The values as int64 `(N, 12)`. Raises `ValueError` with `name` for input that `attribute_scores` does not accept."""
    if isinstance(values, pd.DataFrame):
        missing = [task for task in TASKS if task not in values.columns]
        if missing:
            raise ValueError(f"{name}: no column for {', '.join(missing)}. Add one column per task.")
        values = values[list(TASKS)]
    array = as_numpy(values)
    if array.ndim != 2 or array.shape[1] != len(TASKS) or not len(array) or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} have dtype {array.dtype} and shape {array.shape}. Pass class indices (the argmax of the logits) of at "
            f"least one image: integers (N, {len(TASKS)}), one column per task."
        )
    for (task, classes), column in zip(TASKS.items(), array.T, strict=True):
        _check_range(column, f"{name}: {task}", len(classes))
    return array.astype(np.int64)


def _check_range(values: np.ndarray, name: str, classes: int) -> None:
    if len(values) and not 0 <= values.min() <= values.max() < classes:
        raise ValueError(f"{name} has a class outside 0..{classes - 1}. Pass known class indices.")


def attribute_baselines(
    train_targets: Array | pd.DataFrame, targets: Array | pd.DataFrame
) -> dict[str, dict[str, float]]:
    """The baselines that `tables.attribute_table` shows next to the scores.

    Both arguments are class indices as `attribute_scores` takes them, `(N, 12)` and `(M, 12)`. Returns
    `{task: {"majority_acc": …, "chance_macc": …, "classes": …}, …, "average": {…}}`. "majority_acc" is the accuracy of
    always predicting the most frequent class of `train_targets`, the first of equally frequent ones. "chance_macc" is the
    mean class accuracy of guessing, 1 / k. "classes" is k, the number of classes in `targets` (in "average" the sum).
    """
    train, true = class_indices(train_targets, "train_targets"), class_indices(targets, "targets")
    most_frequent = [np.bincount(column).argmax() for column in train.T]
    majority = attribute_scores(np.tile(most_frequent, (len(true), 1)), true)
    classes = {task: len(np.unique(column)) for task, column in zip(TASKS, true.T, strict=True)}
    chance = {task: 1 / count for task, count in classes.items()}
    chance["average"], classes["average"] = float(np.mean(list(chance.values()))), sum(classes.values())
    return {
        task: {"majority_acc": majority[task]["acc"], "chance_macc": chance[task], "classes": classes[task]}
        for task in majority
    }


def confident_errors(probabilities: dict[str, Tensor], targets: Tensor, most: int = 20) -> pd.DataFrame:
    """The wrong attribute predictions with the highest probability: at most `most` rows, the most confident first.

    `probabilities` is task -> `(N, C)`, `targets` int64 `(N, 12)`, -1 where unknown. Columns: `image` (its row), `task`,
    `true` and `predicted` (class names), `confidence` (the probability of the predicted class). Each task has at most
    three rows, so that one hard task does not fill the table. An apparent error may be an error of the annotation.
    """
    rows = []
    for column, (task, names) in enumerate(TASKS.items()):
        if task not in probabilities:
            continue
        confidence, predicted = probabilities[task].max(1)
        true = targets[:, column]
        wrong = ((predicted != true) & (true >= 0)).nonzero()[:, 0]
        wrong = wrong[confidence[wrong].sort(descending=True, stable=True).indices]
        for image in wrong[:_ERRORS_PER_TASK].tolist():
            rows.append((image, task, names[true[image]], names[predicted[image]], float(confidence[image])))
    table = pd.DataFrame(rows, columns=["image", "task", "true", "predicted", "confidence"])
    return table.sort_values("confidence", ascending=False, kind="stable").head(most).reset_index(drop=True)


def worst_queries(verdicts: Sequence[Sequence[bool | None]], most: int = 5) -> pd.DataFrame:
    """The queries with the lowest average precision: at most `most` rows, the worst first.

    `verdicts` come from `retrieval.judge` on complete rankings: per query whether each ranked image is the same person,
    None for excluded images. Columns: `query` (its position), `AP`, `first match` (the rank of the first match among the
    images that count, from 1), `matches`. Queries without a match are excluded.
    """
    rows = []
    for query, ranking in enumerate(verdicts):
        matches = [match for match in ranking if match is not None]
        if any(matches):
            rows.append((query, average_precision(matches), matches.index(True) + 1, sum(matches)))
    table = pd.DataFrame(rows, columns=["query", "AP", "first match", "matches"])
    return table.sort_values("AP", kind="stable").head(most).reset_index(drop=True)
