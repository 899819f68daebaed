"""One whole training from a recipe, without a notebook: what notebooks 03 and 04 show step by step.

python -m assignment_lib.training.experiment --data course.zip --recipe report
torchrun --nproc-per-node 2 -m assignment_lib.training.experiment --data course.zip --recipe report     # two GPUs
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from assignment_lib import environment
from assignment_lib.batches.augment import Augmentation
from assignment_lib.batches.balance import sampler_and_weights
from assignment_lib.batches.loader import Batches
from assignment_lib.data import attributes
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.data.images import decode
from assignment_lib.data.split import pid_labels, split_table
from assignment_lib.evaluation.inference import validator
from assignment_lib.training import processes
from assignment_lib.training.loop import fit
from assignment_lib.training.recipes import (
    Recipe,
    attribute_objective,
    baseline_fit_options,
    baseline_network,
    fingerprint,
    fit_options,
    joint_network,
    joint_objective,
    recipe,
)


class Split(NamedTuple):
    """The training and the validation persons of a data set, and their decoded images."""

    name: str  # of the data set
    train: pd.DataFrame
    train_images: Tensor  # (N, 3, H, W) uint8
    validation: pd.DataFrame
    validation_images: Tensor  # (M, 3, H, W) uint8
    has_attributes: bool


def decoded_split(data: Dataset, settings: Recipe) -> Split:
    """Split `data` as the recipe says and decode the images of both parts."""
    train, validation = split_table(data.train, settings.validation_share, settings.seed)
    train_images, validation_images = (
        decode(table["path"], settings.image_size, progress=False).images for table in (train, validation)
    )
    return Split(data.name, train, train_images, validation, validation_images, data.has_attributes)


class Trained(NamedTuple):
    """A network in evaluation mode with the weights of its best epoch, and the history of its training."""

    network: nn.Module
    history: pd.DataFrame


def train_joint(
    split: Split, settings: Recipe, folder: Path, device: torch.device, log: Callable[[str], None] = print
) -> Trained:
    """Train the JointConvNet of `settings` (notebook 04), or go on with it in `folder`."""
    batches, class_weights = _batches(split, settings, device)
    n_pids = split.train["pid"].nunique()
    network = joint_network(settings, n_pids, split.has_attributes).to(device)
    objective = joint_objective(settings, class_weights, network, n_pids).to(device)
    learns_reid = settings.pid_loss or settings.identity_loss != "none"
    marks = {"data": split.name, "images": len(split.train), "n_pids": n_pids, "attributes": split.has_attributes}
    return _fit(split, network, objective, batches, learns_reid, folder, settings, marks, fit_options(settings), log)


def train_baseline(
    split: Split, settings: Recipe, folder: Path, device: torch.device, log: Callable[[str], None] = print
) -> Trained:
    """Train the MultiHead DenseNet from scratch (notebook 03), or go on with it in `folder`."""
    batches, class_weights = _batches(split, settings, device)
    network = baseline_network(settings).to(device)
    objective = attribute_objective(settings, class_weights).to(device)
    marks = {"data": split.name, "images": len(split.train), "network": "baseline"}
    return _fit(split, network, objective, batches, False, folder, settings, marks, baseline_fit_options(settings), log)


def _batches(split, settings, device) -> tuple[Batches, dict[str, Tensor] | None]:
    environment.seed_everything(settings.seed)
    generator = torch.Generator().manual_seed(settings.seed)
    targets, pids = attributes.target_tensor(split.train), pid_labels(split.train)
    sampler, class_weights = sampler_and_weights(settings.sampler, targets, pids, settings.batch_size, generator)
    batches = Batches(
        split.train_images, sampler, settings.batch_size, device, attributes=targets, pids=pids,
        augmentation=Augmentation() if settings.augment else None, generator=generator,
    )  # fmt: skip
    return batches, class_weights


def _fit(split, network, objective, batches, reid, folder, settings, marks, options, log) -> Trained:
    history = fit(
        network, objective, batches, validator(split.validation_images, split.validation, reid),
        folder=folder, fingerprint=fingerprint(settings, **marks), generators=[batches.generator],
        files=list(split.train["file"]), log=log, **options,
    )  # fmt: skip
    return Trained(network, history)


def main(arguments: list[str] | None = None) -> int:
    """Train the JointConvNet from the command line, into the folder where notebook 04 finds it."""
    parser = argparse.ArgumentParser(
        description="Train the JointConvNet of a recipe; the notebooks then go on with it."
    )
    parser.add_argument("--data", default="synthetic", help="synthetic, or an archive or folder (see data/README.md)")
    parser.add_argument("--recipe", default="smoke")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--from-scratch", action="store_true", help="without ImageNet weights")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    where = environment.Settings(given.data, given.recipe, given.backbone, not given.from_scratch, given.seed)
    settings = recipe(where.recipe, backbone=where.backbone, pretrained=where.pretrained, seed=where.seed)
    device = processes.start() or environment.device()
    if processes.rank():
        processes.wait()  # until the first one has unpacked the archive
    data = load(where.data)
    if not processes.rank():
        processes.wait()
    train_joint(decoded_split(data, settings), settings, where.training_folder("joint"), device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
