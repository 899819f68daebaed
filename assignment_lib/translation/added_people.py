"""People of another labelled data set as additional training people: as they are, colour-matched or repainted."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data import dataset
from assignment_lib.data.attributes import TASKS
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.images import decode
from assignment_lib.data.split import appended
from assignment_lib.training import checkpoints
from assignment_lib.training.assembly import Split
from assignment_lib.translation import translator
from assignment_lib.translation.translator import Translator, TranslatorSettings

NOTHING = "no added images"
ADDED = ("added as they are", "added, colours matched", "added, repainted")
#: What a training may get in addition to its own people.
VARIANTS = (NOTHING, *ADDED)


class Material(NamedTuple):
    """A split, another data set, and a translator to the cameras of the split's training people."""

    split: Split
    others: pd.DataFrame  # rows of the other data set's training images
    images: Tensor  # (M, 3, H, W) uint8: one per row
    network: Translator
    history: pd.DataFrame  # of the translator's training
    fingerprints: dict[str, str]  # variant -> all data and settings that its images depend on

    def added_images(self, variant: str) -> Tensor:
        """Return the other data set's images as one of `ADDED` uses them, `(M, 3, H, W)` uint8.

        The target cameras are drawn at random, each as frequent as in the target.
        """
        if variant == ADDED[0]:
            return self.images
        cameras = translator.camera_numbers(self.split.train["camera"].to_numpy())
        drawn = torch.randint(len(cameras), (len(self.images),), generator=torch.Generator().manual_seed(0))
        if variant == ADDED[1]:
            return match_colours(self.images, self.split.train_images, cameras[drawn], cameras)
        return translator.repaint(self.network, self.images, cameras[drawn])

    def prepared(self, variant: str) -> Split:
        """Return the split that `variant`, one of `VARIANTS`, trains on."""
        if variant == NOTHING:
            return self.split
        split = with_added(self.split, self.others, self.added_images(variant))
        return split._replace(data_fingerprint=self.fingerprints[variant])


def prepare_material(
    split: Split, others: Dataset, folder: Path, device: torch.device, settings: TranslatorSettings
) -> Material:
    """Decode the other data set at the split's image size, and train the translator in `folder` if necessary.

    The translator is trained with the training people only, so validation people are as new to it as those of the test. One
    that was trained with other settings or data is replaced.
    """
    height, width = split.train_images.shape[2:]
    images, cameras = decode(others.train["path"], (height, width)), split.train["camera"].to_numpy()
    data = f"{split.data_fingerprint} {dataset.fingerprint(others)}"
    network, history = checkpoints.replacing_others(
        lambda: translator.train(images, split.train_images, cameras, folder, device, settings, data),
        folder,
        lambda error: print(f"{error} Training the translator again."),
    )
    fingerprints = {NOTHING: split.data_fingerprint, ADDED[0]: data, ADDED[1]: data}
    fingerprints[ADDED[2]] = f"{data} {json.dumps(asdict(settings))}"
    return Material(split, others.train, images, network, history, fingerprints)


def drawn_people(folder: str | Path, identities: int = 240, progress: bool = True) -> Dataset:
    """Return drawn people as another data set, drawn into `folder` if missing; without a test.

    These are the people whom cameras 7 to 9 saw, about 85 % of `identities`, with three or four images each. The built-in
    data has cameras 1 to 6 and other people.
    """
    from synthetic_pedestrians import draw  # only this second data set needs the generator

    draw(
        folder, train_identities=identities, test_identities=1, cameras=9, gallery=3, distractors=0, junk=0, queries=1,
        seed=1, progress=progress,
    )  # fmt: skip
    data = dataset.load(folder)
    train = data.train[data.train["camera"] > 6].reset_index(drop=True)
    return replace(data, train=train, query=data.query[:0], gallery=data.gallery[:0])


def with_added(split: Split, others: pd.DataFrame, images: Tensor) -> Split:
    """Append the people of `others` to the training people of `split`, as new identities from new cameras.

    `others` has the columns of `Dataset.train`, `images` `(M, 3, H, W)` uint8 one image per row, of the split's size.
    Attributes that `others` lacks become -1, unknown. Validation people and distractors stay.
    """
    people = np.unique(others["pid"], return_inverse=True)[1]
    cameras = int(split.train["camera"].max()) + 1 + others["camera"].clip(lower=0)
    rows = others[["path", "file"]].assign(pid=split.next_pid + people, camera=cameras)
    if split.has_attributes:
        known = set(TASKS) <= set(others.columns)
        rows = rows.assign(**{task: others[task] if known else -1 for task in TASKS})
    return split._replace(train=appended(split.train, rows), train_images=torch.cat([split.train_images, images]))


def colour_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per channel over all pixels of `(N, 3, H, W)` uint8 images: `(3,)` float32 in [0, 1]."""
    pixels = images.float().div(255).transpose(0, 1).flatten(1)
    return pixels.mean(1), pixels.std(1, correction=0)


def match_colours(images: Tensor, target: Tensor, wanted: Tensor, cameras: Tensor) -> Tensor:
    """Give images the mean and standard deviation per channel of a camera (Reinhard et al. 2001, equations 10, 11; in RGB).

    `images` `(N, 3, H, W)` uint8 are changed by their common statistics, so differences between them stay. `wanted` `(N,)` is
    the camera of each; the statistics of a camera are those of its images in `target` `(M, 3, H, W)` uint8, taken by `cameras`
    `(M,)`. Returns uint8, clipped at black and white.
    """
    mean, deviation = colour_statistics(images)
    result = torch.empty_like(images)
    for camera in wanted.unique().tolist():
        new_mean, new_deviation = colour_statistics(target[cameras == camera])
        factor = (new_deviation / deviation.clamp(min=1e-6))[:, None, None]
        pixels = images[wanted == camera].float().div(255)
        pixels = (pixels - mean[:, None, None]) * factor + new_mean[:, None, None]
        result[wanted == camera] = pixels.clamp(0, 1).mul(255).round().to(torch.uint8)
    return result


def frechet_distance(features: Tensor, others: Tensor) -> float:
    """`|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))` of features `(N, D)` and `(M, D)` (Heusel et al. 2017, equation 6).

    FID uses Inception's features; here they are the project's own. Covariances divide by N - 1. With `S1 = A' A` and
    `S2 = B' B`, A and B the centred features over the root of N - 1, the trace of the root is the sum of the singular values of
    `A B'`: exact also for fewer images than features. The distance of a finite sample is too large by about a constant over
    N (Chong & Forsyth 2020), so compare sets of equal size, of at least two images.
    """
    means = (features.double().mean(0) - others.double().mean(0)).square().sum()
    a, b = ((rows.double() - rows.double().mean(0)) / (len(rows) - 1) ** 0.5 for rows in (features, others))
    return float(means + a.square().sum() + b.square().sum() - 2 * torch.linalg.svdvals(a @ b.T).sum())
