"""Figures of attribute predictions: scores per task, confusion matrices, confident errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.evaluation.attribute_scores import confusion
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.reporting.plots.images import image_sheet
from assignment_lib.reporting.plots.theme import BLUE, ORANGE


def attribute_bars(table: pd.DataFrame, name: str) -> Figure:
    """Draw the mAcc of the recipe `name` per task as bars; `table` is that of `tables.attribute_table`.

    Diamonds are the report's scores, lines mark chance. A note counts the classes that no scored image has; a task with a
    single class is pale.
    """
    figure, axes = plt.subplots(figsize=(11, 4.4), layout="constrained")
    positions = np.arange(len(table))
    values, report, chance = (table[f"mAcc ({kind})"].to_numpy() for kind in (f"recipe {name}", "report", "chance"))
    bars = axes.bar(positions, values, 0.62, color=BLUE, label=f"recipe {name}")
    axes.plot(positions, report, "D", color="black", markerfacecolor="white", label="the report (Market-1501)")
    axes.hlines(chance, positions - 0.4, positions + 0.4, color=ORANGE, linewidth=3, label="chance")
    top = np.max([values, report, chance], axis=0)
    for place, (bar, value, height, classes) in enumerate(zip(bars, values, top, table["Classes"], strict=True)):
        axes.text(place, 2, f"{value:.0f}", ha="center", color="white", fontsize=9, weight="bold")
        present, n_classes = (int(number) for number in classes.split(" of "))
        if present < n_classes:
            axes.annotate(f"{n_classes - present} absent", (place, height + 3), ha="center", fontsize=8)
        if present == 1:
            bar.set_facecolor("#D5D5D5")
    axes.set(ylabel="mAcc, percent", ylim=(0, 108), yticks=range(0, 101, 20), title="mAcc per task")
    axes.set_xticks(positions, table["Task"], rotation=30, ha="right", fontsize=10)
    axes.grid(axis="x", visible=False)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def confusions(predictions: Predictions, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Confusion counts per task, int64 `(C, C)`, rows are the true classes.

    `table` has the rows of `predictions` and the target columns. Raises `ValueError` without them.
    """
    predicted, targets = predictions.classes(), target_tensor(table)
    if targets is None:
        raise ValueError("the table has no attributes; pass one with the target columns")
    return {
        task: confusion(predicted[:, i], targets[:, i], len(names)) for i, (task, names) in enumerate(TASKS.items())
    }


def confusion_matrices(confusions: Mapping[str, np.ndarray]) -> Figure:
    """Draw confusion matrices; `confusions` maps task to `(C, C)` counts, rows are the true classes.

    Numbers are percent of the images of the true class, written from 1 %, in matrices of more than four classes from 5 %.
    The number of images of a class is next to its name; a class without images has an empty row.
    """
    columns = min(3, len(confusions))
    rows = -(-len(confusions) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(4.6 * columns, 4.2 * rows), squeeze=False, layout="constrained")
    for axes in grid.flat[len(confusions) :]:
        axes.set_axis_off()
    for axes, (task, counts) in zip(grid.flat, confusions.items(), strict=False):
        _draw_confusion(axes, task, counts)
    figure.suptitle("Confusion matrices, percent of the images of the true class")
    return figure


def _draw_confusion(axes: Axes, task: str, counts: np.ndarray) -> None:
    images, names = counts.sum(1), TASKS[task]
    percent = 100 * counts / np.maximum(images, 1)[:, None]
    many = len(names) > 4
    axes.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    for row, column in zip(*np.nonzero(percent >= (5 if many else 1)), strict=True):
        value = percent[row, column]
        color = "white" if value > 55 else "black"
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=10 if many else 13, color=color)
    present = images > 0
    macc = percent.diagonal()[present].mean() if present.any() else np.nan
    axes.set_title(f"{task}: mAcc {macc:.0f} %", fontsize=12)
    axes.set_xticks(range(len(names)), names, rotation=60 if many else 0, ha="right" if many else "center", fontsize=10)
    labels = [f"{name} ({number:,})" for name, number in zip(names, images, strict=True)]
    axes.set_yticks(range(len(names)), labels, fontsize=10)
    axes.grid(False)
    axes.set(xlabel="predicted", ylabel="true (images)")


def attribute_errors(images: Tensor, errors: pd.DataFrame, pids: Sequence[int]) -> Figure:
    """Draw the images of `errors` (of `attribute_scores.confident_errors`) with the predicted and the true class.

    `errors["image"]` are positions in `images` `(N, 3, H, W)` and in `pids` `(N,)`. Raises `ValueError` without an error.
    """
    if errors.empty:
        raise ValueError("there is no error to draw; skip this figure")
    titles = [
        f"{row['task']}: {row['predicted']}\n({100 * row['confidence']:.0f} %)\ntrue: {row['true']}"
        for _, row in errors.iterrows()
    ]
    positions = errors["image"].tolist()
    chosen, people = [images[position] for position in positions], [pids[position] for position in positions]
    return image_sheet(chosen, titles, 7, "Errors with the highest probability of the wrong class", people)
