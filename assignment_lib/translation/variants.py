"""What a training may be given beside its own images: the variants that `comparison` compares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.dataset import Dataset
from assignment_lib.data.images import decode
from assignment_lib.training.assembly import Split
from assignment_lib.translation import adding, colours, translator
from assignment_lib.translation.generator import Translator

NOTHING = "nothing"
ADDED = ("added as they are", "added, colours matched", "added, repainted")
STYLED = ("other cameras, colours matched", "other cameras, repainted")
LONGER = "nothing, trained longer"
CLUSTERS = "clusters of the test"
VARIANTS = (NOTHING, *ADDED, *STYLED)
#: Adaptation to the test goes on where `NOTHING` ends, so it is compared with a training that is as much longer.
LONG_VARIANTS = (LONGER, CLUSTERS)
#: Other cameras that an image gets copies of.
COPIES = 2


class Material(NamedTuple):
    """A split, the other data set, and a translator into the look of the split's training cameras."""

    split: Split
    others: pd.DataFrame  # rows of the other data set's training images
    images: Tensor  # (M, 3, H, W) uint8: these images
    network: Translator
    cameras: np.ndarray  # of the split's training people, sorted

    @property
    def numbers(self) -> Tensor:
        """The training images' cameras from 0 on, int64 `(N,)`."""
        return translator.numbered(self.split.train["camera"].to_numpy(), self.cameras)[0]


def material(
    split: Split,
    others: Dataset,
    folder: Path,
    device: torch.device,
    settings: translator.Settings,
    log: Callable[[str], None] = print,
) -> Material:
    """Decode the other data set at the split's size and train the translator in `folder`, or go on with it.

    The translator sees training people only, so that validation people are as strange to it as those of the test.
    """
    height, width = split.train_images.shape[2:]
    images = decode(others.train["path"], (height, width), progress=True).images
    cameras = split.train["camera"].to_numpy()
    network, _ = translator.train(
        images, split.train_images, cameras, folder, device, settings, f"{others.name} to {split.name}", log
    )
    return Material(split, others.train, images, network, np.unique(cameras))


def group(variant: str) -> str:
    """What a variant is about: "base" for the training without anything, else what it trains on."""
    if variant == NOTHING:
        return "base"
    return "another data set" if variant in ADDED else "other cameras" if variant in STYLED else "longer"


def drawn_cameras(of: Material, seed: int = 0) -> Tensor:
    """A camera of the target for each image of the other data set, `(M,)` numbers from 0 on, as often as the target has it."""
    generator = torch.Generator().manual_seed(seed)
    return of.numbers[torch.randint(len(of.numbers), (len(of.images),), generator=generator)]


def prepared(variant: str, of: Material) -> Split:
    """The split that `variant`, one of `VARIANTS` or `LONG_VARIANTS`, trains on. Raises `ValueError` for another."""
    if variant in (NOTHING, *LONG_VARIANTS):
        return of.split
    if variant in ADDED:
        return adding.with_added(of.split, of.others, added_images(variant, of))
    if variant in STYLED:
        places, cameras = adding.other_cameras(of.split.train, COPIES)
        return adding.with_styles(of.split, places, cameras, styled_images(variant, of, places, cameras))
    raise ValueError(f"the variants are {', '.join((*VARIANTS, *LONG_VARIANTS))}, not {variant!r}")


def added_images(variant: str, of: Material) -> Tensor:
    """The other data set's images as one of `ADDED` has them, `(M, 3, H, W)` uint8."""
    wanted = drawn_cameras(of)
    if variant == ADDED[0]:
        return of.images
    if variant == ADDED[1]:
        return colours.match_colours(of.images, of.split.train_images, wanted, of.numbers)
    return translator.repaint(of.network, of.images, wanted)


def styled_images(variant: str, of: Material, places: np.ndarray, cameras: np.ndarray) -> Tensor:
    """The training images at `places` `(M,)` in the look of `cameras` `(M,)` as one of `STYLED` has them, uint8."""
    at = torch.from_numpy(places)
    chosen, wanted = of.split.train_images[at], torch.from_numpy(np.searchsorted(of.cameras, cameras))
    if variant == STYLED[1]:
        return translator.repaint(of.network, chosen, wanted)
    images, numbers = torch.empty_like(chosen), of.numbers[at]
    for camera in numbers.unique():  # each camera's images are changed by what they have in common
        own = numbers == camera
        images[own] = colours.match_colours(chosen[own], of.split.train_images, wanted[own], of.numbers)
    return images
