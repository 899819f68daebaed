"""The twelve attribute tasks, their classes, and the conversion between annotation columns and targets.

*Annotation form* is that of the course's CSV files: one row per person (or image) and 27 columns with 1-based values; each
colour of a body part has a binary column. *Target form* is for training: one integer in [0, C) per task; the colours of a body
part are one task with the last class "multicolor", for which no colour column is 2 (report, section 2.1).
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import torch

#: Task name -> class names, both in the order of every table, weight tensor and CSV of this project.
TASKS: dict[str, tuple[str, ...]] = {
    "age": ("young", "teenager", "adult", "old"),
    "backpack": ("no", "yes"),
    "bag": ("no", "yes"),
    "handbag": ("no", "yes"),
    "clothes": ("dress", "pants"),
    "down": ("long", "short"),
    "up": ("long", "short"),
    "hair": ("short", "long"),
    "hat": ("no", "yes"),
    "gender": ("male", "female"),
    "upcolor": ("black", "white", "red", "purple", "yellow", "gray", "blue", "green", "multicolor"),
    "downcolor": ("black", "white", "pink", "purple", "yellow", "gray", "blue", "green", "brown", "multicolor"),
}
#: The two tasks whose classes are spread over one annotation column per colour, with the prefix of those columns.
COLOR_PREFIX = {"upcolor": "up", "downcolor": "down"}
#: Number of classes of all tasks together: the length of a class weight tensor.
N_CLASSES = sum(len(classes) for classes in TASKS.values())  # 41


def color_columns(task: str, multicolor: bool = False) -> list[str]:
    """Annotation columns of a colour task in class order, with the multicolor column at the end if wanted."""
    colors = TASKS[task] if multicolor else TASKS[task][:-1]
    return [COLOR_PREFIX[task] + color for color in colors]


_PLAIN = [task for task in TASKS if task not in COLOR_PREFIX]
#: The 27 columns that every annotation file has, after its `id` column.
ANNOTATION_COLUMNS = _PLAIN + color_columns("upcolor") + color_columns("downcolor")
#: The 29 columns of `classification_test.csv`: with upmulticolor and downmulticolor.
CLASSIFICATION_COLUMNS = (
    _PLAIN + color_columns("upcolor", multicolor=True) + color_columns("downcolor", multicolor=True)
)


def class_names() -> list[str]:
    """The 41 names `task: class`, in the order of a class weight tensor."""
    return [f"{task}: {name}" for task, classes in TASKS.items() for name in classes]


def class_slices() -> dict[str, slice]:
    """Task -> its slice of a 41-entry tensor."""
    ends = itertools.accumulate(len(classes) for classes in TASKS.values())
    return {task: slice(end - len(TASKS[task]), end) for task, end in zip(TASKS, ends, strict=True)}


def to_targets(annotations: pd.DataFrame) -> pd.DataFrame:
    """Annotation form -> target form, a frame with one int64 column per task and the index unchanged.

    `annotations` has the 27 columns of `ANNOTATION_COLUMNS`, and possibly upmulticolor and downmulticolor. Of several colours
    of a body part the first in class order counts; no colour means multicolor.
    Raises `ValueError` for a value that is not allowed (`annotations.annotation_values` names its line).
    """
    targets = {}
    for task, classes in TASKS.items():
        columns, highest = [task], len(classes)
        if task in COLOR_PREFIX:
            columns, highest = [name for name in color_columns(task, multicolor=True) if name in annotations], 2
        values = annotations[columns].to_numpy()
        if not np.isin(values, range(1, highest + 1)).all():
            raise ValueError(
                f"the annotations of {task} have a value outside 1 to {highest}; correct or remove that row"
            )
        targets[task] = values[:, 0] - 1
        if task in COLOR_PREFIX:
            marked = values == 2
            targets[task] = np.where(marked.any(axis=1), marked.argmax(axis=1), len(classes) - 1)
    return pd.DataFrame(targets, index=annotations.index).astype(np.int64)


def target_tensor(table: pd.DataFrame) -> torch.Tensor | None:
    """The task columns of a table as int64 `(N, 12)` in task order; None where the table has no attributes."""
    if not set(TASKS) <= set(table.columns):
        return None
    return torch.tensor(table[list(TASKS)].to_numpy(np.int64))  # a copy: the array of pandas may be read-only


def to_annotations(targets: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """Target form -> annotation form with the 29 columns of `CLASSIFICATION_COLUMNS`, int64; the inverse of `to_targets`.

    `targets` is a frame with a column per task, or an integer array `(N, 12)` in task order.
    Raises `ValueError` for a target outside its classes.
    """
    targets = pd.DataFrame(targets, columns=list(TASKS))
    annotations = {}
    for task, classes in TASKS.items():
        values = targets[task].to_numpy().astype(np.int64)
        if not np.isin(values, range(len(classes))).all():
            raise ValueError(f"{task} has a target outside 0 to {len(classes) - 1}; correct it")
        if task not in COLOR_PREFIX:
            annotations[task] = values + 1
            continue
        for index, column in enumerate(color_columns(task, multicolor=True)):
            annotations[column] = np.where(values == index, 2, 1)
    return pd.DataFrame(annotations, index=targets.index)[CLASSIFICATION_COLUMNS]
