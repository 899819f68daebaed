"""A whole training, put together from data and recipe in one place.

    split = assembly.decoded_split(data, recipe)
    training = assembly.joint(split, recipe, device)       # network, objective, batches, ready to be looked at
    history = assembly.run(training, folder)               # trains, or goes on

Notebooks 03 and 04, the command line (`experiment.py`) and the ablations all go this way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from torch import Tensor, nn

from assignment_lib import environment
from assignment_lib.batches import balance
from assignment_lib.batches.augmentation import Augmentation
from assignment_lib.batches.loader import Batches
from assignment_lib.batches.mixing import mixed_sampler_and_weights
from assignment_lib.data import attributes, sources
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.images import decode
from assignment_lib.data.split import pid_labels, split_table
from assignment_lib.evaluation.scoring import validator
from assignment_lib.losses.objective import Objective
from assignment_lib.training import crowd, parts, recipes
from assignment_lib.training.loop import fit
from assignment_lib.training.recipes import Recipe


class Split(NamedTuple):
    """The training and the validation people of a data set, the crowd these are searched for in, and their images."""

    name: str  # of the data set
    train: pd.DataFrame
    train_images: Tensor  # (N, 3, H, W) uint8
    validation: pd.DataFrame
    validation_images: Tensor  # (M, 3, H, W) uint8
    crowd_images: Tensor  # (K, 3, H, W) uint8: distractors, none where K is 0
    crowd_note: str  # where they are from, in a sentence
    has_attributes: bool


def decoded_split(data: Dataset, recipe: Recipe, progress: bool = False) -> Split:
    """Split `data` as the recipe says and decode the images of all parts."""
    train, validation = split_table(data.train, recipe.data.validation_share, recipe.seed)

    def decoded(table: pd.DataFrame) -> Tensor:
        return decode(table["path"], recipe.data.image_size, progress=progress).images

    train_images, validation_images = decoded(train), decoded(validation)
    found = crowd.choose(data, train, recipe, decoded, (train_images, validation_images))
    if len(found.train) < len(train):  # some are held out for the crowd
        train_images = decoded(found.train)
    return Split(
        data.name,
        found.train,
        train_images,
        validation,
        validation_images,
        found.images,
        found.note,
        data.has_attributes,
    )


def everyone(data: Dataset, recipe: Recipe, progress: bool = False) -> Split:
    """All labelled people to train on, nobody to validate on: for the network that answers the test in the end."""
    none = torch.empty(0, 3, *recipe.data.image_size, dtype=torch.uint8)
    images = decode(data.train["path"], recipe.data.image_size, progress=progress).images
    return Split(data.name, data.train, images, data.train[:0], none, none, "nobody", data.has_attributes)


class Training(NamedTuple):
    """Everything that `loop.fit` is given."""

    network: nn.Module
    objective: Objective
    batches: Batches
    validate: Callable[[nn.Module], dict] | None  # None where there are no validation people
    fingerprint: dict[str, Any]
    files: list[str]  # names of the training images
    options: dict[str, Any]


def joint(split: Split, recipe: Recipe, device: torch.device) -> Training:
    """The JointConvNet of `recipe` (notebook 04) and what it is trained with.

    Everything random hangs on the recipe's seed: the first weights, what the sampler draws, how images are transformed.
    """
    batches, class_weights = _batches(split, recipe, device)
    n_pids = split.train["pid"].nunique()
    targets = attributes.target_tensor(split.train)
    added = (sources.ADDED,) if recipe.data.added_weights else ()
    counted = sources.of_source(split.train, *sources.OWN, *added)
    priors = None if targets is None else balance.by_task(balance.class_shares(targets[counted]))
    network = parts.joint_network(recipe, n_pids, split.has_attributes, priors=priors).to(device)
    objective = parts.joint_objective(recipe, class_weights, network, n_pids).to(device)
    learns_reid = recipe.objective.pid_loss or recipe.objective.identity_loss != "none"
    marks = recipes.fingerprint(
        recipe, data=split.name, images=len(split.train), n_pids=n_pids, attributes=split.has_attributes
    )
    others = ~sources.of_source(split.train, *sources.OWN)
    if others.any():  # repainted or not, they are as many
        marks["others"] = int(split.train_images[others].sum())
    return _training(split, network, objective, batches, learns_reid, marks, recipes.fit_options(recipe))


def baseline(split: Split, recipe: Recipe, device: torch.device) -> Training:
    """The MultiHead DenseNet from scratch (notebook 03), which recognises attributes only.

    Raises `ValueError` where the data has no annotations.
    """
    batches, class_weights = _batches(split, recipe, device)
    if class_weights is None:
        raise ValueError(
            f"{split.name} has no annotations, and notebook 03's network learns nothing else; take `joint`"
        )
    network = parts.baseline_network(recipe).to(device)
    objective = parts.attribute_objective(recipe, class_weights).to(device)
    marks = recipes.fingerprint(recipe, data=split.name, images=len(split.train), network="baseline")
    return _training(split, network, objective, batches, False, marks, recipes.baseline_fit_options(recipe))


def run(training: Training, folder: Path, log: Callable[[str], None] = print) -> pd.DataFrame:
    """Train, or go on with what `folder` holds; returns the history, errors and end are those of `loop.fit`."""
    generator = training.batches.generator
    return fit(
        training.network, training.objective, training.batches, training.validate, folder=folder,
        fingerprint=training.fingerprint, defaults=recipes.defaults(), files=training.files, log=log,
        generators=[generator] if generator else [], **training.options,
    )  # fmt: skip


def _batches(split: Split, recipe: Recipe, device: torch.device) -> tuple[Batches, dict[str, Tensor] | None]:
    environment.seed_everything(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    targets, pids = attributes.target_tensor(split.train), pid_labels(split.train)
    size = recipe.training.batch_size
    cameras = torch.from_numpy(split.train["camera"].to_numpy().copy())
    of = recipe.data
    sampler, class_weights = mixed_sampler_and_weights(
        of.sampler,
        split.train,
        targets,
        pids,
        size,
        generator,
        cameras,
        of.added_share,
        of.styled_share,
        of.added_weights,
    )
    styled = sources.of_source(split.train, sources.STYLED)
    batches = Batches(
        split.train_images, sampler, size, device, attributes=targets, pids=pids,
        styled=styled if styled.any() else None,
        augmentation=Augmentation() if of.augment else None, generator=generator,
    )  # fmt: skip
    return batches, class_weights


def _training(split, network, objective, batches, reid, marks, options) -> Training:  # type: ignore[no-untyped-def]
    validate = None
    if len(split.validation):
        validate = validator(split.validation_images, split.validation, split.crowd_images, reid)
    return Training(network, objective, batches, validate, marks, list(split.train["file"]), options)
