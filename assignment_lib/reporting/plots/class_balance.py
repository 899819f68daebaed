"""How unbalanced the classes are, and what the weighted sampler changes (report, section 2.1, Figure 1)."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.data.attributes import TASKS, class_names, class_slices
from assignment_lib.reporting.plots.theme import BLUE, GRAY, ORANGE


def class_shares(table: pd.DataFrame, reference: Tensor | None = None, name: str = "report") -> Figure:
    """Draw the images of each class of the twelve tasks as bars on a logarithmic axis.

    `table` has the target columns, one row an image, -1 where unknown. A line in each panel is where all classes of a
    balanced task would end; diamonds are the shares `reference` `(41,)` of another data set called `name`, as counts.
    """
    figure, grid = plt.subplots(3, 4, figsize=(12, 7.5), sharex=True)
    counts: dict[str, int] = {}
    rare = 0
    for axes, (task, classes) in zip(grid.flat, TASKS.items(), strict=True):
        images = table.loc[table[task] >= 0, task].value_counts().reindex(range(len(classes)), fill_value=0)
        counts |= {f"{task}: {label}": int(n) for label, n in zip(classes, images, strict=True)}
        known, places = int(images.sum()), np.arange(len(classes))
        axes.barh(places, images, color=BLUE)
        axes.axvline(known / len(classes), color="black", linewidth=0.8, label="balanced")
        if reference is not None:
            axes.plot(known * reference[class_slices()[task]], places, "D", color=ORANGE, markersize=5, label=name)
        axes.set(xscale="log", xlim=(1, 30 * len(table)), yticks=places, yticklabels=classes, title=task)
        axes.invert_yaxis()
        axes.tick_params(labelsize=8)
        axes.grid(axis="y", visible=False)
        for place, n in enumerate(images):
            share = f"{n:,} ({n / max(known, 1):.1%})"
            axes.text(1.5 * len(table), place, share, va="center", fontsize=7)
        rare += int((images < known / len(classes) / 2).sum())
    for axes in grid[-1]:
        axes.set_xlabel("images", fontsize=9)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), fontsize=9, loc="upper right")
    fewest = min(counts, key=lambda label: counts[label])
    figure.suptitle(
        f"{rare} of {len(counts)} classes have less than half the images of a balanced task, {fewest} only {counts[fewest]}"
    )
    figure.tight_layout()
    return figure


def weights_before_after(table: pd.DataFrame, before: str, after: str, report: tuple[str, str] | None = None) -> Figure:
    """Draw the class weights in two columns of `table` (`balance.weights_table`) as a pair of points per class.

    `report` names two more columns, the same weights in the report, which are drawn as diamonds, hollow and full.
    """
    figure, axes = _pairs_by_class(table[before], table[after], (before, after))
    places = np.arange(len(table))
    if report is not None:
        for column, full in zip(report, (False, True), strict=True):
            axes.plot(table[column], places, "D", color=ORANGE, mfc=ORANGE if full else "none", ms=5, label=column)
    axes.axvline(1, color="black", linewidth=0.8)
    largest = table[before].idxmax()
    title = (
        f"The sampler takes the largest class weight from {table[before][largest]:.1f} to {table[after][largest]:.1f}"
    )
    if report is not None:
        theirs = table[report[0]].idxmax()
        title += f" (report: from {table[report[0]][theirs]:.1f} to {table[report[1]][theirs]:.1f})"
    axes.set(xscale="log", xlabel="weight (1: as frequent as in a balanced task)", title=title)
    axes.legend()
    figure.tight_layout()
    return figure


def shares_before_after(before: Tensor, after: Tensor, labels: tuple[str, str]) -> Figure:
    """Draw the class shares before and after, both `(41,)` fractions, as a pair of points per class, logarithmically.

    A tick marks the share 1 / C that each class of a balanced task has. Classes of share 0 are not drawn.
    """
    even = np.concatenate([np.full(len(classes), 1 / len(classes)) for classes in TASKS.values()])
    figure, axes = _pairs_by_class(100 * before, 100 * after, labels)
    axes.plot(100 * even, np.arange(len(even)), "|", color="black", markersize=11, label="balanced task")
    distance = [np.log(np.maximum(values.double().numpy(), 1e-12) / even) for values in (before, after)]
    there = (before > 0).numpy()
    nearer = int((np.abs(distance[1]) < np.abs(distance[0]))[there].sum())
    axes.set(
        xscale="log",
        xlabel="share of the images, %",
        title=f"{nearer} of {int(there.sum())} classes come nearer to the share that they have in a balanced task",
    )
    axes.legend()
    figure.tight_layout()
    return figure


def _pairs_by_class(before: Any, after: Any, labels: tuple[str, str]) -> tuple[Figure, Axes]:
    """Draw two array-likes `(41,)` against the classes; the callers name the axis."""
    figure, axes = plt.subplots(figsize=(8, 9))
    places = np.arange(len(before))
    axes.hlines(places, before, after, color=GRAY, linewidth=1.5)
    axes.plot(before, places, "o", color=GRAY, label=labels[0])
    axes.plot(after, places, "o", color=BLUE, label=labels[1])
    axes.set(yticks=places, yticklabels=class_names(), ylim=(len(places) - 0.5, -0.5))
    axes.tick_params(labelsize=8)
    return figure, axes
