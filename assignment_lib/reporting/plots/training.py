"""How a training went: losses, validation scores, learned loss weights."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assignment_lib.reporting.plots.theme import BLUE, GREEN, ORANGE, RED

_SCORES = {
    "attributes/average/acc": ("accuracy", GREEN),
    "attributes/average/macc": ("mean class accuracy", BLUE),
    "reid/mAP": ("mAP", ORANGE),
    "reid/rank1": ("rank-1", RED),
}


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw losses, validation scores and, where they were learned, the loss weights; a row of `history` is an epoch.

    The columns are those of the history that `fit` returns; those that are missing are left out. A dashed line marks the
    epoch of the best score.
    """
    losses = [c for c in ("loss/attributes", "loss/pid", "loss/triplet") if c in history]
    weights = [c for c in ("weight/attributes", "weight/pid", "weight/triplet") if c in history]
    figure, panels = plt.subplots(1, 3 if len(weights) > 1 else 2, figsize=(13 if len(weights) > 1 else 9, 3.6))
    _draw_parts(panels[0], history, losses, "loss/")
    panels[0].set(title="Training losses", xlabel="epoch", ylabel="loss")
    if len(losses) > 1:  # of very different size
        panels[0].set_yscale("log")
    panels[0].legend()
    _draw_scores(panels[1], history)
    if len(weights) > 1:
        _draw_parts(panels[2], history, weights, "weight/")
        panels[2].set(title="Learned loss weights", xlabel="epoch")
        panels[2].legend()
    for axes in panels:
        axes.locator_params(axis="x", integer=True)
    figure.tight_layout()
    return figure


def overfitting(runs: dict[str, pd.DataFrame]) -> Figure:
    """Draw loss and accuracy of networks that learn one batch by heart; `runs` is name -> what `overfit` returned."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
    for (name, rows), colour in zip(runs.items(), (BLUE, ORANGE, GREEN, RED), strict=False):
        left.plot(rows.index + 1, rows["loss"], color=colour, label=name)
        right.plot(rows.index + 1, 100 * rows["accuracy"], color=colour, label=name)
    left.set(xlabel="step", ylabel="loss", title="Loss on one batch")
    right.set(xlabel="step", ylabel="percent", title="Attributes right, same batch", ylim=(0, 102))
    right.legend()
    figure.tight_layout()
    return figure


def _draw_parts(axes: Axes, history: pd.DataFrame, columns: list[str], prefix: str) -> None:
    for column, color in zip(columns, (BLUE, ORANGE, GREEN), strict=False):
        axes.plot(history["epoch"], history[column], color=color, label=column.removeprefix(prefix))


def _draw_scores(axes: Axes, history: pd.DataFrame) -> None:
    for column, (label, color) in _SCORES.items():
        if column in history:
            axes.plot(history["epoch"], history[column], color=color, label=label)
    best = history.loc[history["score"].idxmax(), "epoch"]
    axes.axvline(best, color="black", linewidth=0.8, linestyle="--", label="best epoch")
    axes.set(title="Validation scores", xlabel="epoch", ylim=(0, 1))
    axes.legend(fontsize=8)
