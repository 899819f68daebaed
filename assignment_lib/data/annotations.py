"""Read annotations and identities: the course's CSV, Market-1501's `market_attribute.mat`, and the truth of a test."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.io

from assignment_lib.data.attributes import (
    ANNOTATION_COLUMNS,
    CLASSIFICATION_COLUMNS,
    COLOR_PREFIX,
    TASKS,
    color_columns,
    to_targets,
)

if TYPE_CHECKING:
    from assignment_lib.data.dataset import Dataset

ANNOTATIONS_FILE = "annotations_train.csv"
ATTRIBUTES_FILE = "market_attribute.mat"
#: The identities of an anonymous test, next to a data set whose maker kept them. `dataset.load` never reads it.
TRUTH_FILE = "test_truth.csv"


@dataclass(frozen=True)
class Truth:
    """The identities of a test: file, pid, camera (-1 where unknown), and the twelve targets (-1 without annotations)."""

    query: pd.DataFrame
    gallery: pd.DataFrame


def read_text(path: str | Path) -> str:
    """The text of a file in UTF-8 or UTF-16, without a byte order mark, with `\\n` as line end.

    Raises `OSError` or `ValueError` (another format, empty) with one sentence.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise type(error)(f"{path} cannot be read ({error.strerror}); pass the name of an existing file") from error
    if content[:4] == b"PK\x03\x04":
        raise ValueError(f"{path} is an Excel workbook or a zip archive; save it as CSV in UTF-8")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}: line {line} is not UTF-8; save the file as text in UTF-8") from error
    if not text.strip():
        raise ValueError(f"{path} is empty; write it again")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_csv(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """A CSV file as stripped text, with the line number of each row as index; it must have at least `columns`.

    Commas, semicolons or tabs separate the values; Excel's first line `sep=;` is skipped; column names become lower-case.
    pandas would guess types, fill short rows and rename repeated columns, so faults could not be named.
    Raises as `read_text` does.
    """
    text = read_text(path)
    separator = max(",;\t", key=text.lstrip("\n").partition("\n")[0].count)
    if match := re.match(r"sep=(.)[ ;,]*\n", text):
        separator, text = match[1], text[match.end() - 1 :]  # the line stays, empty, so that line numbers are right
    reader = csv.reader(text.split("\n"), delimiter=separator, strict=True)
    try:
        lines = [(reader.line_num, [value.strip() for value in row]) for row in reader if "".join(row).strip()]
    except csv.Error as error:
        raise ValueError(f"{path}: line {reader.line_num} is not CSV ({error}); correct it") from error
    (_, header), *rows = lines or [(1, [])]
    names = [name.lower() for name in header]
    missing = [name for name in columns if name not in names]
    if missing:
        raise ValueError(f"{path} lacks the column {', '.join(missing[:4])}; add it to the header")
    repeated = [name for name in names if name and names.count(name) > 1]
    if repeated:
        raise ValueError(f"{path} has the column {repeated[0]} twice; remove one of them")
    if not rows:
        raise ValueError(f"{path} has no row below its header; add the rows")
    for line, row in rows:
        if len(row) != len(names):
            raise ValueError(f"{path}: line {line} has {len(row)} values for {len(names)} columns; correct it")
    return pd.DataFrame([row for _, row in rows], index=[line for line, _ in rows], columns=names, dtype=object)


def annotation_values(table: pd.DataFrame, path: str | Path, row: str = "line") -> pd.DataFrame:
    """The annotation columns of a table as int64: `ANNOTATION_COLUMNS`, and the multicolor ones if present.

    Raises `ValueError` naming `path` and the row of a value that is not allowed; `row` is what the index counts, or "id".
    """
    columns = [name for name in CLASSIFICATION_COLUMNS if name in table]
    numbers = table[columns].apply(pd.to_numeric, errors="coerce")
    for column in columns:
        highest = len(TASKS[column]) if column in TASKS else 2
        wrong = ~numbers[column].isin(range(1, highest + 1))
        if wrong.any():
            place, allowed = wrong.idxmax(), "1 or 2" if highest == 2 else f"a number from 1 to {highest}"
            value = str(table.loc[place, column])
            raise ValueError(f"{path}: {row} {place} has {value!r} in column {column}; write {allowed}")
    return numbers.astype(np.int64)


def _whole_numbers(column: pd.Series, path: str | Path) -> pd.Series:
    """Text as int64. Raises `ValueError` naming the line of a value that is not a whole number of at most 18 digits."""
    wrong = ~column.str.fullmatch(r"-?[0-9]{1,18}(\.0*)?")
    if wrong.any():
        line = wrong.idxmax()
        raise ValueError(f"{path}: line {line} has {column[line]!r} in column {column.name}; write a whole number")
    return column.str.partition(".")[0].astype(np.int64)


def read_annotations(path: str | Path) -> pd.DataFrame:
    """The course's annotation CSV in annotation form: int64 columns, the index `pid` (int64).

    Ids may be zero-padded. Columns other than id, the 27 annotation columns, upmulticolor and downmulticolor are ignored.
    Raises `ValueError` with one sentence for a missing column, a repeated id or a value that is not allowed, and as `read_csv`.
    """
    path = Path(path)
    table = read_csv(path, ["id", *ANNOTATION_COLUMNS])
    pids = _whole_numbers(table["id"], path)
    repeated = pids[pids.duplicated()]
    if len(repeated):
        raise ValueError(f"{path}: line {repeated.index[0]} repeats the id {repeated.iloc[0]}; keep one row per person")
    return annotation_values(table, path).set_axis(pd.Index(pids, name="pid"))


def odd_annotations(annotations: pd.DataFrame) -> pd.DataFrame:
    """Count people whose annotations contradict each other or are unusual: columns `oddity`, `people`, `examples`.

    `annotations` is in annotation form, index `pid` (`Dataset.annotations`); `examples` names up to five ids. Nothing is
    corrected: `to_targets` takes the first of several colours, and "multicolor" for none.
    """
    targets = to_targets(annotations)
    oddities = {}
    for task, body in (("upcolor", "upper"), ("downcolor", "lower")):
        colors = (annotations[color_columns(task)] == 2).sum(axis=1)
        oddities[f"several {body}-body colours"] = colors > 1
        oddities[f"no {body}-body colour (multicolor)"] = colors == 0
        multicolor = f"{COLOR_PREFIX[task]}multicolor"
        if multicolor in annotations:
            oddities[f"{multicolor} and a colour"] = (annotations[multicolor] == 2) & (colors > 0)
    dress, male = TASKS["clothes"].index("dress"), TASKS["gender"].index("male")
    oddities["male in a dress"] = (targets["clothes"] == dress) & (targets["gender"] == male)
    oddities["backpack, bag and handbag together"] = (annotations[["backpack", "bag", "handbag"]] == 2).all(axis=1)
    rows = [(name, odd.sum(), ", ".join(map(str, annotations.index[odd][:5]))) for name, odd in oddities.items()]
    return pd.DataFrame(rows, columns=["oddity", "people", "examples"])


def find_market_attributes(places: Iterable[Path]) -> Path | None:
    """The first `market_attribute.mat` in one of the folders `places`, or in the subfolder its authors use."""
    for place in places:
        for file in (place / folder / ATTRIBUTES_FILE for folder in (".", "attribute", "Market-1501_Attribute")):
            if file.is_file():
                return file
    return None


def read_market_attributes(mat: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Annotations of the training and of the test identities from `market_attribute.mat` (Lin et al. 2019).

    Two frames in annotation form: the 27 int64 columns of `ANNOTATION_COLUMNS`, index `pid` (int64). The file orders the fields
    of both parts differently. Raises `FileNotFoundError` or `ValueError` with one sentence.
    """
    mat = Path(mat)
    if not mat.is_file():
        raise FileNotFoundError(f"{mat} is missing; download it from github.com/vana77/Market-1501_Attribute")
    try:
        content = scipy.io.loadmat(mat, squeeze_me=True, struct_as_record=False)
    except Exception as error:  # scipy raises TypeError, zlib.error, NotImplementedError and others
        reason = " ".join(str(error).split())
        raise ValueError(f"{mat} is not a readable MATLAB file ({reason}); remove it and download it again") from error
    parts = content.get("market_attribute")
    return _attribute_frame(parts, "train", mat), _attribute_frame(parts, "test", mat)


def _attribute_frame(parts: object, part: str, mat: Path) -> pd.DataFrame:
    fields: Any = getattr(parts, part, None)
    try:
        pids = pd.Index(np.atleast_1d(fields.image_index).astype(np.int64), name="pid")
        frame = pd.DataFrame({name: np.atleast_1d(getattr(fields, name)) for name in ANNOTATION_COLUMNS}, index=pids)
        if pids.has_duplicates:
            raise ValueError("it names a person twice")
    except (AttributeError, TypeError, ValueError) as error:
        fault = f"market_attribute.{part} is not one number per person ({error})"
        raise ValueError(f"{mat}: {fault}; remove it and download it again") from error
    return annotation_values(frame, mat, "id")


def read_truth(path: str | Path) -> Truth:
    """Read `test_truth.csv`, or the one in the folder `path`. Raises `ValueError` or `OSError` with one sentence."""
    path = Path(path)
    path = path / TRUTH_FILE if path.is_dir() else path
    table = read_csv(path, ["folder", "file", "pid", "camera", *ANNOTATION_COLUMNS])
    wrong = ~table["folder"].isin(("test", "queries"))
    if wrong.any():
        line = wrong.idxmax()
        raise ValueError(f"{path}: line {line} has the folder {table['folder'][line]!r}; write test or queries")
    repeated = table.duplicated(["folder", "file"])
    if repeated.any():
        line = repeated.idxmax()
        raise ValueError(f"{path}: line {line} repeats the image {table['file'][line]}; remove it")
    pids, cameras = _whole_numbers(table["pid"], path), _whole_numbers(table["camera"].replace("", "-1"), path)
    annotated = (table[[name for name in CLASSIFICATION_COLUMNS if name in table]] != "").all(axis=1)
    targets = to_targets(annotation_values(table[annotated], path)).reindex(table.index, fill_value=-1)
    people = table[["file"]].assign(pid=pids, camera=cameras).join(targets)
    query, gallery = (people[table["folder"] == name].reset_index(drop=True) for name in ("queries", "test"))
    if query.empty or gallery.empty:
        raise ValueError(f"{path} has no row with the folder queries or test; pass the truth of both folders")
    return Truth(query, gallery)


def with_test_truth(data: Dataset) -> Dataset:
    """`data` with identities, cameras and targets of its anonymous test, if `test_truth.csv` is in its folder.

    Raises `ValueError` with one sentence where the file does not fit the images.
    """
    path = data.root / TRUTH_FILE
    if data.has_test_identities or not path.is_file():
        return data
    truth, tables = read_truth(path), []
    for table, rows, folder in ((data.query, truth.query, "queries"), (data.gallery, truth.gallery, "test")):
        unknown = sorted(set(table["file"]) - set(rows["file"]))
        if unknown:
            raise ValueError(f"{path} has no row for {folder}/{unknown[0]}; make the data set again")
        tables.append(table[["path", "file"]].join(rows.set_index("file"), on="file"))
    return replace(data, query=tables[0], gallery=tables[1])
