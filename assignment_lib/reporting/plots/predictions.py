"""How good the attribute predictions are: scores by task, reliability of the confidences."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from assignment_lib.evaluation.calibration import expected_calibration_error
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, ORANGE
from assignment_lib.reporting.tables import recipe_column

#: What cannot be told: a task of which one class occurs.
_PALE = "#D5D5D5"


def attribute_bars(table: pd.DataFrame, column: str = "mAcc", name: str = "") -> Figure:
    """Draw our figure of every task as a bar; the report's is a mark on it; `table` comes from `tables.attribute_table`.

    `name` is the recipe whose columns are drawn, where the table's columns name recipes.
    Where the table has a baseline (most frequent class or chance), a line across the bar marks it, and the title counts the
    tasks above it. Where it says that classes of a task are absent from the images scored, the bar says how many, and it is
    gray where only one is there.
    """
    figure, axes = plt.subplots(figsize=(11, 4.4), layout="constrained")
    places = np.arange(len(table))
    ours = recipe_column(name)
    heights = table[f"{column} ({ours})" if ours else column].to_numpy()
    bars = axes.bar(places, heights, 0.62, color=BLUE)
    report = table[f"{column} (report)"].to_numpy()
    axes.plot(places, report, "D", color="black", markersize=6, markerfacecolor="white", markeredgewidth=1.5)
    legend: list[Line2D | Patch] = [
        Patch(color=BLUE, label=ours or "this run"),
        Line2D(
            [], [], color="black", marker="D", linestyle="", markerfacecolor="white", label="the report (Market-1501)"
        ),
    ]
    top, title = np.maximum(heights, report), ""
    for kind, label in {"majority": "most frequent class", "chance": "chance"}.items():
        if f"{column} ({kind})" in table:
            values = table[f"{column} ({kind})"].to_numpy()
            axes.hlines(values, places - 0.4, places + 0.4, color=ORANGE, linewidth=3)
            legend.append(Line2D([], [], color=ORANGE, linewidth=3, label=label))
            top = np.maximum(top, values)
            above = int((heights > values)[(table["Task"] != "average").to_numpy()].sum())
            title = f", above {label} in {above} of {len(table) - int((table['Task'] == 'average').sum())} tasks"
    for place, height in enumerate(heights.tolist()):
        if np.isfinite(height):
            axes.text(place, 2, f"{height:.0f}", ha="center", color="white", fontsize=9, weight="bold")
    only_one = False
    for bar, at, highest, classes in zip(bars, places, top, table.get("Classes", []), strict=False):
        there, of_task = (int(number) for number in classes.split(" of "))
        if there < of_task:
            axes.annotate(f"{of_task - there} absent", (at, highest + 3), ha="center", fontsize=8, color="#555555")
        if there == 1:
            bar.set_facecolor(_PALE)
            only_one = True
    if only_one:
        legend.append(Patch(color=_PALE, label="only one class present"))
    axes.set(xticks=places, ylabel=f"{column}, percent", ylim=(0, 108))
    axes.set_yticks(range(0, 101, 20))
    axes.set_xticklabels(table["Task"], rotation=30, ha="right", fontsize=10)
    axes.grid(axis="x", visible=False)
    average = heights[(table["Task"] == "average").to_numpy()]
    said = f"{column} {average[0]:.1f} % on average" if len(average) else f"{column} by task"
    axes.set_title(said + title)
    figure.legend(handles=legend, loc="outside lower center", ncols=len(legend), frameon=False, fontsize=9)
    return figure


def reliability(tables: dict[str, pd.DataFrame]) -> Figure:
    """Draw accuracy against confidence, one line a table of `calibration.reliability`, over how many predictions there are.

    The diagonal is the ideal; below it the network is too sure. The numbers, on a logarithmic axis, say how much a bin
    counts. The title gives each expected calibration error.
    """
    figure, (axes, below) = plt.subplots(
        2, 1, figsize=(6.6, 6.2), height_ratios=(3, 1.1), sharex=True, layout="constrained"
    )
    axes.plot([0, 100], [0, 100], color=GRAY, linestyle="--", linewidth=1, label="ideal")
    for place, ((name, table), colour) in enumerate(zip(tables.items(), (ORANGE, BLUE, GREEN), strict=False)):
        axes.plot(100 * table["confidence"], 100 * table["accuracy"], "o-", color=colour, label=name)
        below.vlines(100 * table["confidence"] + 0.8 * place, 0.5, table["images"], color=colour, linewidth=4)
    errors = [f"{name} {100 * expected_calibration_error(table):.1f}" for name, table in tables.items()]
    axes.set(ylabel="how often it is right, percent", ylim=(0, 102), xlim=(0, 102))
    axes.set_title("Attributes, expected calibration error in points:\n" + ", ".join(errors))
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    below.set(yscale="log", xlabel="how sure the network is, percent", ylabel="predictions")
    below.set_ylim(bottom=0.5)
    return figure
