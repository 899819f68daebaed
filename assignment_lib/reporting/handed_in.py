"""Files that someone else wrote, read strictly: `reid_test.txt`, `reid_sets.txt`, `classification_test.csv`, a truth.

A file that is not as it should be gets one sentence: file, line, what is wrong, and how to mend it. A byte order mark,
Windows line ends, blank lines and spaces around names are accepted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, COLOR_PREFIX, TASKS, color_columns, to_targets
from assignment_lib.data.layouts import few


@dataclass(frozen=True)
class Truth:
    """Who is in a test: one row an image, with the columns file, pid, camera, and for the gallery the twelve tasks."""

    query: pd.DataFrame
    gallery: pd.DataFrame  # tasks are class indices, -1 where an image has no annotations


def read_lists(
    path: Path, queries: Sequence[str] | None = None, gallery: Collection[str] | None = None
) -> dict[str, list[str]]:
    """Read lines `query.jpg: a.jpg, b.jpg`: query file name -> the gallery file names of its line, in that order.

    With the names of all `queries`, every query must have a line and no other; with those of the `gallery`, no line may
    name another image. Raises `ValueError` or `OSError` with one sentence.
    """
    lines = read_text(path).rstrip().split("\n")
    lists: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    known_queries, known = None if queries is None else set(queries), None if gallery is None else set(gallery)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}: line {number}"
        match = re.fullmatch(r"\s*([^:,\s]+)\s*:\s*([^:,\s]+(?:\s*,\s*[^:,\s]+)*)?\s*", line)
        if match is None:
            raise ValueError(
                f"{place} is not 'query.jpg: a.jpg, b.jpg'; write a query, a colon, and images with commas between them"
            )
        query, found = match[1], re.split(r"\s*,\s*", match[2]) if match[2] else []
        if query in lists:
            raise ValueError(f"{place} has the query {query} again, after line {first[query]}; keep one of the two")
        if known_queries is not None and query not in known_queries:
            raise ValueError(f"{place} begins with {query}, which is no query{_such_as(known_queries)}; mend the name")
        doubled = _doubled(found)
        if doubled is not None:
            raise ValueError(f"{place} names {doubled} twice; remove the second")
        unknown = next((name for name in found if known is not None and name not in known), None)
        if unknown is not None:
            raise ValueError(f"{place} names {unknown}, which is no test image{_such_as(known)}; mend or remove it")
        lists[query], first[query] = found, number
    missing = [name for name in queries or () if name not in lists]
    if missing:
        raise ValueError(
            f"{path}: after line {len(lines)} it ends without a line for {few(missing, 3)}; add "
            f"'{missing[0]}:' with its images, or with none"
        )
    return lists


def read_classes(path: Path, images: Sequence[str]) -> pd.DataFrame:
    """Read `classification_test.csv`: the class indices of `images`, in that order, a column a task.

    Raises `ValueError` or `OSError` with one sentence where a column or an image is missing, an image is doubled or
    unknown, or a value is none of its column's.
    """
    table = _read_csv(path, ["id", *CLASSIFICATION_COLUMNS])
    known, first = set(images), dict[str, int]()
    for number, name in table["id"].items():
        place = f"{path}: line {number}"
        if name in first:
            raise ValueError(f"{place} has the image {name} again, after line {first[name]}; keep one of the two")
        if name not in known:
            raise ValueError(f"{place} has the id {name!r}, which is no test image{_such_as(known)}; mend or remove it")
        first[name] = number
    missing = [name for name in images if name not in first]
    if missing:
        raise ValueError(f"{path}: after line {table.index[-1]} it ends without a row for {few(missing, 3)}; add it")
    values = _integers(table, path)
    for task in COLOR_PREFIX:
        columns = color_columns(task, multicolor=True)
        marks = (values[columns] == 2).sum(axis=1)
        if (marks != 1).any():
            number = (marks != 1).idxmax()
            raise ValueError(
                f"{path}: line {number} has a 2 in {marks[number]} of the columns {columns[0]} to {columns[-1]}; "
                "write 2 in one of them and 1 in the others"
            )
    return to_targets(values, str(path)).set_axis(table["id"]).loc[list(images)].reset_index(drop=True)


def read_truth(path: Path) -> Truth:
    """Read a truth file in the form of `data.truth`. Raises `ValueError` or `OSError` with one sentence."""
    table = _read_csv(path, ["folder", "file", "pid", "camera", *CLASSIFICATION_COLUMNS])
    wrong = ~table["folder"].isin(("test", "queries"))
    if wrong.any():
        value = table["folder"][wrong.idxmax()]
        raise ValueError(f"{path}: line {wrong.idxmax()} has the folder {value!r}; write test or queries")
    doubled = table.duplicated(["folder", "file"])
    if doubled.any():
        name = "/".join(table.loc[doubled.idxmax(), ["folder", "file"]])
        raise ValueError(f"{path}: line {doubled.idxmax()} has the image {name} again; remove it")
    people = table[["folder", "file"]].copy()
    for column in ("pid", "camera"):
        numbers = pd.to_numeric(table[column], errors="coerce")
        if (wrong := numbers.isna() | (numbers % 1 != 0)).any():
            value = table[column][wrong.idxmax()]
            raise ValueError(
                f"{path}: line {wrong.idxmax()} has {value!r} in the column {column}; write a whole number"
            )
        people[column] = numbers.astype(np.int64)
    annotated = (table[CLASSIFICATION_COLUMNS] != "").all(axis=1)
    targets = to_targets(_integers(table[annotated], path), str(path))
    people = people.join(targets.reindex(people.index, fill_value=-1))
    parts = {name: people[people["folder"] == name].drop(columns="folder") for name in ("queries", "test")}
    for name, part in parts.items():
        if part.empty:
            raise ValueError(f"{path}: no line has the folder {name!r}; give the truth of queries/ and of test/")
    query, gallery = (part.reset_index(drop=True) for part in parts.values())
    return Truth(query.drop(columns=list(TASKS)), gallery)


def read_text(path: Path) -> str:
    """The text of a file, without a byte order mark and with `\\n` at the line ends.

    Raises `FileNotFoundError`, `IsADirectoryError` or `ValueError` (not UTF-8, empty) with one sentence.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the file itself")
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; check the name")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}: line {line} is not UTF-8; save it as plain text in UTF-8") from error
    if not text.strip():
        raise ValueError(f"{path} is empty; write it again")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read_csv(path: Path, columns: list[str]) -> pd.DataFrame:
    """The `columns` of a CSV file as stripped text; the index is the number of each row's line."""
    reader = csv.reader(read_text(path).split("\n"), strict=True)
    rows, numbers = [], []
    try:
        header = [name.strip() for name in next(reader)]
        for row in reader:
            if row and "".join(row).strip():
                rows.append(row)
                numbers.append(reader.line_num)
                if len(row) != len(header):
                    break  # the check below says so, unless the header is wrong, which comes first
    except csv.Error as error:
        raise ValueError(f"{path}: line {reader.line_num} is not CSV ({error}); save it with commas") from error
    if len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise ValueError(f"{path}: line 1 separates its columns by semicolons or tabs; save it with commas")
    missing = [name for name in columns if name not in header]
    if missing:
        word = "columns" if len(missing) > 1 else "column"
        raise ValueError(
            f"{path}: line 1 lacks the {word} {few(missing, 4)}; its columns are to be {', '.join(columns)}"
        )
    doubled = _doubled([name for name in header if name in columns])
    if doubled is not None:
        raise ValueError(f"{path}: line 1 has the column {doubled} twice; remove one of the two")
    if not rows:
        raise ValueError(f"{path}: after line 1 there is no row; write a row an image")
    if len(rows[-1]) != len(header):
        raise ValueError(
            f"{path}: line {numbers[-1]} has {len(rows[-1])} values for {len(header)} columns; write one value a column"
        )
    table = pd.DataFrame([[value.strip() for value in row] for row in rows], index=numbers, dtype=object)
    return table.set_axis(header, axis=1)[columns]


def _integers(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The annotation columns of a table of text as integers, checked against the classes of each."""
    highest = {column: len(TASKS[column]) if column in TASKS else 2 for column in CLASSIFICATION_COLUMNS}
    numbers = table[CLASSIFICATION_COLUMNS].apply(pd.to_numeric, errors="coerce")
    wrong = pd.DataFrame({column: ~numbers[column].isin(range(1, top + 1)) for column, top in highest.items()})
    if wrong.to_numpy().any():
        number = wrong.any(axis=1).idxmax()
        column = str(wrong.loc[number].idxmax())
        allowed = "1 or 2" if highest[column] == 2 else f"a number from 1 to {highest[column]}"
        value = table.loc[number, column]
        raise ValueError(f"{path}: line {number} has {value!r} in the column {column}; write {allowed}")
    return numbers.astype(np.int64)


def _doubled(names: list[str]) -> str | None:
    """The first name that came before."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _such_as(names: Collection[str] | None) -> str:
    """An example of how names look."""
    return f" (one is {min(names)})" if names else ""
