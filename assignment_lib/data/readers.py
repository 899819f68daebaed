"""One reader per layout: a folder -> training, query and gallery tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from assignment_lib.data.annotations import ANNOTATIONS_FILE, read_annotations
from assignment_lib.data.attributes import to_targets
from assignment_lib.data.filenames import DISTRACTOR
from assignment_lib.data.folders import child
from assignment_lib.data.market_attributes import ATTRIBUTES_FILE, find_market_attributes, read_market_attributes
from assignment_lib.data.messages import ids_have
from assignment_lib.data.tables import evaluation_table, image_table, train_table, with_known_targets, with_targets


class Tables(NamedTuple):
    """What a reader returns: the last fields of a `Dataset`, in its order."""

    train: pd.DataFrame
    query: pd.DataFrame
    gallery: pd.DataFrame
    notes: tuple[str, ...]
    annotations: pd.DataFrame | None = None


def read_course(root: Path) -> Tables:
    """`train/` with `annotations_train.csv`; anonymous `queries/` and `test/`."""
    notes: list[str] = []
    train = train_table(_part(root, "train"), notes)
    file = _part(root, ANNOTATIONS_FILE)
    annotations = read_annotations(file)
    train = with_targets(train, to_targets(annotations, str(file)), str(file))
    without_images = sorted(set(annotations.index) - set(train["pid"]))
    if without_images:
        notes.append(f"{file.name}: {ids_have(without_images)} annotations but no images in train/")
    query = evaluation_table(root, "queries", notes, anonymous=True)
    gallery = evaluation_table(root, "test", notes, anonymous=True)
    return Tables(train, query, gallery, tuple(notes), annotations)


def read_market1501(root: Path, places: Iterable[Path]) -> Tables:
    """`bounding_box_train/`, `query/` and `bounding_box_test/`; attributes are looked for in `places`."""
    notes: list[str] = []
    train = train_table(_part(root, "bounding_box_train"), notes)
    query = evaluation_table(root, "query", notes)
    gallery = evaluation_table(root, "bounding_box_test", notes)
    mat = find_market_attributes(places)
    if mat is None:
        notes.append(f"no {ATTRIBUTES_FILE} in or beside the folder {root.name}: re-ID only, without attributes")
        return Tables(train, query, gallery, tuple(notes))
    train_annotations, test_annotations = read_market_attributes(mat)
    train = with_targets(train, to_targets(train_annotations, str(mat)), str(mat))
    test_targets = to_targets(test_annotations, str(mat))
    test_pids = {pid for table in (query, gallery) for pid in table["pid"] if pid > DISTRACTOR}
    unknown = sorted(test_pids - set(test_targets.index))
    if unknown:
        notes.append(f"{mat.name}: {ids_have(unknown)} test images but no annotations")
    query, gallery = (with_known_targets(table, test_targets) for table in (query, gallery))
    return Tables(train, query, gallery, tuple(notes), train_annotations)


def read_plain(root: Path) -> Tables:
    """Images in `train/` or in `root` itself, without annotations and without a test set."""
    notes = ["no annotations: re-ID only, without attributes", "no test set: gallery and queries are empty"]
    train = train_table(child(root, "train") or root, notes)
    if (train["pid"] == DISTRACTOR).any():
        notes.append("id 0 is treated as a person; in Market-1501 it marks distractors, which are not")
    return Tables(train, image_table(root, []), image_table(root, []), tuple(notes))


def _part(root: Path, name: str) -> Path:
    """The part `name` of a layout that was found in `root`, in upper or lower case."""
    return child(root, name) or root / name
