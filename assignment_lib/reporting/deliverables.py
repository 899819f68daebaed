"""The files to hand in: write, read, check.

The course asks for `reid_test.txt`, the ranked lists, and `classification_test.csv`. `reid_sets.txt` stands beside them:
for people, the images that a query is likely to be the same person as, which may be none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from torch import Tensor

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, TASKS, to_annotations
from assignment_lib.data.dataset import Dataset
from assignment_lib.reporting.handed_in import read_classes, read_lists

_REID = "reid_test.txt"
_SETS = "reid_sets.txt"
_CLASSIFICATION = "classification_test.csv"


def write_reid_test(
    path: Path, query_files: Sequence[str], gallery_files: Sequence[str], matches: Sequence[Tensor]
) -> None:
    """Write the course's `reid_test.txt`: a line per query, `000012.jpg: 000345.jpg, 004711.jpg`, best first.

    `matches[i]`, int64 `(K_i,)`, are positions in `gallery_files` for the i-th query. Raises `ValueError` instead of
    writing where a query is missing or doubled, an image stands twice in a line or is none of the gallery, or a name
    would break the line.
    """
    _write_lists(path, query_files, gallery_files, matches)


def write_reid_sets(
    path: Path, query_files: Sequence[str], gallery_files: Sequence[str], sets: Sequence[Tensor]
) -> None:
    """Write `reid_sets.txt`, in the form of `reid_test.txt`: for each query the images that are taken for its person.

    `sets[i]`, int64 `(K_i,)`, are positions in `gallery_files` for the i-th query; an empty set is written as `000012.jpg:`.
    Raises `ValueError` as `write_reid_test` does.
    """
    _write_lists(path, query_files, gallery_files, sets)


def read_reid_test(path: Path) -> dict[str, list[str]]:
    """Read `reid_test.txt`: query file name -> the gallery file names of its line, best first.

    Raises `ValueError` or `OSError` with the number of the first line that has another form, a query for the second time,
    or an image twice.
    """
    return read_lists(path)


def read_reid_sets(path: Path) -> dict[str, list[str]]:
    """Read `reid_sets.txt`: query file name -> the gallery file names of its set, which may be empty.

    Raises as `read_reid_test` does.
    """
    return read_lists(path)


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
    """Say what is wrong with the files of a run, read back from `folder`: an empty list where they can be handed in.

    Every query has one line, no line names an unknown image or one image twice, every test image has one row with all 29
    values; the first fault of each file is named. `classification_test.csv` is asked for where the training images have
    annotations, and `reid_sets.txt` is looked at where it is there.
    """
    names = [_REID] + ([_CLASSIFICATION] if data.has_attributes else [])
    missing = [f"{name} is not there; run notebook 05" for name in names if not (folder / name).exists()]
    if missing:
        return missing
    queries, gallery = list(data.query["file"]), list(data.gallery["file"])
    faults = []
    for name in names + ([_SETS] if (folder / _SETS).exists() else []):
        path = folder / name
        try:
            if name == _CLASSIFICATION:
                read_classes(path, gallery)
            else:
                read_lists(path, queries, gallery)
        except (ValueError, OSError) as error:
            faults.append(str(error).replace(str(path), name))
    return faults


def _write_lists(
    path: Path, query_files: Sequence[str], gallery_files: Sequence[str], matches: Sequence[Tensor]
) -> None:
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
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
