"""The output files of a run: ranked lists, sets, attributes, and `metrics.json`, written atomically and read strictly.

The course requires `reid_test.txt` (ranked lists) and `classification_test.csv`. `reid_sets.txt` has the form of
`reid_test.txt` and is for people: per query the images that probably show the same person. The readers accept files of
other programs (byte order mark, Windows line ends, blank lines, spaces around names) and reject malformed ones with one
sentence: file, line, fault, and remedy.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor

from assignment_lib import files
from assignment_lib.data.annotations import annotation_values, read_csv, read_text
from assignment_lib.data.attributes import (
    ANNOTATION_COLUMNS,
    CLASSIFICATION_COLUMNS,
    COLOR_PREFIX,
    TASKS,
    color_columns,
    to_annotations,
    to_targets,
)
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.layouts import few

REID_TEST, REID_SETS, CLASSIFICATION_TEST = "reid_test.txt", "reid_sets.txt", "classification_test.csv"


def write_reid_test(
    path: Path, query_files: Sequence[str], gallery_files: Sequence[str], lists: Sequence[Tensor]
) -> None:
    """Write `reid_test.txt` or `reid_sets.txt`: a line per query, `000012.jpg: 000345.jpg, 004711.jpg`, best first.

    `lists[i]`, int64 `(K_i,)`, are the positions in `gallery_files` for query i; an empty list gives `000012.jpg:`.
    Raises `ValueError` before writing if a file name is repeated or contains a separator, a query has no list, or a list
    repeats an image or names one outside the gallery.
    """
    for name in (*query_files, *gallery_files):
        if re.search(r"[\s:,]", name):
            raise ValueError(f"{path.name}: the file name {name!r} has a space, comma or colon; rename the file")
    if len(lists) != len(query_files) or any(len(set(names)) < len(names) for names in (query_files, gallery_files)):
        raise ValueError(f"{path.name}: pass one list per query, and each query and gallery file name once")
    lines, known = [], range(len(gallery_files))
    for query, positions in zip(query_files, lists, strict=True):
        listed = positions.tolist()
        if len(set(listed)) < len(listed) or not all(position in known for position in listed):
            raise ValueError(f"{path.name}: the list of {query} repeats an image or has a position outside the gallery")
        lines.append(f"{query}: {', '.join(gallery_files[position] for position in listed)}".rstrip())
    files.write_text(path, "\n".join(lines) + "\n")


def read_reid_test(
    path: Path, queries: Sequence[str] | None = None, gallery: Collection[str] | None = None
) -> dict[str, list[str]]:
    """Read `reid_test.txt` or `reid_sets.txt`: query file name -> the gallery file names of its line, in that order.

    If `queries` is given, each of them must have exactly one line. If `gallery` is given, all images must be in it.
    Raises `ValueError` or `OSError` with one sentence.
    """
    lines = read_text(path).rstrip().split("\n")
    lists: dict[str, list[str]] = {}
    line_of: dict[str, int] = {}
    known_queries, known_images = (None if names is None else set(names) for names in (queries, gallery))
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}: line {number}"
        match = re.fullmatch(r"\s*([^:,\s]+)\s*:\s*([^:,\s]+(?:\s*,\s*[^:,\s]+)*)?\s*", line)
        if match is None:
            raise ValueError(f"{place} does not have the form 'query.jpg: a.jpg, b.jpg'; correct it")
        query, images = match[1], re.split(r"\s*,\s*", match[2]) if match[2] else []
        if query in lists:
            raise ValueError(f"{place} repeats the query {query} of line {line_of[query]}; keep one of them")
        if known_queries is not None and query not in known_queries:
            raise ValueError(f"{place} begins with {query}, which is not a query{_example(known_queries)}; correct it")
        for name, count in Counter(images).items():
            if count > 1:
                raise ValueError(f"{place} names {name} {count} times; name it once")
            if known_images is not None and name not in known_images:
                raise ValueError(f"{place} names {name}, which is not a test image{_example(known_images)}; correct it")
        lists[query], line_of[query] = images, number
    missing = [name for name in queries or () if name not in lists]
    if missing:
        raise ValueError(f"{path} has no line for {few(missing, 3)}; add '{missing[0]}:' with its images, or with none")
    return lists


def write_classification_test(path: Path, image_files: Sequence[str], predictions: Tensor) -> None:
    """Write `classification_test.csv`: `id` (file name) and the 29 annotation columns of each test image.

    `predictions` are class indices `(N, 12)` int64. Raises `ValueError` before writing if the lengths differ or a file
    name is repeated.
    """
    n_images = len(set(image_files))
    if not len(image_files) == len(predictions) == n_images:
        raise ValueError(f"{path.name}: {len(predictions)} predictions for {n_images} different images; pass one each")
    table = to_annotations(pd.DataFrame(predictions.numpy(), columns=list(TASKS)))
    table.insert(0, "id", list(image_files))
    files.write_text(path, table[["id", *CLASSIFICATION_COLUMNS]].to_csv(index=False, lineterminator="\n"))


def read_classification_test(path: Path, images: Sequence[str]) -> pd.DataFrame:
    """Read `classification_test.csv`: the class indices of `images`, in that order, one column per task.

    Both forms are read: 29 columns, and 27 without upmulticolor and downmulticolor. Raises `ValueError` or `OSError` with
    one sentence if a column or an image is missing, an image is repeated or unknown, or a value is invalid.
    """
    table = read_csv(path, ["id", *ANNOTATION_COLUMNS])
    known, line_of = set(images), dict[str, int]()
    for line, name in table["id"].items():
        if name in line_of:
            raise ValueError(f"{path}: line {line} repeats the image {name} of line {line_of[name]}; keep one of them")
        if name not in known:
            raise ValueError(f"{path}: line {line} has the id {name!r}, not a test image{_example(known)}; correct it")
        line_of[name] = line
    missing = [name for name in images if name not in line_of]
    if missing:
        raise ValueError(f"{path} has no row for {few(missing, 3)}; add one")
    values = annotation_values(table, path)
    for task in COLOR_PREFIX:
        columns = [column for column in color_columns(task, multicolor=True) if column in values]
        marks, multicolor = (values[columns] == 2).sum(axis=1), columns[-1].endswith("multicolor")
        wrong = marks.ne(1) if multicolor else marks.gt(1)
        if wrong.any():
            line = wrong.idxmax()
            raise ValueError(
                f"{path}: line {line} has a 2 in {marks[line]} of the columns {columns[0]} to {columns[-1]}; "
                "write 2 in one of them and 1 in the others"
            )
    return to_targets(values).set_axis(table["id"]).loc[list(images)].reset_index(drop=True)


def check_output_files(folder: Path, data: Dataset) -> list[str]:
    """Read the output files of a run in `folder` and return the first fault of each; an empty list if there is none.

    `classification_test.csv` is required if the training images have annotations; `reid_sets.txt` is optional.
    """
    required = [REID_TEST] + ([CLASSIFICATION_TEST] if data.has_attributes else [])
    missing = [f"{name} is missing; run notebook 05" for name in required if not (folder / name).exists()]
    if missing:
        return missing
    queries, gallery = list(data.query["file"]), list(data.gallery["file"])
    faults = []
    for name in required + ([REID_SETS] if (folder / REID_SETS).exists() else []):
        try:
            if name == CLASSIFICATION_TEST:
                read_classification_test(folder / name, gallery)
            else:
                read_reid_test(folder / name, queries, gallery)
        except (ValueError, OSError) as error:
            faults.append(str(error).replace(str(folder / name), name))
    return faults


#: The fields of `metrics.json` that tell the networks of one folder apart.
_NETWORK = ("seed", "backbone")


def write_metrics(path: Path, **content: Any) -> None:
    """Write `content` to `metrics.json`; other fields that an earlier notebook wrote for the same network are kept.

    Fields of a network with another seed or backbone are removed. Raises `ValueError` naming the file if the existing one
    is damaged.
    """
    if path.exists():
        try:
            earlier = json.loads(path.read_text(encoding="utf-8")) | {}
            same = all(earlier.get(name, value) == value for name, value in content.items() if name in _NETWORK)
            content = (earlier if same else {}) | content
        except (TypeError, ValueError) as error:
            name = f"{path.parent.name}/{path.name}"
            raise ValueError(f"{name} is damaged ({error}); delete it and run notebooks 04 and 05 again") from error
    files.write_text(path, json.dumps(content, indent=2) + "\n")


def _example(names: Collection[str]) -> str:
    return f" (for example {min(names)})" if names else ""
