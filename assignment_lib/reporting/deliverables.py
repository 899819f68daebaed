"""The two files that the course asks for, `reid_test.txt` and `classification_test.csv`: write, read, check."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from torch import Tensor

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, TASKS, to_annotations, to_targets
from assignment_lib.data.dataset import Dataset

_REID = "reid_test.txt"
_CLASSIFICATION = "classification_test.csv"


def write_reid_test(
    path: Path, query_files: Sequence[str], gallery_files: Sequence[str], matches: Sequence[Tensor]
) -> None:
    """Write the course's `reid_test.txt`: a line per query, `000012.jpg: 000345.jpg, 004711.jpg`, best first.

    `matches[i]`, int64 `(K_i,)`, are positions in `gallery_files` for the i-th query. Raises `ValueError` instead of
    writing where a query is missing or doubled, an image stands twice in a line or is none of the gallery, or a name
    would break the line.
    """
    for name in (*query_files, *gallery_files):
        if re.search(r"[\s:,]", name):
            raise ValueError(f"{path.name}: the file name {name!r} has a space, comma or colon; rename it")
    if len(set(gallery_files)) != len(gallery_files):
        raise ValueError(f"{path.name}: a gallery file has two places; every image is to be there once")
    if len(matches) != len(query_files) or len(set(query_files)) != len(query_files):
        raise ValueError(f"{path.name}: {len(matches)} lists for {len(set(query_files))} different queries")
    lines = []
    for query, positions in zip(query_files, matches, strict=True):
        places = positions.tolist()
        if places and not 0 <= min(places) <= max(places) < len(gallery_files):
            raise ValueError(f"{path.name}: the list of {query} names an image that the gallery does not have")
        found = [gallery_files[place] for place in places]
        if len(set(found)) != len(found):
            raise ValueError(f"{path.name}: an image stands twice in the list of {query}")
        lines.append(f"{query}: {', '.join(found)}".rstrip())
    path.write_text("\n".join(lines) + "\n")


def read_reid_test(path: Path) -> dict[str, list[str]]:
    """Read `reid_test.txt`: query file name -> the gallery file names of its line, best first.

    Raises `ValueError` with the number of the first line that has another form or a query for the second time.
    """
    retrieved: dict[str, list[str]] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.fullmatch(r"([^:,\s]+):((?: [^:,\s]+)(?:, [^:,\s]+)*)?", line)
        if match is None or match[1] in retrieved:
            raise ValueError(f"{path}: line {number} is not 'query.jpg: a.jpg, b.jpg' with each query once")
        retrieved[match[1]] = match[2].strip().split(", ") if match[2] else []
    return retrieved


def write_classification_test(path: Path, files: Sequence[str], predictions: Tensor) -> None:
    """Write the course's `classification_test.csv`: `id` (file name) and the 29 annotation columns of each test image.

    `predictions` `(N, 12)` int64 in the target form. Raises `ValueError` instead of writing where the lengths differ or a
    file stands twice.
    """
    if len(files) != len(predictions) or len(set(files)) != len(files):
        raise ValueError(f"{path.name}: {len(predictions)} predictions for {len(set(files))} different images")
    table = to_annotations(pd.DataFrame(predictions.numpy(), columns=list(TASKS)))
    table.insert(0, "id", list(files))
    table[["id", *CLASSIFICATION_COLUMNS]].to_csv(path, index=False)


def check_deliverables(folder: Path, data: Dataset) -> list[str]:
    """Say what is wrong with the two files of a run, read back from `folder`: an empty list where they can be handed in.

    Every query has one line, no line names an unknown image or one image twice, every test image has one row with all 29
    values. `classification_test.csv` is asked for where the training images have annotations.
    """
    names = [_REID] + ([_CLASSIFICATION] if data.has_attributes else [])
    missing = [f"{name} is not there; run notebook 05" for name in names if not (folder / name).exists()]
    if missing:
        return missing
    try:
        lists = read_reid_test(folder / _REID)
    except ValueError as error:
        return [f"{_REID}: {error}"]
    gallery = set(data.gallery["file"])
    faults = _list_faults(lists, set(data.query["file"]), gallery)
    if data.has_attributes:
        faults += _row_faults(pd.read_csv(folder / _CLASSIFICATION, dtype={"id": str}), gallery)
    return faults


def _list_faults(lists: dict[str, list[str]], queries: set[str], gallery: set[str]) -> list[str]:
    faults = []
    for name, wrong in (("queries without a line", queries - set(lists)), ("lines of no query", set(lists) - queries)):
        if wrong:
            faults.append(f"{_REID}: {len(wrong)} {name}, for example {min(wrong)}")
    for query, found in lists.items():
        if len(set(found)) != len(found) or not set(found) <= gallery:
            faults.append(f"{_REID}: the list of {query} has an image twice or one that is not in the gallery")
    return faults


def _row_faults(table: pd.DataFrame, gallery: set[str]) -> list[str]:
    faults = []
    if list(table.columns) != ["id", *CLASSIFICATION_COLUMNS]:
        faults.append(f"{_CLASSIFICATION}: the columns are not id and the 29 of the annotations")
    else:
        faults += _value_faults(table)
    if sorted(table["id"]) != sorted(gallery):
        faults.append(f"{_CLASSIFICATION}: not every test image has exactly one row")
    return faults


def _value_faults(table: pd.DataFrame) -> list[str]:
    try:
        right = to_annotations(to_targets(table, _CLASSIFICATION))
    except ValueError as error:
        return [str(error)]
    wrong = (right.to_numpy() != table[list(CLASSIFICATION_COLUMNS)].to_numpy()).any(1)
    if not wrong.any():
        return []
    return [f"{_CLASSIFICATION}: {table['id'][wrong.argmax()]} has not exactly one colour a body part"]
