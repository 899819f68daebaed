"""Attributes that go together."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from assignment_lib.data.attributes import TASKS


def correlations(people: pd.DataFrame) -> Figure:
    """Draw the Pearson correlations of the two-class tasks; `people` has the target columns, one row per identity.

    The title names the strongest one. A task of which all people have the same class has none: its cells are gray.
    """
    binary = [task for task, classes in TASKS.items() if len(classes) == 2]
    # "clothes: pants" says more than a 1: the label names what a 1 means
    names = [f"{task}: {TASKS[task][1]}" for task in binary]
    values = people[binary].corr().to_numpy(copy=True)
    values[np.triu_indices(len(binary))] = np.nan
    figure, axes = plt.subplots(figsize=(8.6, 6.2), layout="constrained")
    lower = np.tril(np.ones_like(values, dtype=bool), -1)
    axes.imshow(np.where(lower & np.isnan(values), 0.12, np.nan), cmap="Greys", vmin=0, vmax=1)
    picture = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
    for row, column in zip(*np.nonzero(lower & ~np.isnan(values)), strict=True):
        value = values[row, column]
        color = "white" if abs(value) > 0.6 else "black"
        axes.text(
            column, row, f"{value:.2f}".replace("-0.00", "0.00"), ha="center", va="center", fontsize=9, color=color
        )
    # the first task has no row and the last no column in the lower triangle
    axes.set(xlim=(-0.5, len(binary) - 1.5), ylim=(len(binary) - 0.5, 0.5))
    axes.set(xticks=range(len(binary) - 1), yticks=range(1, len(binary)))
    axes.set_xticklabels(names[:-1], rotation=35, ha="right", fontsize=9)
    axes.set_yticklabels(names[1:], fontsize=9)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(picture, ax=axes, shrink=0.7)
    bar.set_label("Pearson correlation", fontsize=9)
    bar.ax.tick_params(labelsize=9)
    for place in np.flatnonzero(people[binary].nunique() < 2).tolist():
        if place:  # the first task has no row
            axes.text(place / 2 - 0.5, place, "one class only", ha="center", va="center", fontsize=9, color="#555555")
    title = f"Two-class attributes of {len(people):,} people"
    if np.isfinite(values).any():
        row, column = np.unravel_index(np.nanargmax(np.abs(values)), values.shape)
        title = f"{title}: strongest are\n“{names[row]}” and “{names[column]}” (r = {values[row, column]:.2f})"
    axes.set_title(title)
    return figure
