"""How good the attribute predictions are: accuracy by task, confusions, reliability of the confidences."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, ORANGE


def attribute_bars(table: pd.DataFrame, column: str = "mAcc") -> Figure:
    """Draw our figure beside the report's, a pair of bars per task; `table` comes from `tables.attribute_table`."""
    figure, axes = plt.subplots(figsize=(10, 3.6))
    places = np.arange(len(table))
    axes.bar(places - 0.2, table[column], 0.4, color=BLUE, label="this run")
    axes.bar(places + 0.2, table[f"{column} (report)"], 0.4, color=GRAY, label="the report (Market-1501)")
    axes.set(xticks=places, ylabel=f"{column}, %", ylim=(0, 105), title=f"{column} by task")
    axes.set_xticklabels(table["Task"], rotation=30, ha="right")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure


def confusion_matrices(confusions: dict[str, np.ndarray]) -> Figure:
    """Draw row-normalised confusion matrices; `confusions` is task -> `(C, C)` counts, rows are the true classes."""
    columns = min(4, len(confusions))
    rows = -(-len(confusions) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(3.6 * columns, 3.3 * rows), squeeze=False)
    for axes in grid.flat[len(confusions) :]:
        axes.set_axis_off()
    for axes, (task, confusion) in zip(grid.flat, confusions.items(), strict=False):
        totals = confusion.sum(1, keepdims=True)
        shares = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
        small = len(shares) > 4
        sns.heatmap(
            shares, ax=axes, vmin=0, vmax=1, cmap="Blues", cbar=False, square=True, annot=True,
            fmt=".1f" if small else ".2f", annot_kws={"size": 6 if small else 9},
            xticklabels=TASKS[task], yticklabels=TASKS[task],
        )  # fmt: skip
        axes.set(title=task, xlabel="predicted", ylabel="true")
        axes.tick_params(labelsize=7)
    figure.tight_layout()
    return figure


def reliability(tables: dict[str, pd.DataFrame]) -> Figure:
    """Draw accuracy against confidence, one line per table of `calibration.reliability`; the diagonal is the ideal."""
    figure, axes = plt.subplots(figsize=(4.6, 4.2))
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1)
    for (name, table), colour in zip(tables.items(), (ORANGE, BLUE, GREEN), strict=False):
        axes.plot(table["confidence"], table["accuracy"], "o-", color=colour, label=name)
    axes.set(
        xlabel="how sure the network is", ylabel="how often it is right", title="Attributes", xlim=(0, 1), ylim=(0, 1)
    )
    axes.legend()
    figure.tight_layout()
    return figure
