"""The ablation table as figures: what each change is worth, and what each network costs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from assignment_lib.reporting.ablation_tables import paired_intervals
from assignment_lib.reporting.plots.labels import label_points
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, RED
from assignment_lib.training.ablation_rows import ROWS, STRONG_ROWS

_COLOURS = {"better": GREEN, "worse": RED, "not decided": GRAY}
_SCORES = ("mAP", "mAcc")
#: Variants without pretrained weights: twenty to fifty points behind, where their scale would hide all other differences.
_FROM_SCRATCH = {
    row.name for row in (*ROWS, *STRONG_ROWS) if row.network == "baseline" or row.changes.get("pretrained") is False
}


def ablations(runs: pd.DataFrame, base: str) -> Figure:
    """Draw how far each variant lies from the base in mAP and mAcc, with the 95 % interval of the paired differences.

    `runs` as `ablation_tables.results_table` makes it, in percent; `base` is the name of the variant that the others
    change. A stroke is a seed, the dot their mean (`ablation_tables.paired_intervals`); what is gray is not
    decided: its interval holds zero, or there is one seed. Networks from scratch have panels with a scale of their own.
    Raises `ValueError` where `runs` has no variant called `base`.
    """
    if base not in set(runs["Variant"]):
        raise ValueError(f"no variant is called {base!r}; the base of these runs is one of {set(runs['Variant'])}")
    runs = runs.assign(Group=runs["Group"].where(runs["Variant"] != base, "base"))
    intervals = paired_intervals(runs)
    if intervals.empty:
        raise ValueError(f"the runs have nothing beside {base!r}; measure a variant of it too")
    scratch = intervals["Variant"].isin(_FROM_SCRATCH)
    parts = [part for part in (intervals[~scratch], intervals[scratch]) if len(part)]
    lines = [len(part) + part["Group"].nunique() for part in parts]
    figure, grid = plt.subplots(
        len(parts), 2, figsize=(11, 1.9 + 0.27 * sum(lines) + 0.5 * len(parts)), squeeze=False,
        height_ratios=lines, layout="constrained",
    )  # fmt: skip
    for part, row in zip(parts, grid, strict=True):
        for score, axes in zip(_SCORES, row, strict=True):
            _draw_differences(axes, part, runs, base, score)
        row[1].set_yticklabels([])
    for axes, score in zip(grid[-1], _SCORES, strict=True):
        axes.set_xlabel(f"{score} minus the base's, percentage points")
    marks = [Line2D([], [], color=colour, marker="o", label=verdict) for verdict, colour in _COLOURS.items()]
    marks += [Line2D([], [], color="black", marker="|", linestyle="", label="one seed")]
    figure.legend(handles=marks, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.suptitle("\n".join(_finding(intervals, runs, base, score) for score in _SCORES), fontsize=12)
    return figure


def _draw_differences(axes: Axes, part: pd.DataFrame, runs: pd.DataFrame, base: str, score: str) -> None:
    reference = runs[runs["Variant"] == base].set_index("Seed")[score]
    names, place = [], 0
    points: list[float] = [0.0]
    for group, of_group in part.groupby("Group", sort=False):
        names.append(str(group))
        place += 1
        for _, row in of_group.iterrows():
            names.append(row["Variant"])
            verdict = row[f"{score} verdict"]
            if verdict:
                of_variant = runs[(runs["Variant"] == row["Variant"]) & (runs["Group"] == row["Group"])]
                seeds = (of_variant.set_index("Seed")[score] - reference).dropna()
                colour = _COLOURS[verdict]
                axes.hlines(place, row[f"{score} low"], row[f"{score} high"], color=colour, linewidth=2.2)
                axes.plot(seeds, [place] * len(seeds), "|", color="black", markersize=7, alpha=0.6, zorder=4)
                axes.plot(row[f"{score} - base"], place, "o", color=colour, markersize=8)
                points += seeds.tolist()
                said = f"{row[f'{score} - base']:+.1f}" + (" (not decided)" if verdict == "not decided" else "")
                weight = "normal" if verdict == "not decided" else "bold"
            else:
                said, colour, weight = "no such score", GRAY, "normal"
            axes.text(
                1.01, place, said, transform=axes.get_yaxis_transform(), color="#555555" if colour == GRAY else colour,
                va="center", fontsize=8, weight=weight,
            )  # fmt: skip
            place += 1
    # an interval of two seeds is wider than any panel: what is drawn is where the seeds are, and some room
    room = 0.35 * (max(points) - min(points)) + 0.5
    axes.set(xlim=(min(points) - room, max(points) + room), ylim=(place - 0.4, -0.6), yticks=range(len(names)))
    axes.axvline(0, color="black", linewidth=1)
    groups = set(part["Group"])
    axes.set_yticklabels(names, fontsize=8.5)
    for label in axes.get_yticklabels():
        if label.get_text() in groups:
            label.set(weight="bold", color=BLUE)
    axes.grid(axis="y", visible=False)
    alone = set(part["Variant"]) <= _FROM_SCRATCH
    axes.set_title(f"{score}, {'networks from scratch (another scale)' if alone else 'one thing changed'}", fontsize=10)


def _finding(intervals: pd.DataFrame, runs: pd.DataFrame, base: str, score: str) -> str:
    there = intervals[intervals[f"{score} verdict"] != ""]
    found = there[f"{score} verdict"].value_counts()
    level = runs.loc[runs["Variant"] == base, score].mean()
    counts = ", ".join(f"{found.get(verdict, 0)} {verdict}" for verdict in _COLOURS)
    text = f"{score} (base {level:.1f} %): of {len(there)} changes {counts}"
    better = there[there[f"{score} verdict"] == "better"]
    if len(better):
        best = better.loc[better[f"{score} - base"].idxmax()]
        text += f"; best: {best['Variant']} ({best[f'{score} - base']:+.1f})"
    return text


def cost(means: pd.DataFrame) -> Figure:
    """Draw seconds an epoch against mAP, one dot a network of `means`, its area growing with the parameters.

    `means` as `ablation_tables.table` makes it. Blue are those that no other network beats in both; a line joins them.
    """
    means = means.dropna(subset=["mAP"]).sort_values(["Seconds an epoch", "mAP"], ascending=[True, False])
    best = means["mAP"].cummax().shift(fill_value=-np.inf)
    unbeaten = (means["mAP"] > best).to_numpy()
    seconds, scores = means["Seconds an epoch"].to_numpy(), means["mAP"].to_numpy()
    figure, axes = plt.subplots(figsize=(10.5, 5), layout="constrained")
    axes.step(seconds[unbeaten], scores[unbeaten], where="post", color=BLUE, linewidth=1, alpha=0.5)
    colours = np.where(unbeaten, BLUE, GRAY).tolist()
    areas = 25 + 8 * means["Parameters (M)"].to_numpy()  # in square points
    axes.scatter(seconds, scores, s=areas, c=colours, alpha=0.85, zorder=2)
    axes.set(xlabel="seconds an epoch", ylabel="mAP, percent")
    axes.set(xlim=(0, 1.15 * seconds.max()), ylim=_with_room(scores))
    names = [name.split(" (")[0] for name in means["Variant"]]
    chosen = [name for name, is_best in zip(names, unbeaten, strict=True) if is_best]
    axes.set_title(
        f"{len(chosen)} of {len(names)} networks are beaten by none in both speed and mAP:\n{', '.join(chosen)}"
        if len(chosen) > 1 else f"{chosen[0]} is the fastest and has the highest mAP of {len(names)}"
    )  # fmt: skip
    figure.canvas.draw()  # the layout decides where the points are
    texts = [f"{name}, {size:.1f} M" for name, size in zip(names, means["Parameters (M)"], strict=True)]
    label_points(axes, seconds.tolist(), scores.tolist(), texts, radius=np.sqrt(areas / np.pi).tolist())
    return figure


def _with_room(values: np.ndarray) -> tuple[float, float]:
    room = 0.12 * (values.max() - values.min()) + 1
    return float(max(0, values.min() - room)), float(values.max() + room)
