"""A whole training, assembled from data and recipe in one place.

    split = assembly.decoded_split(data, recipe)
    training = assembly.joint(split, recipe, device)       # network, objective and batches, ready to inspect
    history = assembly.run(training, folder)               # trains, or resumes

Notebooks 03 and 04, the commands and the ablations all train in this way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import safetensors.torch
import torch
from torch import Tensor, nn

from assignment_lib import environment
from assignment_lib.batches import augmentation, sampling
from assignment_lib.batches.loader import Batches
from assignment_lib.data import attributes
from assignment_lib.data.dataset import Dataset, fingerprint
from assignment_lib.data.images import decode, near_duplicates
from assignment_lib.data.split import hold_out, pid_labels, split_table
from assignment_lib.environment import relative
from assignment_lib.evaluation.validation import validator
from assignment_lib.files import atomic_write
from assignment_lib.losses.objective import Objective
from assignment_lib.models.densenet_se import MultiHeadDenseNet
from assignment_lib.models.joint import JointConvNet
from assignment_lib.training import checkpoints, recipes
from assignment_lib.training.loop import fit
from assignment_lib.training.recipes import Recipe, TrainingSettings

DISTRACTORS = ("test", "train", "none")
#: Share of the training identities that are held out as distractors where the test images cannot serve.
_HELD_OUT = 0.1
#: Largest share of test images that may look like a training image; above it, the test may show the same people.
_SAME_PEOPLE = 0.01
#: Distractors of the validation search after each epoch: with all, it would take a third of the training time.
_WHILE_TRAINING = 2000
#: The baseline starts from random weights and learns at a multiple of the recipe's learning rate.
_BASELINE_RATE = 2.0


class Split(NamedTuple):
    """The training and validation people of a data set, the distractors of the validation search, and their images.

    A bool column `added` of `train` marks people of another data set (translation/added_people.py).
    """

    name: str  # of the data set
    train: pd.DataFrame
    train_images: Tensor  # (N, 3, H, W) uint8
    validation: pd.DataFrame
    validation_images: Tensor  # (M, 3, H, W) uint8
    distractor_images: Tensor  # (K, 3, H, W) uint8, K may be 0
    distractor_note: str  # where the distractors are from, in a sentence
    has_attributes: bool
    data_fingerprint: str

    @property
    def next_pid(self) -> int:
        """The first id that no person of the split has, for people who are added to it."""
        return 1 + max(int(table["pid"].max()) for table in (self.train, self.validation) if len(table))


def decoded_split(data: Dataset, recipe: Recipe, gallery_images: Tensor | None = None, progress: bool = False) -> Split:
    """Split `data` as the recipe says, choose the distractors, and decode the images.

    Distractors are images of other people that the validation gallery also holds, so that the search is as hard as the
    test. `recipe.data.distractors` is one of

    - "test": all images of the test gallery, whose people differ from those of `train/` in the course's layout and in
      Market-1501. Their identities are not used. Where the data has no gallery, or more than 1 % of it look like
      training images, "train" is used instead.
    - "train": a tenth of the training identities, drawn at random and held out.
    - "none": validation people are searched among themselves.

    `gallery_images` `(G, 3, H, W)` uint8 are the decoded images of `data.gallery`, for a caller that has them already:
    `distractor_images` is then that tensor, not a copy. Raises `ValueError` for another kind, for gallery images that do
    not fit, and where no validation score is possible.
    """
    kind, size = recipe.data.distractors, recipe.data.image_size
    if kind not in DISTRACTORS:
        raise ValueError(f"distractors={kind!r} is unknown. Choose one of {', '.join(DISTRACTORS)}.")
    if gallery_images is not None and gallery_images.shape != (len(data.gallery), 3, *size):
        raise ValueError(
            f"gallery_images is {tuple(gallery_images.shape)}, but the gallery has {len(data.gallery)} images of {size}. "
            "Decode data.gallery at the image_size of the recipe."
        )
    train, validation = _identity_split(data, recipe)
    train_images, validation_images = (decode(table["path"], size, progress=progress) for table in (train, validation))
    images, note = torch.empty(0, 3, *size, dtype=torch.uint8), "no distractors: validation people alone"
    if kind == "test":
        images, note = gallery_images if gallery_images is not None else images, "there is no test gallery; instead "
        if gallery_images is None and len(data.gallery):
            images = decode(data.gallery["path"], size, progress=progress)
        if len(images):
            similar = near_duplicates(images, train_images) | near_duplicates(images, validation_images)
            share = float(similar.float().mean())
            note = f"the {len(images):,} images of the test gallery, which show other people"
            if share > _SAME_PEOPLE:
                kind, note = "train", f"{share:.0%} of the test images look like training images; instead "
        else:
            kind = "train"
    elif kind == "train":
        note = ""
    if kind == "train":
        kept, held_out = hold_out(train.assign(row=range(len(train))), _HELD_OUT, recipe.seed)
        images = train_images[torch.tensor(held_out["row"].to_numpy())]
        train_images, train = train_images[torch.tensor(kept["row"].to_numpy())], kept.drop(columns="row")
        note += f"{len(held_out):,} images of {held_out['pid'].nunique()} training people, held out"
    return Split(
        data.name, train, train_images, validation, validation_images, images, note, data.has_attributes, fingerprint(data)
    )  # fmt: skip


class Training(NamedTuple):
    """The arguments of `loop.fit`."""

    network: nn.Module
    objective: Objective
    batches: Batches
    validate: Callable[[nn.Module], dict] | None  # None: epochs are not compared
    settings: TrainingSettings
    fingerprint: dict[str, Any]
    image_files: list[str]  # names of the training images


def joint(split: Split, recipe: Recipe, device: torch.device) -> Training:
    """The JointConvNet of `recipe` (notebook 04) and all that its training needs.

    The recipe's seed controls all randomness: first weights, sampler and augmentation. Raises `ValueError` where the
    people or settings do not suffice for the recipe's sampler.
    """
    added = _added(split)
    batches, class_weights, priors = _batches(split, recipe, device, added)
    n_pids = split.train["pid"].nunique()
    network = joint_network(recipe, n_pids, split.has_attributes, priors=priors).to(device)
    objective = Objective(recipe.objective, class_weights, n_pids, network.embedding_size).to(device)
    marks: dict[str, Any] = {"n_pids": n_pids, "attributes": split.has_attributes}
    if added.any():
        marks["added"] = int(split.train_images[added].sum())
    learns_reid = recipe.objective.pid_loss or recipe.objective.identity_loss != "none"
    return _training(split, recipe, network, objective, batches, learns_reid, **marks)


def baseline(split: Split, recipe: Recipe, device: torch.device) -> Training:
    """The multi-head DenseNet from scratch (notebook 03), which predicts attributes only.

    Raises `ValueError` for data without annotations.
    """
    batches, class_weights, _ = _batches(split, recipe, device, _added(split))
    if class_weights is None:
        raise ValueError(
            f"{split.name} has no annotations, and the network of notebook 03 needs them. Use notebook 04."
        )
    network = baseline_network(recipe).to(device)
    objective = Objective(recipe.objective, class_weights).to(device)
    training = _training(split, recipe, network, objective, batches, False, network="baseline")
    rate = _BASELINE_RATE * recipe.training.learning_rate
    settings = replace(recipe.training, epochs=recipe.baseline.baseline_epochs, learning_rate=rate)
    return training._replace(settings=settings)


def run(training: Training, folder: Path, log: Callable[[str], None] = print) -> pd.DataFrame:
    """Train, or resume from the state in `folder`; returns the history. Raises the errors of `loop.fit`.

    The scores in the history are those of a search among at most 2,000 distractors; `evaluation.validation.evaluate` with
    `split.distractor_images` gives those of the full search.
    """
    return fit(
        training.network, training.objective, training.batches, training.validate, training.settings, folder,
        fingerprint=training.fingerprint, image_files=training.image_files, log=log,
    )  # fmt: skip


def joint_network(
    recipe: Recipe,
    n_pids: int,
    attributes: bool = True,
    pretrained: bool | None = None,
    priors: Mapping[str, Tensor] | None = None,
) -> JointConvNet:
    """The JointConvNet of a recipe for `n_pids` training identities.

    `attributes=False` builds no attribute heads, for data without annotations; `pretrained=False` skips the ImageNet
    weights where trained ones are loaded next. `priors`, task -> `(C,)`, are the shares of the training images that have
    each class, for a recipe with `logit_adjustment`; a trained network has its own.
    """
    settings = recipe.model if pretrained is None else replace(recipe.model, pretrained=pretrained)
    identities = n_pids if recipe.objective.pid_loss else 0
    heads = attributes and recipe.objective.attribute_losses
    return JointConvNet(settings, identities, heads, priors, recipe.data.image_size)


def baseline_network(recipe: Recipe) -> MultiHeadDenseNet:
    """The network of notebook 03, from scratch."""
    return MultiHeadDenseNet(squeeze_excitation=recipe.baseline.squeeze_excitation)


def trained_network(folder: Path) -> tuple[JointConvNet, Recipe]:
    """The best JointConvNet that `run` left in `folder`, in evaluation mode on the CPU, and its recipe.

    Raises `FileNotFoundError` where there is none, `ValueError` where it was saved by other code.
    """
    checkpoint = checkpoints.load(folder / "best.pt")
    marks = checkpoint["fingerprint"]
    try:
        recipe = recipes.from_fingerprint(marks)
        network = joint_network(recipe, marks["n_pids"], marks["attributes"], pretrained=False)
        network.load_state_dict(checkpoint["model"])
    except (RuntimeError, KeyError, TypeError) as error:
        raise ValueError(
            f"The network in {folder / 'best.pt'} was saved by other code and does not fit. Remove {folder} and train again."
        ) from error
    return network.eval(), recipe


def publish(folder: Path, path: Path, thresholds: Mapping[str, float]) -> None:
    """Write the best network in `folder` to `path` (safetensors) for `published`, in half precision.

    The PID classifier, which knows the training identities only, is left out; statistics of batch norms stay float32.
    `thresholds` are those of `retrieval.pipeline.Retrieval`. Raises the errors of `trained_network`.
    """
    network, recipe = trained_network(folder)
    network.pid_classifier = None
    parameters = {name for name, _ in network.named_parameters()}
    weights = {
        name: (value.half() if name in parameters else value).contiguous()
        for name, value in network.state_dict().items()
    }
    attributes = checkpoints.load(folder / "best.pt")["fingerprint"]["attributes"]
    marks = recipes.fingerprint(recipe, attributes=attributes)
    with atomic_write(path) as file:
        file.write(
            safetensors.torch.save(weights, {"recipe": json.dumps(marks), "thresholds": json.dumps(dict(thresholds))})
        )


class Published(NamedTuple):
    """A network of the folder `weights/`."""

    network: JointConvNet  # in evaluation mode on the CPU, without a PID classifier
    recipe: Recipe  # that it was trained with, seed included; for `adapted` that of the last round
    thresholds: dict[str, float]  # "similarity" and "reranked"


def published(name: str = "strong") -> Published:
    """The network in `weights/<name>.safetensors`, with its recipe and thresholds.

    Raises `FileNotFoundError` where there is none, `ValueError` where the file is damaged or of another version.
    """
    path = environment.WEIGHTS_FOLDER / f"{name}.safetensors"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. Set RECIPE to the name of a file in {path.parent}, or train.")
    try:
        with safetensors.safe_open(path, "pt") as file:
            marks, thresholds = (json.loads(file.metadata()[key]) for key in ("recipe", "thresholds"))
            weights = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118 (not a mapping)
        recipe = recipes.from_fingerprint(marks)
        network = joint_network(recipe, 0, marks["attributes"], pretrained=False)
        network.load_state_dict(weights)
    except (safetensors.SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged or of another version of this package. Fetch it again.") from error
    return Published(network.eval(), recipe, thresholds)


def published_network(name: str = "strong") -> JointConvNet:
    """The network of `published`."""
    return published(name).network


def is_trained(folder: Path) -> bool:
    """Whether `folder` holds a network whose training was not interrupted."""
    interrupted = (folder / "last.pt").exists() and not (folder / "finished.txt").exists()
    return (folder / "best.pt").exists() and not interrupted


def train_if_missing(
    data: Dataset,
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    log: Callable[[str], None] = print,
) -> tuple[JointConvNet, Recipe]:
    """The network in `folder` and its recipe, as `trained_network`; trains or resumes it first where necessary.

    The training is that of notebook 04. A network that is there keeps the recipe it was trained with, apart from settings
    that it does not depend on, which are those of `recipe`. Raises the errors of `run` and `trained_network`, and
    `checkpoints.OtherRun` where the data changed since the network was trained.
    """
    if is_trained(folder):
        marks = checkpoints.load(folder / "best.pt")["fingerprint"]
        checkpoints.require_same(marks, marks | {"data_fingerprint": fingerprint(data)}, folder)
    else:
        state = "was interrupted" if (folder / "last.pt").exists() else "is not trained yet"
        log(f"The network in {relative(folder)} {state}: training it, as notebook 04 does.")
        run(joint(decoded_split(data, recipe, progress=True), recipe, device), folder, log)
    network, trained = trained_network(folder)
    return network, replace(trained, retrieval=recipe.retrieval, ablation=recipe.ablation)


def _identity_split(data: Dataset, recipe: Recipe) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and validation tables. Raises `ValueError` where no epoch could be scored, before anything is decoded."""
    table = data.train
    if not data.has_attributes and not table["pid"].duplicated().any():
        raise ValueError(
            f"{data.name} has one image of each of its {len(table)} people and no annotations, so nothing can be validated. "
            "Add images of the same people, at least two per person, or an annotations_train.csv."
        )
    train, validation = split_table(table, recipe.data.validation_share, recipe.seed)
    if not data.has_attributes and not validation["pid"].duplicated().any():
        raise ValueError(
            f"No validation person of {data.name} has two images, so nothing can be validated. Use a larger "
            "validation_share or another seed, or add images."
        )
    return train, validation


def _added(split: Split) -> Tensor:
    """Which training images show added people of another data set: bool `(N,)`."""
    if "added" not in split.train:
        return torch.zeros(len(split.train), dtype=torch.bool)
    return torch.from_numpy(split.train["added"].to_numpy(bool).copy())


def _batches(
    split: Split, recipe: Recipe, device: torch.device, added: Tensor
) -> tuple[Batches, dict[str, Tensor] | None, dict[str, Tensor] | None]:
    """The batches, and the weights and shares of the classes among the labelled people, task -> `(C,)`, where known."""
    environment.seed_everything(recipe.seed)
    generator = torch.Generator().manual_seed(recipe.seed)
    targets, pids = attributes.target_tensor(split.train), pid_labels(split.train)
    size = recipe.training.batch_size
    sampler, class_weights = sampling.sampler_and_weights(
        recipe.data.sampler, targets, pids, size, generator, added if added.any() else None
    )
    priors = None if targets is None else sampling.by_task(sampling.class_shares(targets[~added]))
    batches = Batches(
        split.train_images, sampler, size, device, attributes=targets, pids=pids,
        augmentation=augmentation.by_name(recipe.data.augmentation), generator=generator,
    )  # fmt: skip
    return batches, class_weights, priors


def _training(
    split: Split,
    recipe: Recipe,
    model: nn.Module,
    objective: Objective,
    batches: Batches,
    learns_reid: bool,
    **marks: Any,
) -> Training:
    distractors = split.distractor_images
    if len(distractors) > _WHILE_TRAINING:
        order = torch.randperm(len(distractors), generator=torch.Generator().manual_seed(0))
        distractors = distractors[order[:_WHILE_TRAINING].sort().values]
    validate = validator(split.validation_images, split.validation, distractors, learns_reid)
    marks = {"data": split.name, "data_fingerprint": split.data_fingerprint, "images": len(split.train)} | marks
    mark = recipes.fingerprint(recipe, **marks)
    return Training(model, objective, batches, validate, recipe.training, mark, list(split.train["file"]))
