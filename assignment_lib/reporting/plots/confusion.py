"""What is taken for what: confusion matrices of the twelve tasks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from assignment_lib.data.attributes import TASKS

#: Behind what no image shows.
_ABSENT = "#E4E4E4"


def confusion_matrices(confusions: dict[str, np.ndarray]) -> Figure:
    """Draw row-normalised confusion matrices; `confusions` is task -> `(C, C)` counts, rows are the true classes.

    The number of images of each true class stands beside its name; the row of a class without any is gray and says
    "absent". Shares are in percent; those that round to zero are not written. The titles give the mean class accuracy,
    and chance; the figure's title names the commonest confusion.
    """
    columns = min(4, len(confusions))
    rows = -(-len(confusions) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2.95 * columns, 2.9 * rows + 0.5), squeeze=False)
    for axes in grid.flat[len(confusions) :]:
        axes.set_axis_off()
    for axes, (task, confusion) in zip(grid.flat, confusions.items(), strict=False):
        _draw(axes, task, confusion)
    height = 2.9 * rows + 0.5
    # a layout engine would draw all the numbers twice
    figure.subplots_adjust(0.1, 0.65 / height, 0.995, 1 - 0.85 / height, 0.62, 0.55)
    figure.suptitle(_finding(confusions), fontsize=11, y=1 - 0.1 / height, va="top")
    return figure


def _draw(axes: Axes, task: str, confusion: np.ndarray) -> None:
    images, names = confusion.sum(1), TASKS[task]
    shares = confusion / np.maximum(images, 1)[:, None]
    small = len(shares) > 4
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row in np.flatnonzero(images == 0).tolist():
        axes.add_patch(Rectangle((-0.5, row - 0.5), len(shares), 1, facecolor=_ABSENT, edgecolor="none"))
        axes.text(
            (len(shares) - 1) / 2, row, "absent", ha="center", va="center", fontsize=7 if small else 9, color="#555555"
        )
    for row, column in zip(*np.nonzero(np.round(100 * shares)), strict=True):
        share = shares[row, column]
        axes.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6.5 if small else 10,
            color="white" if share > 0.55 else "black",
        )  # fmt: skip
    there = images > 0
    right = shares.diagonal()[there].mean() if there.any() else np.nan
    chance = f"mAcc {100 * right:.0f} %, chance {100 / max(there.sum(), 1):.0f} %"
    axes.set_title(f"{task}: {chance if there.sum() > 1 else 'one class only'}", fontsize=9)
    axes.set(xticks=range(len(names)), yticks=range(len(names)))
    size = 8 if len(names) == 2 else 7
    axes.set_xticklabels(names, fontsize=size, rotation=90 if small else 0)
    axes.set_yticklabels([f"{name} ({n:,})" for name, n in zip(names, images, strict=True)], fontsize=size)
    for label, is_there in zip(axes.get_yticklabels(), there, strict=True):
        label.set_color("black" if is_there else "#888888")
    axes.tick_params(length=0, pad=2)
    axes.grid(False)
    axes.set_xlabel("predicted", fontsize=8, labelpad=2)
    axes.set_ylabel("true (images)", fontsize=8, labelpad=2)


def _finding(confusions: dict[str, np.ndarray]) -> str:
    title = "Rows: percent of the images of the true class"
    wrong = {task: confusion * (1 - np.eye(len(confusion), dtype=int)) for task, confusion in confusions.items()}
    if not any(counts.any() for counts in wrong.values()):
        return title + "; nothing is confused"
    task = max(wrong, key=lambda name: wrong[name].max())
    true, predicted = np.unravel_index(wrong[task].argmax(), wrong[task].shape)
    count, of = wrong[task][true, predicted], confusions[task][true].sum()
    return (
        f"Most often confused: {task} “{TASKS[task][true]}” is called “{TASKS[task][predicted]}” "
        f"on {count:,} of {of:,} images\n{title}"
    )
