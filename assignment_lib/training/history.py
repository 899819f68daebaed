"""What is kept of every epoch: a row of `history.csv`, TensorBoard's curves and one printed line."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from torch.utils.tensorboard import SummaryWriter

from assignment_lib.environment import attended


def remove_older(folder: Path) -> None:
    """What a run left that cannot be gone on from; its curves would mix with the new ones."""
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    for name in ("best.pt", "history.csv", "finished.txt"):
        (folder / name).unlink(missing_ok=True)


def board(folder: Path, epochs_done: int, first: bool) -> contextlib.AbstractContextManager[Any]:
    """TensorBoard's writer for `folder`, in the first process; curves after `epochs_done` are overwritten."""
    if not first:
        return contextlib.nullcontext()
    return SummaryWriter(folder / "tensorboard", purge_step=epochs_done + 1)


def write_down(history: list[dict], folder: Path, board: SummaryWriter) -> None:
    """Write `history.csv` and add the newest row to TensorBoard."""
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    row = history[-1]
    for name, value in row.items():
        if isinstance(value, int | float) and name != "epoch":
            board.add_scalar(name, value, row["epoch"])
    board.flush()


def epochs_without_gain(history: list[dict]) -> int:
    """Epochs since the best score."""
    scores = [row["score"] for row in history]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def flatten(scores: dict, prefix: str = "") -> dict:
    """Nested scores -> one level, their names joined by "/": `reid/mAP`."""
    flat: dict[str, Any] = {}
    for name, value in scores.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{name}/")
        else:
            flat[prefix + name] = value
    return flat


def line(row: dict, epochs: int, improved: bool) -> str:
    """One epoch as one printed line, with its speed where a person watches: no run has that of another."""
    parts = [f"epoch {row['epoch']:>2}/{epochs}", f"loss {row['loss']:.3f}"]
    shown = {
        "attributes/average/acc": "acc",
        "attributes/average/macc": "mAcc",
        "reid/mAP": "mAP",
        "reid/rank1": "rank-1",
    }
    parts += [f"{label} {row[name]:.3f}" for name, label in shown.items() if name in row]
    if attended():
        parts += [f"{row['images_per_second']:.0f} images/s", f"{row['seconds']:.1f} s"]
    return "  ".join([*parts, "best"] if improved else parts)
