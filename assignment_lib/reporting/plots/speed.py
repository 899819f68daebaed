"""How soon a recipe is how good."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from assignment_lib.reporting import speed_to_quality as numbers
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, ORANGE, RED


def speed_to_quality(runs: pd.DataFrame, reference: str = "report") -> Figure:
    """Draw mAP against minutes of training, a thin line a training, a colour a recipe with its name at the end.

    `runs` as `speed_to_quality.read` gives it. A dashed line stands at the final mAP of each training of `reference`, a ring
    where that one reached it, and a dot at the first epoch of another recipe's training with the same seed that is at or
    above it; the title says after how many minutes.
    """
    passed, ends = numbers.passing(runs, reference), numbers.final(runs, reference)
    others = [recipe for recipe in runs["recipe"].unique() if recipe != reference]
    colours = {reference: GRAY} | dict(zip(others, (BLUE, ORANGE, GREEN, RED), strict=False))
    figure, axes = plt.subplots(figsize=(9, 4))
    for mark in ends["mAP"]:
        axes.axhline(mark, color=colours[reference], linestyle="--", linewidth=1)
    axes.plot(ends["minutes"], ends["mAP"], "o", color=colours[reference], markersize=7, fillstyle="none")
    for (recipe, _), of in runs.groupby(["recipe", "seed"], sort=False):
        axes.plot(of["minutes"], of["mAP"], color=colours[recipe], linewidth=1.2)
    for recipe, colour in colours.items():
        of = runs[runs["recipe"] == recipe].reset_index(drop=True)
        last = of.loc[of.groupby("seed")["minutes"].idxmax(), ["minutes", "mAP"]]
        where = last["minutes"].max(), last["mAP"].mean()
        below = -12 if recipe == reference else 0  # of the dashed line
        axes.annotate(recipe, where, (6, below), textcoords="offset points", color=colour, va="center", weight="bold")
    for _, row in passed.dropna(subset=["minutes"]).iterrows():
        axes.plot(row["minutes"], row["mAP"], "o", color=colours[row["recipe"]], markersize=7)
    title = "\n".join(numbers.sentence(passed, recipe, reference) for recipe in others)
    axes.set(xlabel="minutes of training, validation included", ylabel="validation mAP (as test), percent", title=title)
    axes.set(xlim=(0, 1.12 * runs["minutes"].max()), ylim=(0, 1.08 * runs["mAP"].max()))
    figure.tight_layout()
    return figure
