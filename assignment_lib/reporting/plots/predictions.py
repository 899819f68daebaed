"""How good the attribute predictions are: accuracy by task, confusions, reliability of the confidences."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, ORANGE
from assignment_lib.reporting.tables import recipe_column

#: Behind the hatching that marks what no image shows.
_PALE = "#EEEEEE"


def attribute_bars(table: pd.DataFrame, column: str = "mAcc", name: str = "") -> Figure:
    """Draw our figure beside the report's, a pair of bars per task; `table` comes from `tables.attribute_table`.

    `name` is the recipe whose columns are drawn, where the table's columns name recipes.
    Where the table has a baseline (majority or chance), a line across our bar marks it. Where it says that classes of a
    task are absent from the images scored, our bar is hatched and says how many, and it is gray where only one is there.
    """
    figure, axes = plt.subplots(figsize=(10, 3.6))
    places = np.arange(len(table))
    ours = recipe_column(name)
    heights = table[f"{column} ({ours})" if ours else column]
    bars = axes.bar(places - 0.2, heights, 0.4, color=BLUE)
    axes.bar(places + 0.2, table[f"{column} (report)"], 0.4, color=GRAY)
    legend: dict[str, Artist | tuple[Artist, ...]] = {
        ours or "this run": Patch(color=BLUE),
        "the report (Market-1501)": Patch(color=GRAY),
    }
    top = heights.to_numpy()
    for kind, label in {"majority": "most frequent class", "chance": "chance"}.items():
        if f"{column} ({kind})" in table:
            values = table[f"{column} ({kind})"].to_numpy()
            legend[label] = axes.hlines(values, places - 0.42, places + 0.02, color=ORANGE, linewidth=3)
            top = np.maximum(top, values)
    for bar, height, classes in zip(bars, top, table.get("Classes", []), strict=False):
        there, of_task = (int(number) for number in classes.split(" of "))
        if there == of_task:
            continue
        if there == 1:
            bar.set(facecolor=_PALE, hatch="///", edgecolor=GRAY)
            legend["only one class present"] = Patch(facecolor=_PALE, hatch="///", edgecolor=GRAY)
        else:
            bar.set(hatch="///", edgecolor="white")
            legend["some classes are absent"] = Patch(facecolor=BLUE, hatch="///", edgecolor="white")
        above = bar.get_x() + 0.2, height + 2
        axes.annotate(f"{of_task - there} absent", above, rotation=90, ha="center", va="bottom", fontsize=8)
    axes.set(xticks=places, ylabel=f"{column}, %", ylim=(0, 128 if axes.texts else 105), title=f"{column} by task")
    axes.set_yticks(range(0, 101, 20))
    axes.set_xticklabels(table["Task"], rotation=30, ha="right")
    axes.grid(axis="x", visible=False)
    axes.legend(list(legend.values()), list(legend), loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure


def confusion_matrices(confusions: dict[str, np.ndarray]) -> Figure:
    """Draw row-normalised confusion matrices; `confusions` is task -> `(C, C)` counts, rows are the true classes.

    The number of images of each true class stands beside its name; a class without any is hatched and marked "absent".
    Shares that are zero, to the digits shown, are not written.
    """
    columns = min(4, len(confusions))
    rows = -(-len(confusions) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(3.9 * columns, 3.4 * rows), squeeze=False)
    for axes in grid.flat[len(confusions) :]:
        axes.set_axis_off()
    for axes, (task, confusion) in zip(grid.flat, confusions.items(), strict=False):
        images = confusion.sum(1)
        shares = confusion / np.maximum(images, 1)[:, None]
        small = len(shares) > 4
        digits = 1 if small else 2
        texts = np.vectorize(lambda share, digits=digits: f"{share:.{digits}f}" if round(share, digits) else "")(shares)
        true = [f"{name} ({count})" for name, count in zip(TASKS[task], images, strict=True)]
        sns.heatmap(
            shares, ax=axes, vmin=0, vmax=1, cmap="Blues", cbar=False, square=True, annot=texts, fmt="",
            mask=np.broadcast_to(images[:, None] == 0, shares.shape), annot_kws={"size": 6 if small else 9},
            xticklabels=TASKS[task], yticklabels=true,
        )  # fmt: skip
        for row in np.flatnonzero(images == 0).tolist():
            axes.add_patch(
                Rectangle((0, row), len(shares), 1, facecolor=_PALE, edgecolor=GRAY, hatch="///", linewidth=0)
            )
            axes.text(
                len(shares) / 2, row + 0.5, "absent", ha="center", va="center", fontsize=6 if small else 9,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
        axes.set(title=task, xlabel="predicted", ylabel="true (images)")
        axes.tick_params(labelsize=7)
        axes.tick_params(axis="x", rotation=90 if small else 0)
        axes.tick_params(axis="y", rotation=0)
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
