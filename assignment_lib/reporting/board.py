"""Images for TensorBoard in addition to the logged curves: batches, confusion matrices, the embedding projector."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pandas as pd
import torch.nn.functional as F
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torchvision.utils import make_grid

from assignment_lib.batches.loader import Batch
from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.reporting import plots

_PROGRAM = Path(sys.executable).with_name("tensorboard.exe" if os.name == "nt" else "tensorboard")
if _PROGRAM.exists():
    # %tensorboard looks here first; without an activated virtual environment the program is not on the PATH
    os.environ.setdefault("TENSORBOARD_BINARY", str(_PROGRAM))

_PROJECTED = 1000  # images in the projector


def add_images(
    folder: Path, batch: Batch, predictions: Predictions, images: Tensor, table: pd.DataFrame, epoch: int
) -> None:
    """Add images to the TensorBoard files of a run in `folder` (the folder of the training), at the step `epoch`.

    These are the augmented images of `batch`; the confusion matrices, if `predictions` and `table` have attributes; and,
    for the projector tab, the embeddings of the first 1,000 validation images with their labels and `images`, uint8
    `(N, 3, H, W)`.
    """
    tasks = list(TASKS) if set(TASKS) <= set(table.columns) else []
    rows = table[["pid", "camera", *tasks]].head(_PROJECTED).astype(object)
    for task in tasks:
        rows[task] = [TASKS[task][value] for value in rows[task]]
    with SummaryWriter(folder / "tensorboard") as board:
        board.add_image("augmented batch", make_grid(batch.images.float().cpu(), nrow=16, padding=1), epoch)
        if tasks and predictions.probabilities:
            board.add_figure("confusion", plots.confusion_matrices(plots.confusions(predictions, table)), epoch)
        embeddings, squares = predictions.embeddings[:_PROJECTED], _square(images[:_PROJECTED])
        board.add_embedding(embeddings, rows.astype(str).values.tolist(), squares, epoch, "validation", list(rows))


def _square(images: Tensor) -> Tensor:
    """Images padded to white squares, float in [0, 1], as the projector requires."""
    height, width = images.shape[2:]
    side = max(height, width)
    left, top = (side - width) // 2, (side - height) // 2
    return F.pad(images.float() / 255, (left, side - width - left, top, side - height - top), value=1.0)
