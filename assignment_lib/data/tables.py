"""One folder of images -> one table with a row per image, and the targets of each image's identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.filenames import ANONYMOUS, JUNK, UNKNOWN_CAMERA, parse_name
from assignment_lib.data.folders import IMAGE_SUFFIXES, child, image_names
from assignment_lib.data.messages import ids_have


def image_table(folder: Path, names: list[str], anonymous: bool = False) -> pd.DataFrame:
    """The images called `names` in `folder`, in that order.

    Columns: path (str), file (str), pid (int64), camera (int64); pid -2 and camera -1 where the images are `anonymous`.
    Raises `ValueError` for a name without a person id.
    """
    try:
        parsed = [(ANONYMOUS, UNKNOWN_CAMERA) if anonymous else parse_name(name) for name in names]
    except ValueError as error:
        raise ValueError(f"{folder}: {error}; rename or remove it") from error
    ids = np.array(parsed, np.int64).reshape(-1, 2)
    paths = [str(folder / name) for name in names]
    text = pd.Series(["x"]).dtype  # str in pandas 3, object before, also for an empty table
    return pd.DataFrame(
        {
            "path": pd.Series(paths, dtype=text),
            "file": pd.Series(names, dtype=text),
            "pid": ids[:, 0],
            "camera": ids[:, 1],
        }
    )


def train_table(folder: Path, notes: list[str]) -> pd.DataFrame:
    """The training images in `folder`, junk left out and added to `notes`.

    Raises `FileNotFoundError` where there are no images, `ValueError` where all of them are junk.
    """
    names = image_names(folder)
    if not names:
        raise FileNotFoundError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)}); put the training set there")
    table = image_table(folder, names)
    junk = table["pid"] <= JUNK
    if junk.all():
        raise ValueError(f"{folder}: all its images are junk (id -1); give a folder with images of people")
    if junk.any():
        notes.append(f"{junk.sum()} junk images (id -1) in {folder.name}/ are left out of the training set")
    return table[~junk].reset_index(drop=True)


def evaluation_table(root: Path, name: str, notes: list[str], anonymous: bool = False) -> pd.DataFrame:
    """The images in the folder `name` of `root`; where there are none, `notes` says so."""
    folder = child(root, name)
    names = image_names(folder) if folder else []
    if not names:
        notes.append(f"no {'images in ' if folder else ''}{name}/: this part of the test is empty")
    return image_table(folder or root, names, anonymous)


def with_targets(table: pd.DataFrame, targets: pd.DataFrame, source: str) -> pd.DataFrame:
    """`table` with the task columns of each image's identity, from `targets` with index pid.

    Raises `ValueError` that names `source` where an identity has no targets.
    """
    missing = sorted(set(table["pid"]) - set(targets.index))
    if missing:
        raise ValueError(
            f"{source}: {ids_have(missing)} training images but no annotations; add the rows or remove the images"
        )
    return with_known_targets(table, targets)


def with_known_targets(table: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """`table` with the task columns of each image's identity, -1 in all of them where it has no targets."""
    columns = targets.reindex(table["pid"], fill_value=-1).reset_index(drop=True)
    return pd.concat([table, columns.astype(np.int64)], axis=1)
