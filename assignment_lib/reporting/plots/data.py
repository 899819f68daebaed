"""Figures of a data set: counts, cameras, class shares and weights, correlated attributes."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.data.attributes import N_CLASSES, TASKS, class_names, class_slices
from assignment_lib.reporting.plots.theme import BLUE, COLORS, GRAY, ORANGE


def counts(values: pd.Series, title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw a histogram of integers, one bar per value."""
    figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
    frequencies = values.value_counts().sort_index()
    axes.bar(frequencies.index, frequencies.to_numpy(), color=BLUE)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(axis="x", visible=False)
    return figure


def camera_table(table: pd.DataFrame) -> Figure:
    """Draw the number of images and of identities per camera; `table` has one row per image."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    cameras = table.groupby("camera")
    for axes, values, label in ((left, cameras.size(), "images"), (right, cameras["pid"].nunique(), "people")):
        axes.bar(values.index.astype(str), values.to_numpy(), color=BLUE)
        axes.bar_label(axes.containers[0], fontsize=8)
        axes.set(xlabel="camera", ylabel=label, title=f"{label.capitalize()} per camera")
        axes.grid(axis="x", visible=False)
    right.axhline(table["pid"].nunique(), color="black", linewidth=0.8, linestyle="--", label="all people")
    right.legend(fontsize=8, loc="lower right")
    return figure


def coverage(table: pd.DataFrame) -> Figure:
    """Draw how many seeds gave how many classes; `table` has one column per way to split (`split.compare_coverage`)."""
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    bins = (np.arange(table.to_numpy().min(), N_CLASSES + 2) - 0.5).tolist()
    for column, color in zip(table, COLORS, strict=False):
        axes.hist(table[column], bins, alpha=0.6, color=color, label=f"{column}: mean {table[column].mean():.1f}")
    axes.axvline(N_CLASSES, color="black", linewidth=0.8, linestyle="--", label="all classes")
    axes.set(xlabel=f"classes (of {N_CLASSES})", ylabel="seeds", title="Classes in the validation split")
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def class_shares(table: pd.DataFrame, report: Tensor) -> Figure:
    """Draw the share of each class of the twelve tasks, in percent of the images, with the number of images.

    `table` has the target columns, one row per image, -1 where unknown. A line marks equal shares; diamonds mark the shares
    in the report, fractions `(41,)`.
    """
    figure, grid = plt.subplots(3, 4, figsize=(12, 7.5), sharex=True, layout="constrained")
    for axes, (task, classes) in zip(grid.flat, TASKS.items(), strict=True):
        images = table.loc[table[task] >= 0, task].value_counts().reindex(range(len(classes)), fill_value=0)
        shares, positions = 100 * images / max(int(images.sum()), 1), np.arange(len(classes))
        axes.barh(positions, shares, color=BLUE)
        axes.axvline(100 / len(classes), color="black", linewidth=0.8, label="equal shares")
        axes.plot(100 * report[class_slices()[task]], positions, "D", color=ORANGE, markersize=5, label="report")
        axes.set(xlim=(0, 145), xticks=range(0, 101, 25), yticks=positions, yticklabels=classes, title=task)
        axes.invert_yaxis()
        axes.tick_params(labelsize=8)
        axes.grid(axis="y", visible=False)
        for position, (share, number) in enumerate(zip(shares, images, strict=True)):
            axes.text(103, position, f"{share:.1f} % ({number:,})", va="center", fontsize=7)
    for axes in grid[-1]:
        axes.set_xlabel("percent of the images", fontsize=9)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), fontsize=9, loc="outside lower center", ncols=2)
    figure.suptitle("Class shares")
    return figure


def weights_before_after(table: pd.DataFrame, before: str, after: str, report: tuple[str, str]) -> Figure:
    """Draw the class weights in two columns of `table` (`sampling.weights_table`) as a pair of points per class.

    `report` names two more columns, the same weights in the report, drawn as hollow and full diamonds.
    """
    figure, axes = _pairs_by_class(table[before], table[after], (before, after))
    for column, fill in zip(report, ("none", ORANGE), strict=True):
        axes.plot(table[column], np.arange(len(table)), "D", color=ORANGE, mfc=fill, ms=5, label=column)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(xlabel="weight (1: equal shares)", title="Class weights before and after sampling")
    axes.legend()
    return figure


def shares_before_after(before: Tensor, after: Tensor, labels: tuple[str, str]) -> Figure:
    """Draw class shares before and after sampling, both `(41,)` fractions, as a pair of points per class.

    A tick marks equal shares, 1 / C for a task of C classes. The logarithmic axis omits classes of share 0.
    """
    equal = np.concatenate([np.full(len(classes), 1 / len(classes)) for classes in TASKS.values()])
    figure, axes = _pairs_by_class(100 * before, 100 * after, labels)
    axes.plot(100 * equal, np.arange(len(equal)), "|", color="black", markersize=11, label="equal shares")
    axes.set(xlabel="percent of the images", title="Class shares before and after sampling")
    axes.legend()
    return figure


def _pairs_by_class(before: Any, after: Any, labels: tuple[str, str]) -> tuple[Figure, Axes]:
    """Draw two array-likes `(41,)` against the classes."""
    figure, axes = plt.subplots(figsize=(8, 9), layout="constrained")
    positions = np.arange(len(before))
    axes.hlines(positions, before, after, color=GRAY, linewidth=1.5)
    axes.plot(before, positions, "o", color=GRAY, label=labels[0])
    axes.plot(after, positions, "o", color=BLUE, label=labels[1])
    axes.set(xscale="log", yticks=positions, yticklabels=class_names(), ylim=(len(positions) - 0.5, -0.5))
    axes.tick_params(labelsize=8)
    return figure, axes


def correlations(people: pd.DataFrame) -> Figure:
    """Draw the Pearson correlations of the two-class tasks; `people` has the target columns, one row per identity.

    A label names the class with index 1. Cells of a task in which all people have one class have no number.
    """
    tasks = [task for task, classes in TASKS.items() if len(classes) == 2]
    names = [f"{task}: {TASKS[task][1]}" for task in tasks]
    values = people[tasks].corr().to_numpy(copy=True)
    values[np.triu_indices(len(tasks))] = np.nan
    figure, axes = plt.subplots(figsize=(8.6, 6.2), layout="constrained")
    image = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
    for row, column in zip(*np.nonzero(~np.isnan(values)), strict=True):
        value = values[row, column]
        text = f"{value:.2f}".replace("-0.00", "0.00")
        color = "white" if abs(value) > 0.6 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=color)
    # the first task has no row and the last no column in the lower triangle
    axes.set(xlim=(-0.5, len(tasks) - 1.5), ylim=(len(tasks) - 0.5, 0.5))
    axes.set_xticks(range(len(tasks) - 1), names[:-1], rotation=35, ha="right", fontsize=9)
    axes.set_yticks(range(1, len(tasks)), names[1:], fontsize=9)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.7, label="Pearson correlation")
    axes.set_title(f"Correlations of the two-class attributes, {len(people):,} people")
    return figure
