"""The output files of a run: ranked lists, sets, attributes, and `metrics.json`; written atomically and read strictly.

The course requires `reid_test.txt` (ranked lists) and `classification_test.csv`. `reid_sets.txt` is for people: per query
the images that probably show the same person. The readers accept files of other programs (byte order mark, Windows line
ends, blank lines, spaces around names) and reject malformed ones with one sentence: file, line, fault, and remedy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
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
from assignment_lib.environment import Settings
from assignment_lib.reporting.tables import REID_FIGURES

REID_TEST, REID_SETS, CLASSIFICATION_TEST = "reid_test.txt", "reid_sets.txt", "classification_test.csv"
#: The recipes that every run is compared with.
COMPARED = ("report", "strong")


def write_reid_test(
    path: Path, query_files: Sequence[str], gallery_files: Sequence[str], lists: Sequence[Tensor]
) -> None:
    """Write `reid_test.txt` or `reid_sets.txt`: a line per query, `000012.jpg: 000345.jpg, 004711.jpg`, best first.

    `lists[i]`, int64 `(K_i,)`, are positions in `gallery_files` for the i-th query; without any the line is
    `000012.jpg:`. Raises `ValueError` before writing if a query is missing or repeated, an image is repeated in a line or
    not in the gallery, or a name contains a separator.
    """
    for name in (*query_files, *gallery_files):
        if re.search(r"[\s:,]", name):
            raise ValueError(f"{path.name}: the file name {name!r} has a space, comma or colon; rename the file")
    if len(set(gallery_files)) != len(gallery_files):
        raise ValueError(f"{path.name}: a gallery file name is repeated; pass every image once")
    if len(lists) != len(query_files) or len(set(query_files)) != len(query_files):
        raise ValueError(
            f"{path.name}: {len(lists)} lists for {len(set(query_files))} different queries; pass one each"
        )
    lines = []
    for query, positions in zip(query_files, lists, strict=True):
        listed = positions.tolist()
        if listed and not 0 <= min(listed) <= max(listed) < len(gallery_files):
            raise ValueError(f"{path.name}: the list of {query} has a position outside the gallery")
        if len(set(listed)) != len(listed):
            raise ValueError(f"{path.name}: the list of {query} repeats an image")
        lines.append(f"{query}: {', '.join(gallery_files[position] for position in listed)}".rstrip())
    files.write_text(path, "\n".join(lines) + "\n")


write_reid_sets = write_reid_test


def read_reid_test(
    path: Path, queries: Sequence[str] | None = None, gallery: Collection[str] | None = None
) -> dict[str, list[str]]:
    """Read `reid_test.txt` or `reid_sets.txt`: query file name -> the gallery file names of its line, in that order.

    With the names of all `queries`, each must have exactly one line; with those of the `gallery`, a line may name no
    other image. Raises `ValueError` or `OSError` with one sentence.
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
        repeated = _first_repeated(images)
        if repeated is not None:
            raise ValueError(f"{place} names {repeated} twice; remove the second one")
        unknown = next((name for name in images if known_images is not None and name not in known_images), None)
        if unknown is not None:
            raise ValueError(f"{place} names {unknown}, which is not a test image{_example(known_images)}; correct it")
        lists[query], line_of[query] = images, number
    missing = [name for name in queries or () if name not in lists]
    if missing:
        raise ValueError(f"{path} has no line for {_few(missing)}; add '{missing[0]}:' with its images, or with none")
    return lists


read_reid_sets = read_reid_test


def write_classification_test(path: Path, image_files: Sequence[str], predictions: Tensor) -> None:
    """Write `classification_test.csv`: `id` (file name) and the 29 annotation columns of each test image.

    `predictions` are class indices `(N, 12)` int64. Raises `ValueError` before writing if the lengths differ or a file
    name is repeated.
    """
    if len(image_files) != len(predictions) or len(set(image_files)) != len(image_files):
        raise ValueError(
            f"{path.name}: {len(predictions)} predictions for {len(set(image_files))} different images; pass one each"
        )
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
        place = f"{path}: line {line}"
        if name in line_of:
            raise ValueError(f"{place} repeats the image {name} of line {line_of[name]}; keep one of them")
        if name not in known:
            raise ValueError(f"{place} has the id {name!r}, which is not a test image{_example(known)}; correct it")
        line_of[name] = line
    missing = [name for name in images if name not in line_of]
    if missing:
        raise ValueError(f"{path} has no row for {_few(missing)}; add one")
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


def write_metrics(path: Path, **content: Any) -> None:
    """Write `content` to `metrics.json`; other fields that an earlier notebook of the same run wrote are kept.

    Raises `ValueError` naming the file if the existing one is damaged.
    """
    earlier = _read_json(path) if path.exists() else {}
    files.write_text(path, json.dumps(earlier | content, indent=2) + "\n")


def read_metrics(path: Path) -> dict[str, Any]:
    """Read `metrics.json`. Its "attributes" and "reid", also those of "test", are complete where present.

    Raises `FileNotFoundError` without such a file, `ValueError` naming a damaged file.
    """
    content = _read_json(path)
    try:
        for scores in (content, content.get("test") or {}):
            numbers = []
            if scores.get("attributes"):
                numbers += [scores["attributes"][task][key] for task in (*TASKS, "average") for key in ("acc", "macc")]
            if scores.get("reid"):
                numbers += [scores["reid"][name] for name in REID_FIGURES]
            if not all(isinstance(number, int | float) and 0 <= number <= 1 for number in numbers):
                raise ValueError("a score is not a number between 0 and 1")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    return content


def other_recipes(settings: Settings, log: Callable[[str], None] = print) -> dict[str, dict[str, Any]]:
    """The `metrics.json` of the other recipes in `COMPARED` on the same data: recipe -> content.

    Only runs with the seed, backbone and pretrained weights of `settings` are included, because another seed has other
    validation people; `log` receives a sentence about each other one. With the committed settings the result is empty, so
    that the committed tables do not depend on `runs/`.
    """
    metrics: dict[str, dict[str, Any]] = {}
    wanted = {name: getattr(settings, name) for name in ("seed", "backbone", "pretrained")}
    for recipe in () if settings.committed else COMPARED:
        if recipe == settings.recipe:
            continue
        remedy = f"run the notebooks with RECIPE={recipe} to compare it"
        try:
            content = read_metrics(replace(settings, recipe=recipe).folder / "metrics.json")
        except FileNotFoundError:
            log(f"The recipe {recipe} has not been run on this data; {remedy}.")
        except ValueError as error:
            log(f"The recipe {recipe} is not compared: {error}.")
        else:
            differences = [
                f"{key} {content.get(key)} instead of {value}"
                for key, value in wanted.items()
                if content.get(key) != value
            ]
            if differences:
                log(f"The recipe {recipe} is not compared: its run has {', '.join(differences)}; {remedy}.")
            else:
                metrics[recipe] = content
    return metrics


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, error) from error
    if not isinstance(content, dict):
        raise _damaged(path, TypeError("not an object"))
    return content


def _damaged(path: Path, error: Exception) -> ValueError:
    name = f"{path.parent.name}/{path.name}"
    return ValueError(
        f"{name} is damaged ({type(error).__name__}: {error}); delete it and run notebooks 04 and 05 again"
    )


def _first_repeated(names: Sequence[str]) -> str | None:
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)  # type: ignore[func-returns-value]


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _example(names: Collection[str] | None) -> str:
    return f" (for example {min(names)})" if names else ""
