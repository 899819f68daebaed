"""Pictures for TensorBoard beside the curves that a training logs: batches, confusion matrices, the embedding projector."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch.nn.functional as F
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from torchvision.utils import make_grid

from assignment_lib.batches.loader import Batch
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.evaluation.attribute_scores import confusion
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.reporting import plots

_PROGRAM = Path(sys.executable).with_name("tensorboard.exe" if os.name == "nt" else "tensorboard")
if _PROGRAM.exists():
    # where %tensorboard looks first; a virtual environment that was not activated is not on the PATH
    os.environ.setdefault("TENSORBOARD_BINARY", str(_PROGRAM))


def confusions(predictions: Predictions, table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Count the confusions of the twelve tasks: task -> int64 `(C, C)`, rows are the true classes.

    `table` has the rows of `predictions` and the target columns; raises `ValueError` where it has none.
    """
    predicted, true = predictions.classes(), target_tensor(table)
    if true is None:
        raise ValueError("the table has no attributes to compare the predictions with")
    return {
        task: confusion(predicted[:, i], true[:, i], len(classes)) for i, (task, classes) in enumerate(TASKS.items())
    }


def add_pictures(
    folder: Path,
    batch: Batch,
    predictions: Predictions,
    images: Tensor,
    table: pd.DataFrame,
    epoch: int,
    most: int = 1000,
) -> None:
    """Add pictures to the TensorBoard files of a run in `folder` (the one given to `fit`), at the step `epoch`.

    They are a grid of the augmented images of `batch`; where `predictions` and `table` have attributes, their confusion
    matrices; and for the projector tab the embeddings of the first `most` validation images, with their pictures
    (`images`, uint8 `(N, 3, H, W)`) and labels.
    """
    embeddings = predictions.embeddings[:most]
    labels = ["pid", "camera", *(TASKS if set(TASKS) <= set(table.columns) else [])]
    rows = table[labels].head(most).astype(object)
    for task in labels[2:]:
        rows[task] = [TASKS[task][value] for value in rows[task]]
    with SummaryWriter(folder / "tensorboard") as board:
        board.add_image("augmented batch", make_grid(batch.images.float().cpu(), nrow=16, padding=1), epoch)
        if predictions.probabilities and len(labels) > 2:
            board.add_figure("confusion", plots.confusion_matrices(confusions(predictions, table)), epoch)
        board.add_embedding(
            embeddings, rows.astype(str).values.tolist(), _square(images[:most]), epoch, "validation", labels
        )


def _square(images: Tensor) -> Tensor:
    """Pad to squares with white, float in [0, 1]: the projector's sheet of small pictures takes nothing else."""
    height, width = images.shape[2:]
    side = max(height, width)
    left, top = (side - width) // 2, (side - height) // 2
    return F.pad(images.float() / 255, (left, side - width - left, top, side - height - top), value=1.0)
