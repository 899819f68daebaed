"""Find the layout of a data folder and read it into tables with one row per image."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

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
# A person id; 18 digits fit into int64. It is the name of a folder, or the part of a file name before the first underscore.
_PID = r"-?[0-9]{1,18}"
_PERSON = re.compile(rf"({_PID})(?:/|_[^/]*$)")
_CAMERA = re.compile(r"[_/]c(?:am)?([0-9]{1,9})(?=s[0-9]|[_. (-]|$)", re.IGNORECASE)
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
#: The folders of a layout with a test set: training images, gallery, queries.
LAYOUTS = {
    "course": ("train", "test", "queries"),
    "market1501": ("bounding_box_train", "bounding_box_test", "query"),
    "gallery": ("train", "gallery", "query"),
}
_EXPECTED = (
    f"expected train/, test/, queries/ and {ANNOTATIONS_FILE}; bounding_box_train/, bounding_box_test/ and query/; train/, "
    "query/ and gallery/; one folder per person, whose name is a number; or images named like 0002_c1s1_000451_03.jpg"
)


def parse_name(name: str) -> tuple[int, int]:
    """Person id and camera of a file name: `0002_c1s1_000451_03.jpg` or `0002/c1_03.jpg` -> `(2, 1)`.

    The camera is written `c1`, `cam1` or `c1s1`; it is `UNKNOWN_CAMERA` (-1) where the name has none.
    Raises `ValueError` where the name does not begin with a person id.
    """
    person, camera = _PERSON.match(name), _CAMERA.search(name)
    if not person:
        raise ValueError(f"the file name {name} does not begin with a person id and an underscore, as 0002_c1.jpg does")
    return int(person[1]), int(camera[1]) if camera else UNKNOWN_CAMERA


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
        if len(complete) == 1:
            return complete[0]
        if complete:
            names = few(place.name for place, _ in complete)
            raise ValueError(f"{folder} holds several data sets ({names}); pass the folder of one of them")
    for place in (folder, *inside):
        for train, *others in LAYOUTS.values():
            if present := [part for part in others if child(place, part)]:
                raise FileNotFoundError(f"{place} has {', '.join(present)} but no folder {train}/; add it")
    with_images = [place for place in inside if image_files(place)[0]]
    if image_files(folder)[0] or (len(with_images) > 1 and all(re.fullmatch(_PID, place.name) for place in inside)):
        return folder, "plain"
    if len(with_images) == 1:
        return with_images[0], "plain"
    entries = sorted(entry.name for entry in folder.iterdir() if not is_clutter(entry.name))
    found = f"holds no data set, only {few(entries)}" if entries else "is empty"
    raise FileNotFoundError(f"{folder} {found}; {_EXPECTED}")


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
    if not present:
        return "plain"
    missing = ANNOTATIONS_FILE if "test" in present or "queries" in present else "query/ or gallery/"
    raise FileNotFoundError(
        f"{place}: {missing} is missing next to {few(['train', *present])}; put it there, or pass {train} to train "
        "re-identification without attributes"
    )


def read_layout(
    root: Path, layout: str, places: Iterable[Path]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, tuple[str, ...], pd.DataFrame | None]:
    """The tables of training images, queries and gallery, the notes and the annotations of a `Dataset`.

    `root` has the `layout`; `market_attribute.mat` is searched for in `places`.
    Raises `FileNotFoundError` or `ValueError` naming the file and the remedy.
    """
    notes: list[str] = []
    train_name, gallery_name, query_name = names = LAYOUTS.get(layout, LAYOUTS["gallery"])
    if gallery_name == "gallery" and not child(root, gallery_name):
        gallery_name = "test"
    folder = child(root, train_name) or root
    train = _train_table(folder, notes)
    test_notes: list[str] = []
    query, gallery = (_test_table(root, name, test_notes, layout == "course") for name in (query_name, gallery_name))
    notes += test_notes if layout != "plain" else ["no test set: training and validation only"]
    used = {train_name, gallery_name, query_name, "gt_bbox", "gt_query"}
    unused = [place.name for place in subfolders(root) if place.name.lower() not in used and image_files(place)[0]]
    if unused and folder != root:
        notes.append(f"images in {few(unused)} are ignored; this layout uses {few(names)}")
    _check_cameras(root, train, pd.concat([query, gallery]), notes)
    annotations = None
    if layout == "course":
        file = child(root, ANNOTATIONS_FILE) or root / ANNOTATIONS_FILE
        annotations = read_annotations(file)
        train = _with_training_targets(train, annotations, file)
        without_images = sorted(set(annotations.index) - set(train["pid"]))
        if without_images:
            notes.append(f"{file.name} has people without images in train/: {few(without_images)}")
    elif layout != "plain" and (mat := find_market_attributes(places)):
        annotations, test_annotations = read_market_attributes(mat)
        train = _with_training_targets(train, annotations, mat)
        test_people = {pid for pid in pd.concat([query, gallery])["pid"] if pid > DISTRACTOR}
        unknown = sorted(test_people - set(test_annotations.index))
        if unknown:
            notes.append(f"{mat.name} lacks the test people {few(unknown)}")
        query, gallery = (_with_targets(table, test_annotations) for table in (query, gallery))
    else:
        missing = "annotations" if layout == "plain" else f"{ATTRIBUTES_FILE} in or next to {root.name}/"
        notes.append(f"no {missing}: re-identification only, without attributes")
        if layout == "plain" and (train["pid"] == DISTRACTOR).any():
            notes.append("id 0 is treated as a person; in Market-1501 it marks distractors")
    return train, query, gallery, tuple(notes), annotations


def _check_cameras(root: Path, train: pd.DataFrame, test: pd.DataFrame, notes: list[str]) -> None:
    """Refuse a test whose names have cameras in some images only; such a training set gets a note.

    Images of the query's own camera can only be excluded where all cameras are known, so a few odd names would change every
    score.
    """
    for table, images in ((test, "test"), (train, "training")):
        unknown = table["camera"] == UNKNOWN_CAMERA
        if not 0 < unknown.sum() < len(table):
            continue
        example = table["file"][unknown].iloc[0]
        fault = f"no camera in the names of {unknown.sum():,} of {len(table):,} {images} images, for example {example}"
        if images == "test":
            raise ValueError(f"{root}: {fault}; write it as _c<number>, or remove it from all names")
        notes.append(f"{fault}: validation does not exclude images from the query's camera")


def _table(folder: Path, names: Sequence[str], ids: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """The images called `names` in `folder`: path (str), file (str), and pid and camera (int64) from `ids`."""
    numbers = np.array(ids, np.int64).reshape(-1, 2)
    table = pd.DataFrame({"path": [str(folder / name) for name in names], "file": list(names)}, dtype=str)
    return table.assign(pid=numbers[:, 0], camera=numbers[:, 1])


def _people_table(folder: Path, notes: list[str]) -> pd.DataFrame:
    """The images in `folder`, named by person and camera, or in its folders per person where it has no images itself."""
    names = _images_of(folder, notes) or [
        f"{person.name}/{name}" for person in subfolders(folder) for name in _images_of(person, notes)
    ]
    try:
        return _table(folder, names, [parse_name(name) for name in names])
    except ValueError as error:
        raise ValueError(f"{folder}: {error}; rename or remove it") from error


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

    Raises `ValueError` for names that the output files cannot hold.
    """
    folder = child(root, name)
    if folder and anonymous:
        names = _images_of(folder, notes)
        table = _table(folder, names, [(ANONYMOUS, UNKNOWN_CAMERA)] * len(names))
    else:
        table = _people_table(folder, notes) if folder else _table(root, [], [])
    odd = [name for name in table["file"] if re.search(r"[,\s:]", name) or not name.isprintable()]
    if odd:
        fault = "names with a space, comma, colon or unprintable character"
        raise ValueError(f"{folder}: reid_test.txt cannot hold {fault} ({few(odd)!a}); rename these files")
    if table.empty:
        notes.append(f"no images in {name}/: this part of the test is empty")
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
    with os.scandir(folder) as entries:
        kept = [entry for entry in entries if not is_clutter(entry.name) and not entry.is_dir()]
    names = sorted(entry.name for entry in kept if entry.is_file())
    images = [name for name in names if Path(name).suffix.lower() in readable]
    return images, sorted(set(names) - set(images)), sorted({entry.name for entry in kept} - set(names))


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


def few(names: Iterable[object], most: int = 8) -> str:
    """The first `most` of `names`, separated by commas, and the number of the others."""
    words = [str(name) for name in names]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def _with_training_targets(train: pd.DataFrame, annotations: pd.DataFrame, file: Path) -> pd.DataFrame:
    """`_with_targets`; raises `ValueError` naming `file` where a person has no annotations."""
    missing = sorted(set(train["pid"]) - set(annotations.index))
    if missing:
        raise ValueError(f"{file} lacks the training people {few(missing)}; add them or remove their images")
    return _with_targets(train, annotations)


def _with_targets(table: pd.DataFrame, annotations: pd.DataFrame) -> pd.DataFrame:
    """`table` with the task columns of each image's identity, -1 in all of them where it has no annotations."""
    targets = to_targets(annotations).reindex(table["pid"], fill_value=-1).reset_index(drop=True)
    return pd.concat([table, targets.astype(np.int64)], axis=1)
