"""Another labelled data set for the built-in one: drawn people in front of cameras that it does not have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from assignment_lib.data import dataset
from assignment_lib.data.dataset import Dataset
from assignment_lib.synthetic import draw

#: The built-in data has cameras 1 to 6; a drawing with nine has three more, of other light and colours.
_CAMERAS, _OTHERS = 9, 6


def elsewhere(folder: str | Path, identities: int = 240, progress: bool = True) -> Dataset:
    """Drawn people as seen by three cameras of their own, drawn into `folder` where they are missing; no test.

    `identities` people are drawn, none of whom is in the built-in data. These cameras see about 85 of a hundred, three or
    four times each, and all attributes are known.
    """
    draw(
        folder, train_identities=identities, test_identities=1, cameras=_CAMERAS, gallery=3, distractors=0, junk=0,
        queries=1, seed=1, progress=progress,
    )  # fmt: skip
    data = dataset.load(folder)
    seen = data.train[data.train["camera"] > _OTHERS].reset_index(drop=True)
    return replace(data, train=seen, query=data.query[:0], gallery=data.gallery[:0])
