"""Pedestrian images on disk -> tables with one row per image; the images themselves are decoded elsewhere.

Three layouts are recognised, in a folder or in an archive, also where they lie one folder deep in it:

- *course*: `train/`, `test/`, `queries/` and `annotations_train.csv`; test and queries are anonymous.
- *market1501*: the official `bounding_box_train/`, `bounding_box_test/`, `query/`, with `market_attribute.mat` in or
  beside the folder, or without it (re-ID only).
- *plain*: a folder of `pid_cX...` images, or a `train/` of them, without annotations (re-ID only).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from assignment_lib.data import archives
from assignment_lib.data.attributes import TASKS
from assignment_lib.data.filenames import ANONYMOUS, UNKNOWN_CAMERA
from assignment_lib.data.layouts import find_layout
from assignment_lib.data.readers import read_course, read_market1501, read_plain
from assignment_lib.environment import DATA_FOLDER
from assignment_lib.files import stem


@dataclass(frozen=True)
class Dataset:
    """The tables of one data set, rows sorted by file name, with a `RangeIndex`.

    Every table has the columns `path` (str, absolute), `file` (str, its name), `pid` (int64) and `camera` (int64, as
    written in the file name, -1 where unknown). Where annotations are known, the twelve tasks of `attributes.TASKS`
    follow: int64 targets in [0, C), or -1 in all twelve for junk, distractors and test identities without annotations.
    `pid` is -2 where the test is anonymous; in a gallery -1 is junk and 0 a distractor.
    `notes` hold what a user should know about the data, a sentence each.
    `annotations` are those of the training identities as they were read, in annotation form, index `pid`; None without.
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
        """Whether query and gallery are there and their identities known, so that re-ID can be scored on them."""
        return all(len(table) and (table["pid"] != ANONYMOUS).all() for table in (self.query, self.gallery))

    @property
    def has_cameras(self) -> bool:
        """Whether the camera of every training image is known."""
        return bool((self.train["camera"] != UNKNOWN_CAMERA).all())


def load(path: str | Path, unpack_to: str | Path | None = None, max_bytes: int = 20 * archives.GB) -> Dataset:
    """Load the data set in a folder or an archive (zip, tar, tar.gz, ...), whichever layout it has.

    A relative `path` is tried as given, then below `data/`. Archives are unpacked once, to `data/<stem>/` or to the
    folder `unpack_to`, and refused where they unpack to more than `max_bytes`.

    Raises `FileNotFoundError` or `ValueError` (for archives also `FileExistsError`, `OSError`) with one sentence that
    names the file and the remedy. Images are not opened: `images.decode` finds the ones that cannot be decoded.
    """
    given = _locate(path)
    folder = _unpack(given, unpack_to, max_bytes) if given.is_file() else given
    root, layout = find_layout(folder)
    if layout == "course":
        tables = read_course(root)
    elif layout == "market1501":
        tables = read_market1501(root, (root, root.parent, folder, folder.parent, given.parent))
    else:
        tables = read_plain(root)
    return Dataset(stem(given), root, layout, *tables)


def _locate(path: str | Path) -> Path:
    """The absolute path of an existing folder or archive; `FileNotFoundError` that says what to do otherwise."""
    path = Path(path).expanduser()
    for candidate in (path, DATA_FOLDER / path):
        if candidate.exists():
            return candidate.resolve()
    tried = f"{path}" if path.is_absolute() else f"{path.resolve()} and {DATA_FOLDER / path}"
    if path.name == "synthetic":
        remedy = "draw it with assignment_lib.synthetic.draw"
    elif (DATA_FOLDER / stem(path) / archives.MARKER).is_file():
        remedy = f"the archive was unpacked before, so give {DATA_FOLDER / stem(path)} instead"
    else:
        remedy = "check the spelling, or put the folder or archive there"
    raise FileNotFoundError(f"there is no data set at {tried}; {remedy}")


def _unpack(archive: Path, target: str | Path | None, max_bytes: int) -> Path:
    if not archives.is_archive(archive):
        raise ValueError(f"{archive} is neither a folder nor a zip or tar archive; unpack it and give the folder")
    return archives.unpack(
        archive, DATA_FOLDER / stem(archive) if target is None else target, max_bytes, check=find_layout
    )
