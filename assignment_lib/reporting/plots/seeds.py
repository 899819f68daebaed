"""How far scores move with the seed, that is with other validation people, first weights and batches."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from assignment_lib.reporting.plots.theme import BLUE, GRAY
from assignment_lib.reporting.tables import REPORT_TABLE_1, REPORT_TABLE_2_MAP
from assignment_lib.training.repeat import mean_and_interval

#: The report's own figures, on other data.
_REPORT = {"Acc": REPORT_TABLE_1["average"][0], "mAcc": REPORT_TABLE_1["average"][1], "mAP": REPORT_TABLE_2_MAP}


def seed_spread(runs: pd.DataFrame) -> Figure:
    """Draw every seed's scores, their mean and its 95 % interval; a diamond is the report's figure, on Market-1501.

    `runs` is a table of `training.repeat.repeat`: a row a seed, in percent. Raises ValueError for fewer than two seeds.
    """
    if len(runs) < 2:
        raise ValueError(f"{len(runs)} seed{'s' * (len(runs) != 1)} show no spread; train at least two")
    table = mean_and_interval(runs).dropna(subset=["Mean"]).reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(9.5, 1.7 + 0.75 * len(table)), layout="constrained")
    names = table["Figure"].tolist()
    for place, row in table.iterrows():
        scores = runs[row["Figure"]]
        axes.hlines(place, row["Mean"] - row["±"], row["Mean"] + row["±"], color=BLUE, linewidth=2.2)
        axes.plot(row["Mean"], place, "o", color=BLUE, markersize=9)
        axes.plot(scores, [place] * len(scores), "|", color="black", markersize=13)
        axes.text(
            1.01, place, f"{row['Mean']:.1f} ± {row['±']:.1f}\n{scores.min():.1f} to {scores.max():.1f}",
            transform=axes.get_yaxis_transform(), va="center", fontsize=9,
        )  # fmt: skip
        if row["Figure"] in _REPORT:
            axes.plot(_REPORT[row["Figure"]], place, "D", color=GRAY, markerfacecolor="white", markersize=7)
    axes.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5), xlabel="percent", xlim=(0, 100))
    axes.set_yticklabels(names, fontsize=10)
    axes.grid(axis="y", visible=False)
    widest = max(names, key=lambda name: runs[name].max() - runs[name].min())
    axes.set_title(
        f"{len(runs)} seeds of one recipe: {widest} moves most, by {runs[widest].max() - runs[widest].min():.1f} points"
    )
    figure.text(0.01, 0.005, "stroke: a seed; dot and line: mean and 95 % interval; diamond: the report, on Market-1501",
                fontsize=8.5, style="italic")  # fmt: skip
    figure.set_layout_engine("constrained", rect=(0, 0.06, 1, 0.94))
    return figure
