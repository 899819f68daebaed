"""Pedestrian images on disk as tables with one row per image; `images.decode` reads the images.

Four layouts are recognised, in a folder or an archive, also one folder deep in it:

- *course*: `train/`, `test/`, `queries/` and `annotations_train.csv`; test and queries are anonymous.
- *market1501*: the official `bounding_box_train/`, `bounding_box_test/`, `query/`, with `market_attribute.mat` in or next
  to the folder, or without it (re-identification only).
- *gallery*: `train/`, `query/` and `gallery/` (or `test/`), named as in Market-1501.
- *plain*: a folder, or a `train/`, of `<person>_c<camera>...` images or of one folder per person (re-identification only).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from assignment_lib.data import archives
from assignment_lib.data.attributes import TASKS
from assignment_lib.data.layouts import ANONYMOUS, UNKNOWN_CAMERA, find_layout, read_layout
from assignment_lib.environment import DATA_FOLDER, find_data
from assignment_lib.files import run_name


@dataclass(frozen=True)
class Dataset:
    """The tables of a data set, rows sorted by file name, with a `RangeIndex`.

    Every table has the columns `path` (str, absolute), `file` (str), `pid` (int64) and `camera` (int64, -1 where unknown).
    Where annotations are known, the twelve tasks of `attributes.TASKS` follow: int64 targets in [0, C), or -1 in all twelve
    for junk, distractors and test identities without annotations. `pid` is -2 where the test is anonymous; in a gallery -1
    is junk and 0 a distractor. `notes` are sentences that a user should read. `annotations` is in annotation form, index `pid`.
    """

    name: str
    root: Path
    layout: str
    train: pd.DataFrame
    query: pd.DataFrame
    gallery: pd.DataFrame
    notes: tuple[str, ...] = ()
    annotations: pd.DataFrame | None = None

    @property
    def has_attributes(self) -> bool:
        """Whether the training images have annotations."""
        return set(TASKS) <= set(self.train.columns)

    @property
    def has_test_identities(self) -> bool:
        """Whether query and gallery exist with known identities, so that re-identification can be scored."""
        return all(len(table) and (table["pid"] != ANONYMOUS).all() for table in (self.query, self.gallery))

    @property
    def has_cameras(self) -> bool:
        """Whether the camera of every training image is known."""
        return bool((self.train["camera"] != UNKNOWN_CAMERA).all())


def load(path: str | Path) -> Dataset:
    """Load the data set in a folder or an archive (zip, tar, tar.gz, ...) of any supported layout.

    A relative `path` is tried in the current folder, then in `data/`. Links count as their targets. Archives are unpacked once,
    to a folder of their name in `data/`.

    Raises `FileNotFoundError`, `ValueError` or `OSError` with one sentence that names the file and the remedy.
    """
    source = find_data(path)
    if source is None:
        tried = f"{Path(path).expanduser().absolute()} or {DATA_FOLDER / path}"
        raise FileNotFoundError(f"there is no data set at {tried}; check the spelling, or put it there")
    folder = source
    if source.is_file():
        if not archives.is_archive(source):
            raise ValueError(f"{source} is neither a folder nor a zip or tar archive; unpack it and pass the folder")
        folder = archives.unpack(source, archives.unpacked_folder(source, DATA_FOLDER), check=find_layout)
    root, layout = find_layout(folder)
    places = (root, root.parent, folder, folder.parent, source.parent)
    return Dataset(run_name(source), root, layout, *read_layout(root, layout, places))


def fingerprint(data: Dataset) -> str:
    """A hash of names, sizes and targets of all images, in order. It does not depend on the folder."""
    digest = hashlib.sha256()
    for table in (data.train, data.query, data.gallery):
        columns = [column for column in ("file", "pid", "camera", *TASKS) if column in table]
        digest.update(table[columns].to_csv(index=False, lineterminator="\n").encode("utf-8", "surrogateescape"))
        digest.update(",".join(str(Path(path).stat().st_size) for path in table["path"]).encode())
    return digest.hexdigest()[:16]
