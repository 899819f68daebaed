"""Who is in an anonymous test, where the maker of a data set kept it: for scoring only, `dataset.load` never looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.dataset import Dataset

#: Written by `convert.to_course` and beside the built-in data set.
TRUTH_FILE = "test_truth.csv"


def read_truth(folder: str | Path) -> pd.DataFrame:
    """`test_truth.csv` in `folder`: who is in `test/` and `queries/`, one row per image.

    Columns: folder ("test" or "queries"), file, pid (-1 junk, 0 distractor), camera, and the 29 columns of
    `CLASSIFICATION_COLUMNS` as nullable integers, empty where an image has no annotations.
    Raises `FileNotFoundError` (no such file) or `ValueError` (a column is missing) with one sentence.
    """
    path = Path(folder) / TRUTH_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there: only the built-in data set and converted ones come with it; "
            "make one with assignment_lib.synthetic.draw(folder)"
        )
    table = pd.read_csv(path, dtype={"file": str})
    missing = {"folder", "file", "pid", "camera", *CLASSIFICATION_COLUMNS} - set(table.columns)
    if missing:
        raise ValueError(f"{path}: the column {min(missing)} is missing; make the data set again")
    return table.astype({column: "Int64" for column in CLASSIFICATION_COLUMNS})


def with_test_truth(data: Dataset) -> Dataset:
    """`data` with the identities, cameras and targets of its anonymous test, where `test_truth.csv` lies beside it.

    Unchanged where the identities are known already or there is no such file.
    Raises `ValueError` with one sentence where the file does not fit the images.
    """
    path = data.root / TRUTH_FILE
    if data.has_test_identities or not path.is_file():
        return data
    truth = read_truth(data.root)
    return replace(
        data,
        query=_with_truth(data.query, truth[truth["folder"] == "queries"], "queries", path),
        gallery=_with_truth(data.gallery, truth[truth["folder"] == "test"], "test", path),
    )


def _with_truth(table: pd.DataFrame, truth: pd.DataFrame, folder: str, path: Path) -> pd.DataFrame:
    """`table` with the identities, cameras and targets of its images from their rows of the truth."""
    rows = truth.drop_duplicates("file").set_index("file")
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
    return table
