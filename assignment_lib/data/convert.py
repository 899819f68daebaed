"""Official Market-1501 -> the course's layout, with an anonymous test.

`python -m assignment_lib.data.convert MARKET1501 FOLDER [--seed N]`, or `make course DATA=MARKET1501`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.annotations import ANNOTATIONS_FILE
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, TASKS, to_annotations
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.data.filenames import DISTRACTOR
from assignment_lib.data.folders import new_folder
from assignment_lib.data.market_attributes import ATTRIBUTES_FILE
from assignment_lib.data.truth import TRUTH_FILE


def to_course(dataset: Dataset, folder: str | Path, seed: int = 0) -> Path:
    """Write an official Market-1501 with attributes in the course's layout; return `folder`.

    `train/` keeps its names; gallery and queries become `test/` and `queries/` under anonymous names (`000123.jpg`) in
    an order shuffled by `seed`. `annotations_train.csv` has the 27 columns, `test_truth.csv` the columns folder, file,
    pid, camera and the 29 of `CLASSIFICATION_COLUMNS`, empty where an image has no annotations. Images are hard links
    where the file system allows it, copies otherwise.
    Raises `ValueError` (attributes or test identities unknown) or `FileExistsError`.
    """
    folder = Path(folder).expanduser().resolve()
    if not dataset.has_attributes:
        raise ValueError(f"{dataset.root}: the course's layout needs annotations; put {ATTRIBUTES_FILE} beside it")
    if not dataset.has_test_identities:
        raise ValueError(f"{dataset.root}: its query and gallery identities are unknown, so there is no truth to keep")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already; move it away or choose another folder")
    random = np.random.default_rng(seed)
    with new_folder(folder) as unfinished:
        _link_all(dataset.train["path"], unfinished / "train", dataset.train["file"])
        truth = [
            _write_anonymous(table, unfinished / name, random)
            for name, table in (("test", dataset.gallery), ("queries", dataset.query))
        ]
        pd.concat(truth).to_csv(unfinished / TRUTH_FILE, index=False)
        people = dataset.train.drop_duplicates("pid").set_index("pid").sort_index()
        annotations = to_annotations(people[list(TASKS)])[ANNOTATION_COLUMNS]
        annotations.to_csv(unfinished / ANNOTATIONS_FILE, index_label="id")
    return folder


def _write_anonymous(table: pd.DataFrame, folder: Path, random: np.random.Generator) -> pd.DataFrame:
    """Link the images of `table` under numbers into `folder`; return the rows of the truth."""
    table = table.iloc[random.permutation(len(table))].reset_index(drop=True)
    files = [f"{number:06d}{Path(name).suffix.lower()}" for number, name in enumerate(table["file"])]
    _link_all(table["path"], folder, files)
    known = (table[list(TASKS)] >= 0).all(axis=1)
    annotations = to_annotations(table.loc[known, list(TASKS)]).astype("Int64").reindex(table.index)
    ids = pd.DataFrame({"folder": folder.name, "file": files, "pid": table["pid"], "camera": table["camera"]})
    return pd.concat([ids, annotations], axis=1)


def _link_all(sources: Iterable[str], folder: Path, names: Iterable[str]) -> None:
    folder.mkdir()
    for source, name in zip(sources, names, strict=True):
        try:
            os.link(os.path.realpath(source), folder / name)  # of the image, where `source` is a symbolic link
        except OSError:  # another disk, or a file system without hard links
            shutil.copy2(source, folder / name)


def main(arguments: list[str] | None = None) -> int:
    """Command line: `MARKET1501 FOLDER [--seed N]`; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m assignment_lib.data.convert", description=__doc__.splitlines()[0])
    parser.add_argument("market1501", help="folder or archive with bounding_box_train/ and market_attribute.mat")
    parser.add_argument("folder", help="the folder to write")
    parser.add_argument("--seed", type=int, default=0, help="of the order in which the test is made anonymous")
    options = parser.parse_args(arguments)
    try:
        converted = load(to_course(load(options.market1501), options.folder, options.seed))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n  ".join([f"{converted.root} ({converted.layout})", *_contents(converted)]))
    return 0


def _contents(dataset: Dataset) -> list[str]:
    """A line per table, then the notes."""
    lines = []
    for name, table in (("train", dataset.train), ("query", dataset.query), ("gallery", dataset.gallery)):
        people = table["pid"][table["pid"] > DISTRACTOR].nunique()
        lines.append(f"{name}: {len(table)} images" + (f" of {people} people" if people else ""))
    return [*lines, *dataset.notes]


if __name__ == "__main__":
    sys.exit(main())
