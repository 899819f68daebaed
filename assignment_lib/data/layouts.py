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
# A person id; 18 digits fit into int64. In file names it ends at the first underscore.
_PID = re.compile(r"-?[0-9]{1,18}")
_CAMERA = re.compile(r"_c(?:am)?([0-9]{1,9})(?=s[0-9]|[_. (-]|$)", re.IGNORECASE)
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
#: The folders of a layout with a test set: training images, gallery, queries.
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
    pid, underscore, _ = name.partition("_")
    if not underscore or not _PID.fullmatch(pid):
        raise ValueError(
            f"{name} does not begin with a person id of at most 18 digits and an underscore (0002_c1s1.jpg)"
        )
    return int(pid), _camera(name)


def _camera(name: str) -> int:
    camera = _CAMERA.search(name)
    return int(camera[1]) if camera else UNKNOWN_CAMERA


def find_layout(folder: str | Path) -> tuple[Path, str]:
    """The folder that holds the data set, `folder` or one inside it, and its layout.

    The layout is a key of `LAYOUTS`, or "plain": images of people or one folder per person, possibly in a `train/`.
    Raises `FileNotFoundError` (no data set, or no training images) or `ValueError` (several data sets) naming the folders
    found and what was expected.
    """
    folder = Path(folder)
    inside = subfolders(folder)
    for places in ([folder], inside):
        complete = [(place, layout) for place in places if (layout := _layout_of(place))]
        if len(complete) > 1:
            names = few(place.name for place, _ in complete)
            raise ValueError(f"{folder} holds several data sets ({names}); pass the folder of one of them")
        if complete:
            return complete[0]
    for place in (folder, *inside):
        for train, *others in LAYOUTS.values():
            if present := [part for part in others if child(place, part)]:
                raise FileNotFoundError(f"{place} has {', '.join(present)} but no folder {train}/; add it")
    with_images = [place for place in inside if image_files(place)[0]]
    if image_files(folder)[0] or (len(with_images) > 1 and all(_PID.fullmatch(place.name) for place in inside)):
        return folder, "plain"
    if len(with_images) == 1:
        return with_images[0], "plain"
    if with_images:
        names = few(place.name for place in with_images)
        raise ValueError(f"{folder} has several folders of images ({names}) with unknown names; {_EXPECTED}")
    entries = sorted(entry.name for entry in folder.iterdir() if not is_clutter(entry.name))
    content = f"holds no data set, only {few(entries)}" if entries else "is empty"
    raise FileNotFoundError(f"{folder} {content}; {_EXPECTED}")


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


def read_layout(root: Path, layout: str, places: Iterable[Path] = ()) -> Tables:
    """Read the tables of `layout` in `root`; `market_attribute.mat` is searched for in `places`.

    Raises `FileNotFoundError` or `ValueError` naming the file and the remedy.
    """
    notes: list[str] = []
    if layout == "course":
        tables = _read_course(root, notes)
    elif layout == "plain":
        tables = _read_training_only(root, notes)
    else:
        tables = _read_with_identities(root, LAYOUTS[layout], places, notes)
    _check_cameras(root, tables, notes)
    return tables._replace(notes=tuple(notes))


def _read_course(root: Path, notes: list[str]) -> Tables:
    """`train/` with `annotations_train.csv`; anonymous `queries/` and `test/`."""
    train = _train_table(child(root, "train") or root, notes)
    file = child(root, ANNOTATIONS_FILE) or root / ANNOTATIONS_FILE
    annotations = read_annotations(file)
    train = _with_targets(train, to_targets(annotations), str(file))
    without_images = sorted(set(annotations.index) - set(train["pid"]))
    if without_images:
        notes.append(f"{file.name}: {_ids_have(without_images)} annotations but no images in train/")
    query, gallery = (_test_table(root, name, notes, anonymous=True) for name in ("queries", "test"))
    _note_unused_folders(root, LAYOUTS["course"], notes)
    return Tables(train, query, gallery, (), annotations)


def _read_with_identities(root: Path, names: Sequence[str], places: Iterable[Path], notes: list[str]) -> Tables:
    """Training images, gallery and queries with identities in their names, as in the official Market-1501."""
    train_name, gallery_name, query_name = names
    if train_name == "train" and not child(root, gallery_name):
        gallery_name = "test"
    train = _train_table(child(root, train_name) or root, notes)
    query, gallery = (_test_table(root, name, notes) for name in (query_name, gallery_name))
    _note_unused_folders(root, (train_name, gallery_name, query_name, "gt_bbox", "gt_query"), notes)
    mat = find_market_attributes(places)
    if mat is None:
        notes.append(f"no {ATTRIBUTES_FILE} in or next to {root.name}/: re-identification only, without attributes")
        return Tables(train, query, gallery, ())
    train_annotations, test_annotations = read_market_attributes(mat)
    train = _with_targets(train, to_targets(train_annotations), str(mat))
    test_targets = to_targets(test_annotations)
    test_pids = {pid for table in (query, gallery) for pid in table["pid"] if pid > DISTRACTOR}
    unknown = sorted(test_pids - set(test_targets.index))
    if unknown:
        notes.append(f"{mat.name}: {_ids_have(unknown)} test images but no annotations")
    query, gallery = (_with_known_targets(table, test_targets) for table in (query, gallery))
    return Tables(train, query, gallery, (), train_annotations)


def _read_training_only(root: Path, notes: list[str]) -> Tables:
    """Images of people in `root` or its `train/`, without annotations and test set."""
    notes += [
        "no annotations: re-identification only, without attributes",
        "no test set: gallery and queries are empty",
    ]
    folder = child(root, "train") or root
    train = _train_table(folder, notes)
    if folder != root:
        _note_unused_folders(root, ["train"], notes)
    if (train["pid"] == DISTRACTOR).any():
        notes.append("id 0 is treated as a person; in Market-1501 it marks distractors")
    return Tables(train, _table(root, [], []), _table(root, [], []), ())


def _note_unused_folders(root: Path, used: Sequence[str], notes: list[str]) -> None:
    unused = [place.name for place in subfolders(root) if place.name.lower() not in used and image_files(place)[0]]
    if unused:
        notes.append(f"images in {few(unused)} are ignored; this layout uses {few(used)}")


def _check_cameras(root: Path, tables: Tables, notes: list[str]) -> None:
    """Refuse a test whose names have cameras in some images only; such a training set gets a note.

    Images of the query's own camera can only be excluded where all cameras are known, so a few odd names would change every
    score.
    """
    for table, images in ((pd.concat([tables.query, tables.gallery]), "test"), (tables.train, "training")):
        unknown = table["camera"] == UNKNOWN_CAMERA
        if 0 < unknown.sum() < len(table):
            fault = (
                f"no camera in the names of {unknown.sum():,} of {len(table):,} {images} images, for example "
                f"{table['file'][unknown].iloc[0]}"
            )
            if images == "test":
                raise ValueError(f"{root}: {fault}; write it as _c<number>, or remove it from all names")
            notes.append(f"{fault}: validation does not exclude images from the query's camera")


def _table(folder: Path, names: Sequence[str], ids: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """The images called `names` in `folder`: path (str), file (str), and pid and camera (int64) from `ids`."""
    text = pd.Series(["x"]).dtype  # str in pandas 3, object before, also for an empty table
    paths = pd.Series([str(folder / name) for name in names], dtype=text)
    numbers = np.array(ids, np.int64).reshape(-1, 2)
    return pd.DataFrame(
        {"path": paths, "file": pd.Series(list(names), dtype=text), "pid": numbers[:, 0], "camera": numbers[:, 1]}
    )


def _people_table(folder: Path, notes: list[str]) -> pd.DataFrame:
    """The images in `folder`, named by person and camera, or in its folders per person where it has no images itself."""
    names = _images_of(folder, notes)
    people = [] if names else subfolders(folder)
    try:
        ids = [parse_name(name) for name in names]
    except ValueError as error:
        raise ValueError(f"{folder}: the file name {error}; rename or remove it") from error
    for person in people:
        if not _PID.fullmatch(person.name):
            raise ValueError(f"{person} is not named by a person id; rename or remove it")
        files = _images_of(person, notes)
        names += [f"{person.name}/{name}" for name in files]
        ids += [(int(person.name), _camera(f"_{name}")) for name in files]
    return _table(folder, names, ids)


def _train_table(folder: Path, notes: list[str]) -> pd.DataFrame:
    """The training images in `folder` without junk, which `notes` mention."""
    table = _people_table(folder, notes)
    if table.empty:
        raise FileNotFoundError(f"{folder} holds no images; put the training images there")
    junk = table["pid"] <= JUNK
    if junk.all():
        raise ValueError(f"{folder}: all its images are junk (id -1); pass a folder with images of people")
    if junk.any():
        notes.append(f"junk images (id -1) in {folder.name}/ are excluded from the training set ({junk.sum():,})")
    return table[~junk].reset_index(drop=True)


def _test_table(root: Path, name: str, notes: list[str], anonymous: bool = False) -> pd.DataFrame:
    """The images in the folder `name` of `root`; `notes` mention an empty one.

    Raises `ValueError` for anonymous images whose names the output files cannot hold.
    """
    folder = child(root, name)
    if folder and anonymous:
        names = _images_of(folder, notes)
        for file in names:
            if re.search(r"[,\s:]", file) or not file.isprintable():
                fault = "a space, comma, colon or unprintable character"
                raise ValueError(
                    f"{ascii(str(folder / file))[1:-1]} has {fault} in its name, which reid_test.txt cannot hold; rename it"
                )
        table = _table(folder, names, [(ANONYMOUS, UNKNOWN_CAMERA)] * len(names))
    else:
        table = _people_table(folder, notes) if folder else _table(root, [], [])
    if table.empty:
        notes.append(f"no {'images in ' if folder else ''}{name}/: this part of the test is empty")
    return table


def _images_of(folder: Path, notes: list[str]) -> list[str]:
    """The image files of `folder`; `notes` mention everything else. Raises `FileNotFoundError` for links to missing files."""
    names, others, broken = image_files(folder)
    if broken:
        raise FileNotFoundError(
            f"{folder} has broken links ({len(broken):,}), for example {broken[0]}; restore the files or remove the links"
        )
    if others:
        suffixes = Counter(Path(name).suffix.lower() or "no suffix" for name in others)
        kinds = few(f"{count} {suffix}" for suffix, count in suffixes.most_common())
        notes.append(f"files in {folder.name}/ that are not images are ignored ({kinds}), for example {others[0]}")
    folders = subfolders(folder)
    if names and folders:
        notes.append(f"folders in {folder.name}/ are ignored ({len(folders):,}), for example {folders[0].name}/")
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
