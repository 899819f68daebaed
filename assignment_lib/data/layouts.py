"""Find the layout of a data folder and read it into tables with one row per image."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from assignment_lib.data.annotations import (
    ANNOTATIONS_FILE,
    ATTRIBUTES_FILE,
    find_market_attributes,
    read_annotations,
    read_market_attributes,
)
from assignment_lib.data.attributes import to_targets

#: Ids that stand for no identity. Junk and distractors occur in a gallery only, anonymous images in the course's test.
ANONYMOUS, JUNK, DISTRACTOR = -2, -1, 0
UNKNOWN_CAMERA = -1
# A person id up to the first underscore; 18 digits fit into int64.
_PID = re.compile(r"(-?[0-9]+)_")
_CAMERA = re.compile(r"_c(?:am)?([0-9]{1,9})(?=s[0-9]|[_. (-]|$)", re.IGNORECASE)
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
#: The folders of a layout, training images first. "persons" has a folder per person.
LAYOUTS = {
    "course": ("train", "test", "queries"),
    "market1501": ("bounding_box_train", "bounding_box_test", "query"),
    "gallery": ("train", "gallery", "query"),
}
_EXPECTED = (
    f"expected train/, test/, queries/ and {ANNOTATIONS_FILE}; bounding_box_train/, bounding_box_test/ and query/; train/, "
    "query/ and gallery/; one folder per person; or images named like 0002_c1s1_000451_03.jpg"
)


class Tables(NamedTuple):
    """The tables of a data set: the last fields of a `Dataset`, in its order."""

    train: pd.DataFrame
    query: pd.DataFrame
    gallery: pd.DataFrame
    notes: tuple[str, ...]
    annotations: pd.DataFrame | None = None


def parse_name(name: str) -> tuple[int, int]:
    """Person id and camera of a file name: `0002_c1s1_000451_03.jpg` -> `(2, 1)`.

    The camera is written `_c1`, `_cam1` or `_c1s1`; it is `UNKNOWN_CAMERA` (-1) where the name has none.
    Raises `ValueError` where the name does not begin with a person id of at most 18 digits and an underscore.
    """
    pid = _PID.match(name)
    if not pid or len(pid[1].lstrip("-")) > 18:
        raise ValueError(
            f"{name} does not begin with a person id of at most 18 digits and an underscore (0002_c1s1.jpg)"
        )
    camera = _CAMERA.search(name)
    return int(pid[1]), int(camera[1]) if camera else UNKNOWN_CAMERA


def find_layout(folder: Path) -> tuple[Path, str]:
    """The folder that holds the data set, `folder` or one inside it, and its layout.

    The layout is a key of `LAYOUTS`, "plain" (images of people, or a `train/` of them) or "persons" (a folder per person).
    Raises `FileNotFoundError` (no data set, or no training images) or `ValueError` (several data sets) naming the folders
    found and what was expected.
    """
    inside = subfolders(folder)
    for places in ([folder], inside):
        complete = [(place, layout) for place in places if (layout := _layout_of(place))]
        if len(complete) > 1:
            names = few(place.name for place, _ in complete)
            raise ValueError(f"{folder} holds several data sets ({names}); pass the folder of one of them")
        if complete:
            return complete[0]
    _refuse_without_train([folder, *inside])
    plain = [folder] if image_files(folder)[0] else [place for place in inside if image_files(place)[0]]
    if len(plain) > 1 and all(place.name.isdigit() for place in inside):
        return folder, "persons"
    if len(plain) == 1:
        return plain[0], "plain"
    if plain:
        names = few(place.name for place in plain)
        raise ValueError(f"{folder} has several folders of images ({names}) with unknown names; {_EXPECTED}")
    found = sorted(entry.name for entry in folder.iterdir() if not is_clutter(entry.name))
    if not found:
        raise FileNotFoundError(f"{folder} is empty; {_EXPECTED}")
    raise FileNotFoundError(f"{folder} holds no data set, only {few(found)}; {_EXPECTED}")


def _layout_of(place: Path) -> str | None:
    """The layout whose training images `place` has, or None."""
    if child(place, "bounding_box_train"):
        return "market1501"
    train = child(place, "train")
    if not train:
        return None
    if child(place, ANNOTATIONS_FILE):
        return "course"
    present = [name for name in ("query", "queries", "gallery", "test") if child(place, name)]
    if "query" in present and ("gallery" in present or "test" in present):
        return "gallery"
    if "test" in present or "queries" in present:
        raise FileNotFoundError(
            f"{place / ANNOTATIONS_FILE} is missing next to {few(['train', *present])}; put it there, or pass {train} to train "
            "re-identification without attributes"
        )
    if present:
        raise FileNotFoundError(
            f"{place} has {few(['train', *present])}, but a test needs query/ and gallery/; add the other"
        )
    return "plain"


def _refuse_without_train(places: Iterable[Path]) -> None:
    for place in places:
        for train, *others in LAYOUTS.values():
            present = [part for part in others if child(place, part)]
            if present:
                raise FileNotFoundError(f"{place} has {', '.join(present)} but no folder {train}/; add it")


def read_layout(root: Path, layout: str, places: Iterable[Path] = ()) -> Tables:
    """Read the tables of `layout` in `root`; `market_attribute.mat` is searched for in `places`.

    Raises `FileNotFoundError` or `ValueError` naming the file and the remedy.
    """
    notes: list[str] = []
    if layout == "course":
        tables = _read_course(root, notes)
    elif layout in ("market1501", "gallery"):
        tables = _read_with_identities(root, LAYOUTS[layout], places, notes)
    else:
        tables = _read_training_only(root, layout, notes)
    _check_cameras(root, tables)
    return tables._replace(notes=tuple(notes))


def _read_course(root: Path, notes: list[str]) -> Tables:
    """`train/` with `annotations_train.csv`; anonymous `queries/` and `test/`."""
    train = _train_table(_part(root, "train"), notes)
    file = _part(root, ANNOTATIONS_FILE)
    annotations = read_annotations(file)
    train = _with_targets(train, to_targets(annotations, str(file)), str(file))
    without_images = sorted(set(annotations.index) - set(train["pid"]))
    if without_images:
        notes.append(f"{file.name}: {_ids_have(without_images)} annotations but no images in train/")
    query, gallery = (_test_table(root, name, notes, anonymous=True) for name in ("queries", "test"))
    return Tables(train, query, gallery, (), annotations)


def _read_with_identities(root: Path, names: Sequence[str], places: Iterable[Path], notes: list[str]) -> Tables:
    """Training images, gallery and queries with identities in their names, as in the official Market-1501."""
    train_name, gallery_name, query_name = names
    if train_name == "train" and child(root, "test") and not child(root, gallery_name):
        gallery_name = "test"
    train = _train_table(_part(root, train_name), notes)
    query, gallery = (_test_table(root, name, notes) for name in (query_name, gallery_name))
    mat = find_market_attributes(places)
    if mat is None:
        notes.append(f"no {ATTRIBUTES_FILE} in or next to {root.name}/: re-identification only, without attributes")
        return Tables(train, query, gallery, ())
    train_annotations, test_annotations = read_market_attributes(mat)
    train = _with_targets(train, to_targets(train_annotations, str(mat)), str(mat))
    test_targets = to_targets(test_annotations, str(mat))
    test_pids = {pid for table in (query, gallery) for pid in table["pid"] if pid > DISTRACTOR}
    unknown = sorted(test_pids - set(test_targets.index))
    if unknown:
        notes.append(f"{mat.name}: {_ids_have(unknown)} test images but no annotations")
    query, gallery = (_with_known_targets(table, test_targets) for table in (query, gallery))
    return Tables(train, query, gallery, (), train_annotations)


def _read_training_only(root: Path, layout: str, notes: list[str]) -> Tables:
    """Images of people without annotations and test set: in `train/`, in `root`, or in one folder per person."""
    notes += [
        "no annotations: re-identification only, without attributes",
        "no test set: gallery and queries are empty",
    ]
    folder = child(root, "train") or root
    persons = [place for place in subfolders(folder) if place.name.isdigit()]
    if layout == "persons" or (persons and not image_files(folder)[0]):
        train = _persons_table(folder, notes)
    else:
        train = _train_table(folder, notes)
    if (train["pid"] == DISTRACTOR).any():
        notes.append("id 0 is treated as a person; in Market-1501 it marks distractors")
    return Tables(train, image_table(root, []), image_table(root, []), ())


def _check_cameras(root: Path, tables: Tables) -> None:
    """Refuse a test whose names have cameras in some images only: the protocol would change without notice."""
    table = pd.concat([tables.query, tables.gallery])
    unknown = table["camera"] == UNKNOWN_CAMERA
    if 0 < unknown.sum() < len(table):
        raise ValueError(
            f"{root}: {unknown.sum():,} of {len(table):,} test images have no camera in their names, for example "
            f"{table['file'][unknown].iloc[0]}; write it as _c<number>, or remove it from all names"
        )


def image_table(folder: Path, names: Sequence[str], anonymous: bool = False) -> pd.DataFrame:
    """The images called `names` in `folder`, in that order.

    Columns: path (str), file (str), pid (int64), camera (int64); pid -2 and camera -1 where the images are `anonymous`.
    Raises `ValueError` for a name without a person id, and for an anonymous name with a comma, a space or a colon.
    """
    if anonymous:
        bad = [name for name in names if re.search(r"[,\s:]", name)]
        if bad:
            raise ValueError(
                f"{folder / bad[0]} has a space, comma or colon in its name, which reid_test.txt cannot hold; rename it"
            )
    try:
        parsed = [(ANONYMOUS, UNKNOWN_CAMERA) if anonymous else parse_name(Path(name).name) for name in names]
    except ValueError as error:
        raise ValueError(f"{folder}: the file name {error}; rename or remove it") from error
    return _table(folder, names, np.array(parsed, np.int64).reshape(-1, 2))


def _table(folder: Path, names: Sequence[str], ids: np.ndarray) -> pd.DataFrame:
    text = pd.Series(["x"]).dtype  # str in pandas 3, object before, also for an empty table
    paths = pd.Series([str(folder / name) for name in names], dtype=text)
    files = pd.Series(list(names), dtype=text)
    return pd.DataFrame({"path": paths, "file": files, "pid": ids[:, 0], "camera": ids[:, 1]})


def _train_table(folder: Path, notes: list[str]) -> pd.DataFrame:
    """The training images in `folder` without junk, which `notes` mention."""
    names = _images_of(folder, notes)
    if not names:
        raise FileNotFoundError(f"{folder} holds no images; put the training images there")
    table = image_table(folder, names)
    junk = table["pid"] <= JUNK
    if junk.all():
        raise ValueError(f"{folder}: all its images are junk (id -1); pass a folder with images of people")
    if junk.any():
        notes.append(f"{junk.sum()} junk images (id -1) in {folder.name}/ are excluded from the training set")
    return table[~junk].reset_index(drop=True)


def _persons_table(folder: Path, notes: list[str]) -> pd.DataFrame:
    """One folder per person, named by the person's id; the camera is read from the file names."""
    names, ids = [], []
    for person in sorted(subfolders(folder), key=lambda place: place.name):
        if not person.name.isdigit() or len(person.name) > 18:
            raise ValueError(f"{person} is not named by a person id; rename or remove it")
        for name in _images_of(person, notes):
            camera = _CAMERA.search(f"_{name}")
            names.append(f"{person.name}/{name}")
            ids.append((int(person.name), int(camera[1]) if camera else UNKNOWN_CAMERA))
    if not names:
        raise FileNotFoundError(f"{folder} holds folders of people but no images; put the training images there")
    return _table(folder, names, np.array(ids, np.int64).reshape(-1, 2))


def _test_table(root: Path, name: str, notes: list[str], anonymous: bool = False) -> pd.DataFrame:
    """The images in the folder `name` of `root`; `notes` mention an empty one."""
    folder = child(root, name)
    names = _images_of(folder, notes) if folder else []
    if not names:
        notes.append(f"no {'images in ' if folder else ''}{name}/: this part of the test is empty")
    return image_table(folder or root, names, anonymous)


def _images_of(folder: Path, notes: list[str]) -> list[str]:
    """The image files of `folder`; `notes` mention all other files. Raises `FileNotFoundError` for links to missing files."""
    names, others, broken = image_files(folder)
    if broken:
        raise FileNotFoundError(
            f"{folder}: {len(broken):,} links point to missing files, for example {broken[0]}; restore or remove them"
        )
    if others:
        suffixes = Counter(Path(name).suffix.lower() or "no suffix" for name in others)
        kinds = few(f"{count} {suffix}" for suffix, count in suffixes.most_common())
        notes.append(
            f"{len(others):,} files in {folder.name}/ are not images and are ignored ({kinds}), such as {others[0]}"
        )
    return names


def image_files(folder: Path) -> tuple[list[str], list[str], list[str]]:
    """The names of the images in `folder` that Pillow can read, of other files, and of broken links; each sorted.

    Clutter of operating systems (hidden files, `Thumbs.db`) is in none of them.
    """
    readable = {suffix for suffix, kind in Image.registered_extensions().items() if kind in Image.OPEN}
    images: list[str] = []
    others: list[str] = []
    broken: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_clutter(entry.name) or entry.is_dir():
                continue
            if entry.is_symlink() and not entry.is_file():
                broken.append(entry.name)
            else:
                (images if Path(entry.name).suffix.lower() in readable else others).append(entry.name)
    return sorted(images), sorted(others), sorted(broken)


def is_clutter(name: str) -> bool:
    """Whether operating systems create files or folders of this name: hidden, `__MACOSX`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _CLUTTER


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted, without clutter."""
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not is_clutter(entry.name))


def child(folder: Path, name: str) -> Path | None:
    """The entry of `folder` called `name` in any case, or None. A `name` without suffix is a folder, another one a file."""
    exact = folder / name
    entries = [exact] if exact.exists() else [entry for entry in folder.iterdir() if entry.name.lower() == name]
    return next((entry for entry in entries if entry.is_dir() == ("." not in name)), None)


def few(names: Iterable[object], limit: int = 8) -> str:
    """The first `limit` of `names`, separated by commas, and the number of the others."""
    words = [str(name) for name in names]
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def _ids_have(pids: Sequence[int]) -> str:
    """`id 7 has` or `ids 7, 9 have`: the beginning of a sentence about identities."""
    return f"id {pids[0]} has" if len(pids) == 1 else f"ids {few(pids)} have"


def _part(root: Path, name: str) -> Path:
    """The part `name` of a layout in `root`, in any case."""
    return child(root, name) or root / name


def _with_targets(table: pd.DataFrame, targets: pd.DataFrame, source: str) -> pd.DataFrame:
    """`table` with the task columns of each image's identity; `ValueError` naming `source` for an identity without any."""
    missing = sorted(set(table["pid"]) - set(targets.index))
    if missing:
        raise ValueError(
            f"{source}: {_ids_have(missing)} training images but no annotations; add the rows or remove the images"
        )
    return _with_known_targets(table, targets)


def _with_known_targets(table: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """`table` with the task columns of each image's identity, -1 in all of them where it has no targets."""
    columns = targets.reindex(table["pid"], fill_value=-1).reset_index(drop=True)
    return pd.concat([table, columns.astype(np.int64)], axis=1)
