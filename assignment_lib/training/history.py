"""What is recorded of every epoch: the means of its losses, a row of `history.csv`, TensorBoard's curves and a printed line."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from assignment_lib import files
from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.environment import attended

_PROGRAM = Path(sys.executable).with_name("tensorboard.exe" if os.name == "nt" else "tensorboard")
if _PROGRAM.exists():
    # %tensorboard looks here first; without an activated virtual environment the program is not on the PATH
    os.environ.setdefault("TENSORBOARD_BINARY", str(_PROGRAM))


@dataclass
class Epoch:
    """The progress of one epoch and the running sums of its losses; a part of the checkpoint."""

    positions: Tensor  # (N,) int64: the images of the epoch, in order
    step: int = 0  # batches done
    seconds: float = 0.0
    names: list[str] = field(default_factory=list)
    sums: Tensor = field(default_factory=lambda: torch.zeros(0))  # (names,) float64
    finite_norms: Tensor = field(default_factory=lambda: torch.zeros(()))  # steps whose gradient was finite
    unchecked: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # values and image positions of recent batches

    def note(self, batch: Batch, total: Tensor, norm: Tensor, losses: dict, weights: dict) -> None:
        """Add the numbers of one batch. They stay on the device: reading one here would make a GPU wait at every step."""
        named = {"loss": total, "gradient_norm": norm}
        named |= {f"loss/{name}": value for name, value in losses.items()}
        named |= {f"weight/{name}": value for name, value in weights.items()}
        values = torch.stack([value.detach().to(total.device, torch.float64) for value in named.values()])
        self.unchecked.append((values, batch.index))
        finite = values[1].isfinite()
        values = torch.cat([values[:1], values[1:2].nan_to_num(0.0, 0.0, 0.0), values[2:]])
        if not self.names:
            self.names = list(named)
            self.sums, self.finite_norms = torch.zeros_like(values), torch.zeros_like(values[1])
        self.sums = self.sums + values
        self.finite_norms = self.finite_norms + finite
        self.step += 1

    def check(self, epoch: int, image_files: Sequence[str], overflow: bool = False) -> None:
        """Raise `FloatingPointError` where a loss or gradient since the last check is not finite.

        The message names the loss, the batch of epoch number `epoch`, and its images. `overflow` allows infinite
        gradients: in float16 the GradScaler skips the step of such a batch.
        """
        values = torch.stack([values for values, _ in self.unchecked])
        columns = [i for i, name in enumerate(self.names) if name.startswith("loss")]
        columns += [] if overflow else [self.names.index("gradient_norm")]
        bad = ~values[:, columns].isfinite()
        if bad.any():
            row = int(bad.any(1).nonzero()[0])
            names = [self.names[columns[i]].removeprefix("loss/") for i in bad[row].nonzero().flatten().tolist()]
            losses = [name for name in names if name not in ("loss", "gradient_norm")]
            what = f"The loss {', '.join(losses or ['total'])}" if "loss" in names or losses else "The gradient"
            positions = self.unchecked[row][1].tolist()
            images = [image_files[i] if image_files else f"image {i}" for i in positions]
            raise FloatingPointError(
                f"{what} is not finite in batch {self.step - len(self.unchecked) + row + 1} of epoch {epoch}. Use a smaller "
                f"learning_rate, or check the images of that batch: {', '.join(images)}. The last checkpoint is kept."
            )
        self.unchecked.clear()

    def means(self, epoch: int) -> dict[str, float]:
        """The mean of everything noted, over the batches; of the gradient norm over the batches where it is finite.

        Raises `FloatingPointError` where no gradient was finite: in float16 the GradScaler then skipped every step.
        """
        if not self.finite_norms:
            raise FloatingPointError(
                f"No step of epoch {epoch} was applied: every gradient overflowed in float16. Set amp to "
                '"bfloat16" or "off" in the recipe, or use a smaller learning_rate.'
            )
        means: list[float] = (self.sums / self.step).tolist()
        means[1] = float(self.sums[1] / self.finite_norms)
        return dict(zip(self.names, means, strict=True))


def begin_epoch(objective: nn.Module, batches: Batches) -> Epoch:
    """Draw the images of an epoch.

    Raises `ValueError` where most batches hold a single identity although the identity loss needs two.
    """
    if hasattr(objective, "new_epoch"):
        objective.new_epoch()  # type: ignore[operator]
    positions = batches.draw()
    if getattr(objective, "needs_negatives", False) and batches.pids is not None:
        pids = batches.pids.cpu()[positions].split(batches.batch_size)
        single = sum(bool((batch_pids == batch_pids[0]).all()) for batch_pids in pids)
        if single > len(pids) / 2:  # a few by chance do no harm
            raise ValueError(
                f"{single} of {len(pids)} batches hold images of one identity only, and the identity loss needs two. Set "
                'sampler="identities", a larger batch_size, or identity_loss="none" in the recipe.'
            )
    return Epoch(positions)


def remove_older(folder: Path) -> None:
    """Remove the files of an earlier training that cannot resume, so that its curves do not mix with the new ones."""
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    for name in ("best.pt", "history.csv", "finished.txt"):
        (folder / name).unlink(missing_ok=True)


def tensorboard(folder: Path, epochs_done: int) -> SummaryWriter:
    """TensorBoard's writer for `folder`; it overwrites curves after `epochs_done`."""
    return SummaryWriter(folder / "tensorboard", purge_step=epochs_done + 1)


def write_epoch(history: list[dict], folder: Path, board: SummaryWriter) -> None:
    """Write `history.csv` atomically and add the newest row to TensorBoard."""
    files.write_text(folder / "history.csv", pd.DataFrame(history).to_csv(index=False))
    row = history[-1]
    for name, value in row.items():
        if isinstance(value, int | float) and name != "epoch":
            board.add_scalar(name, value, row["epoch"])
    board.flush()


def epochs_without_gain(history: list[dict]) -> int:
    """Number of epochs since the best score."""
    scores = [row["score"] for row in history]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def flatten(scores: dict, prefix: str = "") -> dict:
    """Nested scores in one level, names joined by "/": `reid/mAP`."""
    flat: dict[str, Any] = {}
    for name, value in scores.items():
        flat |= flatten(value, f"{prefix}{name}/") if isinstance(value, dict) else {prefix + name: value}
    return flat


def line(row: dict, epochs: int, improved: bool) -> str:
    """One epoch as a printed line. Its speed is shown in interactive runs only, since it differs between runs."""
    parts = [f"epoch {row['epoch']:>2}/{epochs}", f"loss {row['loss']:.3f}"]
    labels = {
        "attributes/average/acc": "acc",
        "attributes/average/macc": "mAcc",
        "reid/mAP": "mAP",
        "reid/rank1": "rank-1",
    }
    parts += [f"{label} {row[name]:.3f}" for name, label in labels.items() if name in row]
    if attended():
        parts += [f"{row['images_per_second']:.0f} images/s", f"{row['seconds']:.1f} s"]
    return "  ".join([*parts, "best"] if improved else parts)
