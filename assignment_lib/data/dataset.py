"""Pedestrian images on disk -> tables with one row an image. Images themselves are decoded elsewhere.

Three layouts are detected by themselves, in a folder or in an archive, also when they lie one folder deep in it:

- *course*: `train/`, `test/`, `queries/` and `annotations_train.csv`; test and queries are anonymous.
- *market1501*: the official `bounding_box_train/`, `bounding_box_test/`, `query/`, with `market_attribute.mat` in or
  beside the folder, or without it (re-ID only).
- *plain*: a folder of `pid_cX...` images, or a `train/` of them, without annotations (re-ID only).

`python -m assignment_lib.data.dataset convert MARKET1501 FOLDER` writes the official data set in the course's layout.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.io

from assignment_lib.data import archives
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_annotations, to_targets
from assignment_lib.environment import DATA_FOLDER
from assignment_lib.files import stem

ANNOTATIONS_FILE = "annotations_train.csv"
ATTRIBUTES_FILE = "market_attribute.mat"
#: Who is in an anonymous test: written by `to_course` and with the drawn data, never read by `load`.
TRUTH_FILE = "test_truth.csv"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
#: Ids that are no person, as the tables have them.
ANONYMOUS, JUNK, DISTRACTOR = -2, -1, 0
UNKNOWN_CAMERA = -1
#: Layout -> what makes it up; the first is the one it cannot do without.
LAYOUTS = {
    "course": ("train", "test", "queries", ANNOTATIONS_FILE),
    "market1501": ("bounding_box_train", "bounding_box_test", "query"),
}
_EXPECTED = (
    f"expected train/, test/, queries/ and {ANNOTATIONS_FILE}, or bounding_box_train/, bounding_box_test/ and query/, "
    "or images named like 0002_c1s1_000451_03.jpg"
)
# A person id up to the first underscore; 18 digits still fit into int64.
_PID = re.compile(r"(-?[0-9]{1,18})_")
_CAMERA = re.compile(r"_c([0-9]{1,9})(?=s[0-9]|_|\.|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Dataset:
    """Tables of one data set, rows sorted by file name, `RangeIndex`.

    Every table has the columns `path` (str, absolute), `file` (str, its name), `pid` (int64) and `camera` (int64, as
    written in the file name, -1 where unknown), then, where annotations are known, the twelve tasks of
    `attributes.TASKS` (int64 targets in [0, C); -1 in all twelve for junk, distractors and test persons without
    annotations).
    `pid` is -2 where the test is anonymous; in a gallery -1 is junk and 0 a distractor.
    `annotations` are those of the training persons as they were read, in annotation form, index `pid`; None without any.
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
    """The data set in a folder or an archive (zip, tar, tar.gz, ...), its layout detected.

    A relative `path` is tried as given, then below `data/`. Archives are unpacked once, to `data/<stem>/` or to the
    folder `unpack_to`, and bounded by `max_bytes`. `dataset.notes` holds what a user should know about the data.

    Raises `FileNotFoundError` or `ValueError` (archives also `FileExistsError`, `OSError`) with one sentence that names
    the file and the mend. Images are not opened: one that does not decode is found by the module that does.
    """
    given = _locate(path)
    folder = given
    if given.is_file():
        if not archives.is_archive(given):
            raise ValueError(f"{given} is neither a folder nor a zip or tar archive; unpack it and give the folder")
        target = DATA_FOLDER / stem(given) if unpack_to is None else unpack_to
        folder = archives.unpack(given, target, max_bytes, check=_find_layout)
    root, layout = _find_layout(folder)
    if layout == "course":
        tables = _read_course(root)
    elif layout == "market1501":
        tables = _read_market1501(root, (root, root.parent, folder, folder.parent, given.parent))
    else:
        tables = _read_plain(root)
    return Dataset(stem(given), root, layout, **tables)


def parse_name(name: str) -> tuple[int, int]:
    """`0002_c1s1_000451_03.jpg` -> `(2, 1)`: person id and camera, -1 where the name tells no camera.

    `ValueError` where the name does not begin with a person id and an underscore.
    """
    pid = _PID.match(name)
    if not pid:
        raise ValueError(f"the file name {name} does not begin with a person id and an underscore (0002_c1s1.jpg)")
    camera = _CAMERA.search(name)
    return int(pid[1]), int(camera[1]) if camera else UNKNOWN_CAMERA


# ---------------------------------------------------------------------------------------------------- finding


def _locate(path: str | Path) -> Path:
    path = Path(path).expanduser()
    for candidate in (path, DATA_FOLDER / path):
        if candidate.exists():
            return candidate.resolve()
    tried = f"{path}" if path.is_absolute() else f"{path.resolve()} and {DATA_FOLDER / path}"
    if path.name == "synthetic":
        mend = "draw it with assignment_lib.synthetic.draw"
    elif (DATA_FOLDER / stem(path) / archives.MARKER).is_file():
        mend = f"the archive was unpacked before, so give {DATA_FOLDER / stem(path)} instead"
    else:
        mend = "check the spelling, or put the folder or archive there"
    raise FileNotFoundError(f"there is no data set at {tried}; {mend}")


def _find_layout(folder: Path) -> tuple[Path, str]:
    """The folder that holds the data set, `folder` itself or one inside, and its layout."""
    inside = _subfolders(folder)
    for places in ([folder], inside):
        complete = [(place, layout) for place in places if (layout := _layout_of(place))]
        if len(complete) > 1:
            names = _few(place.name for place, _ in complete)
            raise ValueError(f"{folder} holds several data sets ({names}); give the folder of one of them")
        if complete:
            return complete[0]
    _refuse_without_train([folder, *inside])
    plain = [folder] if _image_names(folder) else [place for place in inside if _image_names(place)]
    if len(plain) == 1:
        return plain[0], "plain"
    if plain:
        names = _few(place.name for place in plain)
        raise ValueError(f"{folder} has several folders of images ({names}) under unknown names; {_EXPECTED}")
    found = sorted(entry.name for entry in folder.iterdir() if not archives.is_clutter(entry.name))
    if not found:
        raise FileNotFoundError(f"{folder} is empty; {_EXPECTED}")
    raise FileNotFoundError(f"{folder} holds no data set but {_few(found)}; {_EXPECTED}")


def _layout_of(place: Path) -> str | None:
    """The layout that `place` has the training images of, or None."""
    has_train, has_annotations = _child(place, "train"), _child(place, ANNOTATIONS_FILE)
    if has_train and has_annotations:
        return "course"
    if _child(place, "bounding_box_train"):
        return "market1501"
    if not has_train:
        return None
    if _child(place, "test") or _child(place, "queries"):
        raise FileNotFoundError(
            f"{place / ANNOTATIONS_FILE} is missing; put it beside train/, or give {has_train} itself "
            "to train re-ID without attributes"
        )
    return "plain"


def _refuse_without_train(places: Iterable[Path]) -> None:
    """Say what is missing where only the other parts of a layout are there."""
    for place in places:
        for train, *others in LAYOUTS.values():
            present = [part for part in others if _child(place, part)]
            if present:
                raise FileNotFoundError(f"{place} has {', '.join(present)} but no folder {train}/; add it")


def _subfolders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not archives.is_clutter(entry.name))


def _child(folder: Path, name: str) -> Path | None:
    """The entry called `name`, in any case, a folder where the name has no suffix."""
    exact = folder / name
    entries = [exact] if exact.exists() else [entry for entry in folder.iterdir() if entry.name.lower() == name]
    return next((entry for entry in entries if entry.is_dir() == ("." not in name)), None)


def _image_names(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(IMAGE_SUFFIXES) and not archives.is_clutter(entry.name) and entry.is_file()
        )


# ---------------------------------------------------------------------------------------------------- reading


def _read_course(root: Path) -> dict:
    notes: list[str] = []
    train = _train_table(_child(root, "train"), notes)
    file = _child(root, ANNOTATIONS_FILE)
    annotations = read_annotations(file)
    train = _with_targets(train, to_targets(annotations, str(file)), str(file))
    without_images = sorted(set(annotations.index) - set(train["pid"]))
    if without_images:
        notes.append(f"{file.name}: {_ids(without_images)} annotations but no images in train/")
    query = _test_table(root, "queries", notes, anonymous=True)
    gallery = _test_table(root, "test", notes, anonymous=True)
    return _tables(train, query, gallery, notes, annotations)


def _read_market1501(root: Path, places: Iterable[Path]) -> dict:
    notes: list[str] = []
    train = _train_table(_child(root, "bounding_box_train"), notes)
    query = _test_table(root, "query", notes)
    gallery = _test_table(root, "bounding_box_test", notes)
    mat = _find_attributes(places)
    if mat is None:
        notes.append(f"no {ATTRIBUTES_FILE} in or beside the folder {root.name}: re-ID only, without attributes")
        return _tables(train, query, gallery, notes)
    train_annotations, test_annotations = read_market_attributes(mat)
    train = _with_targets(train, to_targets(train_annotations, str(mat)), str(mat))
    test_targets = to_targets(test_annotations, str(mat))
    unknown = sorted({pid for table in (query, gallery) for pid in table["pid"] if pid > 0} - set(test_targets.index))
    if unknown:
        notes.append(f"{mat.name}: {_ids(unknown)} test images but no annotations")
    query, gallery = (_with_known_targets(table, test_targets) for table in (query, gallery))
    return _tables(train, query, gallery, notes, train_annotations)


def _read_plain(root: Path) -> dict:
    notes = ["no annotations: re-ID only, without attributes", "no test set: gallery and queries are empty"]
    folder = _child(root, "train") or root
    train = _train_table(folder, notes)
    if (train["pid"] == DISTRACTOR).any():
        notes.append("id 0 is taken for a person; in Market-1501 it marks distractors, which are none")
    return _tables(train, _table(root, []), _table(root, []), notes)


def _tables(train, query, gallery, notes: list[str], annotations: pd.DataFrame | None = None) -> dict:
    return {"train": train, "query": query, "gallery": gallery, "notes": tuple(notes), "annotations": annotations}


def _train_table(folder: Path, notes: list[str]) -> pd.DataFrame:
    names = _image_names(folder)
    if not names:
        raise FileNotFoundError(f"{folder} holds no images ({', '.join(IMAGE_SUFFIXES)}); put the training set there")
    table = _table(folder, names)
    junk = table["pid"] < 0
    if junk.all():
        raise ValueError(f"{folder}: all its images are junk (id -1); give a folder with images of persons")
    if junk.any():
        notes.append(f"{junk.sum()} junk images (id -1) in {folder.name}/ are left out of the training set")
    return table[~junk].reset_index(drop=True)


def _test_table(root: Path, name: str, notes: list[str], anonymous: bool = False) -> pd.DataFrame:
    folder = _child(root, name)
    names = _image_names(folder) if folder else []
    if not names:
        notes.append(f"no {'images in ' if folder else ''}{name}/: this part of the test is empty")
    return _table(folder or root, names, anonymous)


def _table(folder: Path, names: list[str], anonymous: bool = False) -> pd.DataFrame:
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


def _with_targets(train: pd.DataFrame, targets: pd.DataFrame, source: str) -> pd.DataFrame:
    missing = sorted(set(train["pid"]) - set(targets.index))
    if missing:
        raise ValueError(
            f"{source}: {_ids(missing)} training images but no annotations; add the rows or remove the images"
        )
    return _with_known_targets(train, targets)


def _with_known_targets(table: pd.DataFrame, targets: pd.DataFrame) -> pd.DataFrame:
    """`table` with the task columns of each image's person, -1 where the person has none."""
    columns = targets.reindex(table["pid"], fill_value=-1).reset_index(drop=True)
    return pd.concat([table, columns.astype(np.int64)], axis=1)


# ---------------------------------------------------------------------------------------------------- annotations


def read_annotations(path: str | Path) -> pd.DataFrame:
    """The course's annotation CSV in annotation form: int64 columns, the index `pid` (int64).

    Ids may be zero-padded; column names may differ in case and spaces; comma, semicolon or tab separate. Columns beside
    id, the 27 annotation columns, upmulticolor and downmulticolor are ignored.
    Raises `ValueError` with one sentence for an unreadable or empty file, a missing column, a duplicate id or a value
    that may not stand there.
    """
    frame = _read_csv(Path(path))
    if "id" not in frame.columns:
        raise ValueError(f"{path}: the column id is missing; it has {_few(frame.columns)}")
    pids = _whole_numbers(frame["id"], str(path))
    duplicates = pids[pids.duplicated()]
    if len(duplicates):
        raise ValueError(f"{path}: the id {duplicates.iloc[0]} has several rows; keep one a person")
    columns = [column for column in CLASSIFICATION_COLUMNS if column in frame.columns]
    values = frame[columns].set_axis([f"of id {pid}" for pid in pids])  # so that messages say "row of id 7"
    values = values.apply(_whole_numbers, source=str(path))
    to_targets(values, str(path))  # says what is missing or may not stand there
    return values.set_axis(pd.Index(pids, name="pid"))


def _read_csv(path: Path) -> pd.DataFrame:
    """All cells as stripped text, column names stripped and in lower case."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = max(",;\t", key=text.lstrip().partition("\n")[0].count)
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=separator)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV file in UTF-8 ({error}); save it as one") from error
    rows = [row for row in rows if any(row)]
    if not rows:
        raise ValueError(f"{path} is empty; it needs the columns id, {', '.join(ANNOTATION_COLUMNS)}")
    header = [name.lower() for name in rows[0]]
    repeated = next((name for name in header if name and header.count(name) > 1), None)
    if repeated:
        raise ValueError(f"{path}: the column {repeated} stands there twice; remove one")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header but no rows; it needs one row a person")
    for row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(
                f"{path}: the row that begins with {row[0]!r} has {len(row)} cells, the header {len(header)}; "
                "give it one a column"
            )
    return pd.DataFrame(rows[1:], columns=header, index=range(1, len(rows)))


def _whole_numbers(column: pd.Series, source: str) -> pd.Series:
    wrong = column[~column.str.fullmatch(r"-?[0-9]{1,18}(\.0*)?")]
    if len(wrong):
        raise ValueError(
            f"{source}: row {wrong.index[0]} has {wrong.iloc[0]!r} in the column {column.name}, "
            "which is no whole number; correct or remove that row"
        )
    return column.str.partition(".")[0].astype(np.int64)


def _find_attributes(places: Iterable[Path]) -> Path | None:
    for place in places:
        for folder in (place, place / "attribute", place / "Market-1501_Attribute"):
            if (folder / ATTRIBUTES_FILE).is_file():
                return folder / ATTRIBUTES_FILE
    return None


def read_market_attributes(mat: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`market_attribute.mat` -> annotations of the training and of the test persons.

    Two frames in annotation form: the 27 int64 columns of `ANNOTATION_COLUMNS`, index `pid` (int64). In the file the
    fields stand in another order for each part, so they are taken by name; its values mean what the course's mean.
    Raises `FileNotFoundError` or `ValueError` with one sentence.
    """
    mat = Path(mat)
    if not mat.is_file():
        raise FileNotFoundError(f"{mat} is missing; it comes from github.com/vana77/Market-1501_Attribute")
    try:
        content = scipy.io.loadmat(mat, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy raises what its parser trips over: TypeError, zlib.error, NotImplementedError
        reason = " ".join(str(error).split())
        raise ValueError(f"{mat} is no readable MATLAB file ({reason}); remove it and download it again") from error
    parts = content.get("market_attribute")
    return _attribute_frame(parts, "train", mat), _attribute_frame(parts, "test", mat)


def _attribute_frame(parts: object, part: str, mat: Path) -> pd.DataFrame:
    fields = getattr(parts, part, None)
    missing = [name for name in ("image_index", *ANNOTATION_COLUMNS) if not hasattr(fields, name)]
    if missing:
        raise ValueError(f"{mat}: market_attribute.{part} lacks {_few(missing)}; remove it and download it again")
    try:
        pids = pd.Index(np.atleast_1d(fields.image_index).astype(np.int64), name="pid")
        columns = {name: np.atleast_1d(getattr(fields, name)).astype(np.int64) for name in ANNOTATION_COLUMNS}
        frame = pd.DataFrame(columns, index=pids)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{mat}: market_attribute.{part} is not one number a person ({error})") from error
    if frame.index.has_duplicates:
        raise ValueError(f"{mat}: market_attribute.{part} names a person twice; remove it and download it again")
    return frame


# ---------------------------------------------------------------------------------------------------- conversion


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
    with archives.new_folder(folder) as unfinished:
        _link_all(dataset.train["path"], unfinished / "train", dataset.train["file"])
        truth = [
            _write_anonymous(table, unfinished / name, random)
            for name, table in (("test", dataset.gallery), ("queries", dataset.query))
        ]
        pd.concat(truth).to_csv(unfinished / TRUTH_FILE, index=False)
        persons = dataset.train.drop_duplicates("pid").set_index("pid").sort_index()
        annotations = to_annotations(persons[list(TASKS)])[ANNOTATION_COLUMNS]
        annotations.to_csv(unfinished / ANNOTATIONS_FILE, index_label="id")
    return folder


def with_test_truth(data: Dataset) -> Dataset:
    """`data` with the identities, cameras and targets of its anonymous test, where `test_truth.csv` stands beside it.

    For scoring only: `load` never looks there. Unchanged where the identities are known already or there is no such file.
    Raises `ValueError` with one sentence where the file does not fit the images.
    """
    path = data.root / TRUTH_FILE
    if data.has_test_identities or not path.is_file():
        return data
    truth = read_truth(data.root)
    known = {}
    for part, folder, table in (("query", "queries", data.query), ("gallery", "test", data.gallery)):
        rows = truth[truth["folder"] == folder].drop_duplicates("file").set_index("file")
        unknown = sorted(set(table["file"]) - set(rows.index))
        if unknown:
            raise ValueError(f"{path}: it has no row for {folder}/{unknown[0]}; make the data set again")
        rows = rows.loc[table["file"]].reset_index()
        table = table.assign(pid=rows["pid"].to_numpy(np.int64), camera=rows["camera"].to_numpy(np.int64))
        annotated = rows[CLASSIFICATION_COLUMNS].notna().all(axis=1).to_numpy()
        targets = to_targets(rows.loc[annotated, CLASSIFICATION_COLUMNS].astype(np.int64), str(path))
        for task in TASKS:
            column = np.full(len(table), -1, dtype=np.int64)
            column[annotated] = targets[task]
            table[task] = column
        known[part] = table
    return replace(data, **known)


def read_truth(folder: str | Path) -> pd.DataFrame:
    """Who is in `test/` and `queries/` of a data set whose maker kept the truth: one row an image.

    Columns: folder ("test" or "queries"), file, pid (-1 junk, 0 distractor), camera, and the 29 columns of
    `CLASSIFICATION_COLUMNS` as nullable integers, empty where an image has no annotations. Raises `FileNotFoundError` or
    `ValueError` with one sentence where there is no `test_truth.csv` or a column is missing in it.
    """
    path = Path(folder) / TRUTH_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: only the drawn data set and converted ones come with it; "
            "make one with assignment_lib.synthetic.draw(folder)"
        )
    table = pd.read_csv(path, dtype={"file": str})
    missing = {"folder", "file", "pid", "camera", *CLASSIFICATION_COLUMNS} - set(table.columns)
    if missing:
        raise ValueError(f"{path}: the column {min(missing)} is missing; make the data set again")
    return table.astype({column: "Int64" for column in CLASSIFICATION_COLUMNS})


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


# ---------------------------------------------------------------------------------------------------- words


def _few(names: Iterable[object], limit: int = 8) -> str:
    names = [str(name) for name in names]
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def _ids(pids: list[int]) -> str:
    return f"id {pids[0]} has" if len(pids) == 1 else f"ids {_few(pids)} have"


def main(arguments: list[str] | None = None) -> int:
    """Command line: `convert MARKET1501 FOLDER [--seed N]` and `show PATH`."""
    parser = argparse.ArgumentParser(prog="python -m assignment_lib.data.dataset", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    convert = commands.add_parser("convert", help="official Market-1501 with its .mat -> the course's layout")
    convert.add_argument("market1501", help="folder or archive with bounding_box_train/ and market_attribute.mat")
    convert.add_argument("folder", help="the folder to write")
    convert.add_argument("--seed", type=int, default=0, help="of the order in which the test is made anonymous")
    show = commands.add_parser("show", help="what a folder or archive holds")
    show.add_argument("path")
    options = parser.parse_args(arguments)
    try:
        dataset = load(options.market1501 if options.command == "convert" else options.path)
        if options.command == "convert":
            dataset = load(to_course(dataset, options.folder, options.seed))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{dataset.root} ({dataset.layout})")
    for part in ("train", "query", "gallery"):
        table = getattr(dataset, part)
        persons = table["pid"][table["pid"] > DISTRACTOR].nunique()
        print(f"  {part}: {len(table)} images" + (f" of {persons} persons" if persons else ""))
    for note in dataset.notes:
        print(f"  {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
