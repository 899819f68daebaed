"""How unbalanced the classes are, and what the weighted sampler changes (report, section 2.1, Figure 1)."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.data.attributes import TASKS, class_names
from assignment_lib.reporting.plots.theme import BLUE, GRAY


def class_shares(table: pd.DataFrame, title: str = "Share of the training images of each class") -> Figure:
    """Draw the class shares of the twelve tasks as bars; `table` has the target columns, one row per image."""
    figure, grid = plt.subplots(3, 4, figsize=(12, 7.5))
    for axes, (task, classes) in zip(grid.flat, TASKS.items(), strict=True):
        shares = table[task].value_counts(normalize=True).reindex(range(len(classes)), fill_value=0.0)
        axes.barh(range(len(classes)), shares, color=BLUE)
        axes.set(yticks=range(len(classes)), yticklabels=classes, xlim=(0, 1), title=task)
        axes.invert_yaxis()
        axes.tick_params(labelsize=8)
        for place, share in enumerate(shares):
            inside = share > 0.75
            x, color, side = (share - 0.02, "white", "right") if inside else (share + 0.02, "black", "left")
            axes.text(x, place, f"{share:.1%}", va="center", ha=side, color=color, fontsize=7)
    figure.suptitle(title)
    figure.tight_layout()
    return figure


def weights_before_after(table: pd.DataFrame, before: str, after: str) -> Figure:
    """Draw the class weights in two columns of `table` (`balance.weights_table`) as a pair of points per class."""
    figure, axes = _pairs_by_class(table[before], table[after], (before, after))
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(
        xscale="log",
        xlabel="weight (1: as frequent as in a balanced task)",
        title="Class weights before and after the weighted sampler",
    )
    figure.tight_layout()
    return figure


def shares_before_after(before: Tensor, after: Tensor, labels: tuple[str, str]) -> Figure:
    """Draw the class shares before and after, both `(41,)` fractions, as a pair of points per class."""
    figure, axes = _pairs_by_class(100 * before, 100 * after, labels)
    axes.set(
        xlabel="share of the images, %",
        xlim=(-2, 102),
        title="Class shares before and after the weighted sampler",
    )
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
    axes.legend()
    return figure, axes
