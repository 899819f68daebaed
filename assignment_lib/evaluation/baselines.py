"""What scores are worth without learning: the most frequent class, chance, and a network that knows ImageNet alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.attribute_scores import attribute_scores, class_indices
from assignment_lib.evaluation.inputs import Array
from assignment_lib.progress import bar


def majority_scores(train_targets: Array | pd.DataFrame, targets: Array | pd.DataFrame) -> dict[str, dict[str, float]]:
    """Score always saying each task's most frequent class of the training images, in the form of `attribute_scores`.

    Both are class indices as `attribute_scores` takes them, `(N, 12)` and `(M, 12)`; of classes equally frequent, the
    first is said. Raises `ValueError` as `attribute_scores` does.
    """
    trained_on, wanted = class_indices(train_targets, "train_targets"), class_indices(targets, "targets")
    most_frequent = [np.bincount(column).argmax() for column in trained_on.T]
    return attribute_scores(np.tile(most_frequent, (len(wanted), 1)), wanted)


def chance_macc(targets: Array | pd.DataFrame) -> dict[str, float]:
    """The mean class accuracy of guessing: task -> 1 / number of its classes that occur in `targets`; and "average".

    Guessing among `k` classes recognises a share of `1 / k` of each, whatever their frequency. `targets` as in
    `attribute_scores`.
    """
    chance = {task: 1 / count for task, count in occurring_classes(targets).items()}
    return chance | {"average": float(np.mean(list(chance.values())))}


def occurring_classes(targets: Array | pd.DataFrame) -> dict[str, int]:
    """How many classes of each task occur in `targets`, which are as in `attribute_scores`."""
    columns = class_indices(targets, "targets").T
    return {task: len(np.unique(column)) for task, column in zip(TASKS, columns, strict=True)}


def attribute_baselines(
    train_targets: Array | pd.DataFrame, targets: Array | pd.DataFrame
) -> dict[str, dict[str, float]]:
    """What `tables.attribute_table` shows beside the scores, as plain numbers.

    Returns `{task: {"majority_acc": …, "chance_macc": …, "classes": …}, …, "average": {…}}`: fractions between 0 and 1,
    and how many classes occur among the images scored (of all tasks together in "average").
    """
    majority, chance, classes = (
        majority_scores(train_targets, targets), chance_macc(targets), occurring_classes(targets),
    )  # fmt: skip
    classes["average"] = sum(classes.values())
    return {
        task: {"majority_acc": majority[task]["acc"], "chance_macc": chance[task], "classes": classes[task]}
        for task in majority
    }


@torch.inference_mode()
def untrained_embeddings(
    backbone_name: str,
    images: Tensor,
    *,
    pretrained: bool = True,
    device: torch.device | str = "cpu",
    batch_size: int = 256,
    progress: bool = False,
) -> Tensor:
    """What a backbone makes of people before it has seen one: its ImageNet features, averaged over the image.

    `images` are uint8 `(N, 3, H, W)`; returns `(N, channels)` float32 on the CPU, L2-normalised, as `Predictions` holds
    them. `pretrained=False` leaves the weights random (tests). Raises `ConnectionError` and `ValueError` as
    `models.backbones.backbone` does.
    """
    from assignment_lib.models.backbones import (
        backbone,
    )  # timm takes longer to import than all else; scoring files needs none

    network = backbone(backbone_name, pretrained)
    features = network.features.eval().to(device)
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (network.mean, network.std))
    pooled = [torch.empty(0, network.channels)]
    for start in bar(range(0, len(images), batch_size), "images", show=progress):
        batch = images[start : start + batch_size].to(device).float().div_(255).sub_(mean).div_(std)
        maps = features(batch.contiguous(memory_format=torch.channels_last))
        pooled.append(F.normalize(maps.float().mean((2, 3))).cpu())
    return torch.cat(pooled)
