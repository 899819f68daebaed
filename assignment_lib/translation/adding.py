"""Images of other people, and the own people in another camera's look, among the training images of a split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.split import ADDED, STYLED, appended
from assignment_lib.training.assembly import Split


def with_added(split: Split, others: pd.DataFrame, images: Tensor) -> Split:
    """`split` with the people of `others` among its training people, as identities of their own.

    `others` has the columns of `Dataset.train`, `images` `(M, 3, H, W)` uint8 are its rows'. Identities follow those of the
    split, validation included; cameras are moved beyond its too, since they are others. Attributes that `others` does not
    have are -1, unknown. Validation people and crowd stay as they are. Raises `ValueError` where images and rows are not as
    many or the images have another size.
    """
    _fitting(split, len(others), images)
    people = np.unique(others["pid"], return_inverse=True)[1]
    rows = others[["path", "file"]].assign(
        pid=1 + max(int(table["pid"].max()) for table in (split.train, split.validation) if len(table)) + people,
        camera=int(split.train["camera"].max()) + 1 + others["camera"].clip(lower=0),
    )
    if split.has_attributes:
        known = set(TASKS) <= set(others.columns)
        rows = rows.assign(**{task: others[task] if known else -1 for task in TASKS})
    return split._replace(
        train=appended(split.train, rows, ADDED), train_images=torch.cat([split.train_images, images])
    )


def other_cameras(table: pd.DataFrame, each: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`each` other cameras of `table` for each of its rows: places `(N * each,)` and cameras `(N * each,)`, int64.

    Drawn at random without repetition; fewer where the table has fewer cameras, none where it has one.
    """
    cameras = np.unique(table["camera"])
    each = min(each, len(cameras) - 1)
    rng = np.random.default_rng(seed)
    own = np.searchsorted(cameras, table["camera"].to_numpy())
    # the steps from a camera's place to another one, a random order of them a row
    steps = rng.permuted(np.tile(np.arange(1, len(cameras)), (len(table), 1)), axis=1)[:, :each]
    wanted = cameras[(own[:, None] + steps) % len(cameras)]
    return np.repeat(np.arange(len(table)), each), wanted.ravel()


def with_styles(split: Split, places: np.ndarray, cameras: np.ndarray, images: Tensor) -> Split:
    """`split` with `images` `(M, 3, H, W)` uint8, its training images at `places` in the look of `cameras`, both `(M,)`.

    They keep person and attributes. Samplers show one of them in place of its original (`batches.mixing`). Raises
    `ValueError` where they are not as many or the images have another size.
    """
    _fitting(split, len(places), images)
    rows = split.train.iloc[places].reset_index(drop=True)
    rows = rows.assign(original=rows["file"], camera=cameras)
    rows["file"] = [
        f"{file} in the look of camera {camera}" for file, camera in zip(rows["file"], cameras, strict=True)
    ]
    return split._replace(
        train=appended(split.train, rows, STYLED), train_images=torch.cat([split.train_images, images])
    )


def _fitting(split: Split, rows: int, images: Tensor) -> None:
    if rows != len(images) or images.shape[1:] != split.train_images.shape[1:]:
        raise ValueError(
            f"{rows} rows and images {tuple(images.shape)} do not fit training images {tuple(split.train_images.shape)}; give "
            "one image a row, decoded at the recipe's image_size"
        )
