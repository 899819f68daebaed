"""Read the course's annotation CSV."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, to_targets
from assignment_lib.data.messages import few

ANNOTATIONS_FILE = "annotations_train.csv"


def read_annotations(path: str | Path) -> pd.DataFrame:
    """The course's annotation CSV in annotation form: int64 columns, the index `pid` (int64).

    Ids may be zero-padded; column names may differ in case and spaces; comma, semicolon or tab separate. Columns other
    than id, the 27 annotation columns, upmulticolor and downmulticolor are ignored.
    Raises `ValueError` with one sentence for an unreadable or empty file, a missing column, a duplicate id or a value
    that is not allowed.
    """
    frame = _read_csv(Path(path))
    if "id" not in frame.columns:
        raise ValueError(f"{path}: the column id is missing; it has {few(frame.columns)}")
    pids = _whole_numbers(frame["id"], str(path))
    duplicates = pids[pids.duplicated()]
    if len(duplicates):
        raise ValueError(f"{path}: the id {duplicates.iloc[0]} has several rows; keep one per person")
    columns = [column for column in CLASSIFICATION_COLUMNS if column in frame.columns]
    values = frame[columns].set_axis([f"of id {pid}" for pid in pids])  # so that messages say "row of id 7"
    values = values.apply(_whole_numbers, source=str(path))
    to_targets(values, str(path))  # says what is missing or not allowed
    return values.set_axis(pd.Index(pids, name="pid"))


def _read_csv(path: Path) -> pd.DataFrame:
    """All cells as stripped text, column names stripped and in lower case; rows are numbered from 1.

    `pandas.read_csv` would guess types, fill short rows and rename repeated columns, so that faults could not be named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        separator = max(",;\t", key=text.lstrip().partition("\n")[0].count)
        rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=separator)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a CSV file in UTF-8 ({error}); save it as one") from error
    rows = [row for row in rows if any(row)]
    if not rows:
        raise ValueError(f"{path} is empty; it needs the columns id, {', '.join(ANNOTATION_COLUMNS)}")
    header = [name.lower() for name in rows[0]]
    repeated = next((name for name in header if name and header.count(name) > 1), None)
    if repeated:
        raise ValueError(f"{path}: the column {repeated} appears twice; remove one")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header but no rows; it needs one row per person")
    for row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(
                f"{path}: the row that begins with {row[0]!r} has {len(row)} cells, the header {len(header)}; "
                "give it one per column"
            )
    return pd.DataFrame(rows[1:], columns=header, index=range(1, len(rows)))


def _whole_numbers(column: pd.Series, source: str) -> pd.Series:
    wrong = column[~column.str.fullmatch(r"-?[0-9]{1,18}(\.0*)?")]
    if len(wrong):
        raise ValueError(
            f"{source}: row {wrong.index[0]} has {wrong.iloc[0]!r} in the column {column.name}, "
            "which is not a whole number; correct or remove that row"
        )
    return column.str.partition(".")[0].astype(np.int64)
