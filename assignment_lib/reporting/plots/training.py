"""How a training went: losses, validation scores, learned loss weights."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, ORANGE, RED

_PARTS = {"attributes": BLUE, "pid": ORANGE, "triplet": GREEN}
#: Panels of scores: their own axes, since one may fall while the other rises.
_PANELS = {
    "Re-identification": {"reid/mAP": ("mAP", ORANGE), "reid/rank1": ("rank-1", RED)},
    "Attributes": {
        "attributes/average/acc": ("accuracy", GREEN),
        "attributes/average/macc": ("mAcc", BLUE),
    },
}


def training_curves(history: pd.DataFrame, patience: int | None = None) -> Figure:
    """Draw losses, validation scores in percent and, where they were learned, the loss weights; a row of `history` is an epoch.

    The columns are those of the history that `fit` returns; those that are missing are left out. A dashed line marks the
    kept epoch, that of the best score; after it stand, shaded, the epochs without a gain, which end the training where
    they are `patience` many (None: not known).
    """
    losses = [name for name in _PARTS if f"loss/{name}" in history]
    weights = [name for name in _PARTS if f"weight/{name}" in history]
    if not any(history[f"weight/{name}"].nunique() > 1 for name in weights):
        weights = []  # none was learned
    scores = {title: of for title, of in _PANELS.items() if any(column in history for column in of)}
    panels = 1 + len(scores) + (len(weights) > 1)
    columns = panels if panels < 4 else 2
    rows = -(-panels // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=((5.5, 9.6, 11, 11)[panels - 1], 3.3 * rows + 0.6), layout="constrained", squeeze=False
    )
    axes = grid.flat[:panels].tolist()
    kept = int(history["epoch"][history["score"].idxmax()])
    draw_lines(axes[0], history, {f"loss/{name}": (name, _PARTS[name]) for name in losses}, 1)
    axes[0].set_title("Training losses" + (", log scale" if len(losses) > 1 else ""), fontsize=10)
    if len(losses) > 1:  # of very different size
        axes[0].set_yscale("log")
    for panel, (title, of) in zip(axes[1:], scores.items(), strict=False):
        there = {column: named for column, named in of.items() if column in history}
        draw_lines(panel, history, there, 100)
        first = next(iter(there))
        of_kept = history.loc[history["score"].idxmax(), first]
        panel.set_title(f"{title}: {there[first][0]} {100 * of_kept:.1f} % in epoch {kept}", fontsize=10)
        panel.set_ylabel("validation, percent", fontsize=9)
    if len(weights) > 1:
        draw_lines(axes[-1], history, {f"weight/{name}": (name, _PARTS[name]) for name in weights}, 1)
        axes[-1].set_title("Learned loss weights", fontsize=10)
    last = int(history["epoch"].max())
    for panel in axes:
        panel.axvline(kept, color="black", linewidth=1, linestyle="--", label="kept epoch")
        if last > kept:
            panel.axvspan(kept, last, color=GRAY, alpha=0.18, linewidth=0)
        panel.set_xlabel("epoch", fontsize=10)
        panel.margins(y=0.12)
        panel.set_xlim(
            1 - 0.03 * last, last + max((0.18, 0.24, 0.36)[columns - 1] * last, 1)
        )  # room for the names of the lines
        panel.set_xticks(whole_numbers(last))
        panel.tick_params(labelsize=9)
    figure.suptitle(_finding(history, kept, last, patience), fontsize=12)
    return figure


def _finding(history: pd.DataFrame, kept: int, last: int, patience: int | None) -> str:
    of = history.loc[history["score"].idxmax()]
    parts = [
        f"{label} {100 * of[column]:.1f} %"
        for column, label in (("reid/mAP", "mAP"), ("attributes/average/macc", "mAcc"))
        if column in history and pd.notna(of[column])
    ]
    text = f"Epoch {kept} of {last} is kept" + (f": {', '.join(parts)}" if parts else "")
    waited = last - kept
    if patience is not None and waited >= patience:
        text += f"; stopped after {waited} epochs without a gain (patience {patience})"
    elif waited:
        text += f"; {waited} epoch{'s' * (waited > 1)} without a gain after it"
        text += f", patience {patience}" if patience is not None else ""
    return text + _opposite(history)


def _opposite(history: pd.DataFrame) -> str:
    """Where mAcc falls while mAP rises, from the epoch of the best mAcc to that of the best mAP, or the other way round."""
    names = {"reid/mAP": "mAP", "attributes/average/macc": "mAcc"}
    if not set(names) <= set(history) or history[list(names)].isna().any(axis=None):
        return ""
    rows = {column: history[column].idxmax() for column in names}
    falling, rising = sorted(names, key=lambda column: history["epoch"][rows[column]])
    if rows[falling] == rows[rising]:
        return ""
    before, after = history.loc[rows[falling]], history.loc[rows[rising]]
    changes = [100 * (after[column] - before[column]) for column in (falling, rising)]
    return (
        f"\nfrom epoch {before['epoch']:.0f} to {after['epoch']:.0f} {names[falling]} falls by {-changes[0]:.1f} points "
        f"while {names[rising]} rises by {changes[1]:.1f}"
    )


def overfitting(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw loss and accuracy of networks that learn one batch by heart; `runs` is name -> what `overfit` returned."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    ends = []
    for (name, rows), colour in zip(runs.items(), (BLUE, ORANGE, GREEN, RED), strict=False):
        left.plot(rows.index + 1, rows["loss"], color=colour, label=name)
        right.plot(rows.index + 1, 100 * rows["accuracy"], color=colour, label=name)
        ends.append(f"{name} {100 * rows['accuracy'].iloc[-1]:.0f} %")
    left.set(xlabel="step", ylabel="loss", title="Loss on one batch")
    right.set(xlabel="step", ylabel="percent", title="Attributes right, same batch", ylim=(0, 102))
    figure.legend(*right.get_legend_handles_labels(), loc="outside right upper", frameon=False)
    steps = max(len(rows) for rows in runs.values())
    figure.suptitle(f"After {steps} steps on one batch the attributes are right in: {', '.join(ends)}", fontsize=12)
    return figure


def draw_lines(axes: Axes, history: pd.DataFrame, columns: dict[str, tuple[str, str]], factor: float) -> None:
    """Lines with their names at their ends, apart from each other."""
    for column, (label, color) in columns.items():
        axes.plot(history["epoch"], factor * history[column], color=color, label=label, marker=".", markersize=4)
    ends = {column: factor * history[column].dropna().iloc[-1] for column in columns if history[column].notna().any()}
    ordered = sorted(ends, key=lambda column: ends[column])
    for place, column in enumerate(ordered):
        label, color = columns[column]
        # a few points up or down, so that lines that end together have names that do not
        away = 9 * (place - (len(ordered) - 1) / 2)
        axes.annotate(
            label, (history["epoch"].iloc[-1], ends[column]), (6, away), textcoords="offset points", color=color,
            va="center", fontsize=9, weight="bold",
        )  # fmt: skip


def whole_numbers(last: int) -> list[int]:
    """Ticks of an axis of epochs: 1, and up to `last` about six more."""
    step = max(1, -(-last // 6))
    return sorted({1, *range(step, last + 1, step)})
