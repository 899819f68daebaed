"""Annotation files as people save them, and every fault in them named."""

from pathlib import Path

import pandas as pd
import pytest
from made_up_folders import PIDS, course, random_annotations, refused

from assignment_lib.data.annotations import read_annotations
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets


def rewrite(folder: Path, change) -> Path:
    """Let `change` edit the annotations, read as text."""
    path = folder / "annotations_train.csv"
    frame = change(pd.read_csv(path, dtype=str))
    frame.to_csv(path, index=False)
    return path


def test_annotation_files_as_people_save_them(tmp_path):
    """Zero-padded ids, spaces, capitals, semicolons, a byte order mark, Windows lines, other columns and order."""
    expected = to_targets(random_annotations(PIDS)).rename_axis("pid")
    frame = random_annotations(PIDS)[ANNOTATION_COLUMNS[::-1]].astype(str)
    frame.insert(0, "id", [f"{pid:04d}" for pid in PIDS])  # first, where a byte order mark would stick to it
    frame.insert(3, "comment", "x, y")
    frame.columns = [f"{column.upper()} " for column in frame.columns]
    frame.iloc[1] = frame.iloc[1] + " "
    frame.iloc[2, -1] += ".0"
    path = tmp_path / "annotations_train.csv"
    for separator in ",;\t":
        frame.to_csv(path, index=False, sep=separator, encoding="utf-8-sig", lineterminator="\r\n")
        pd.testing.assert_frame_equal(to_targets(read_annotations(path)), expected)


def test_multicolor_columns_are_read(tmp_path):
    frame = random_annotations((2,))
    for color in CLASSIFICATION_COLUMNS:
        if color.startswith(("up", "down")) and color not in TASKS:
            frame[color] = 1
    frame["upmulticolor"], frame["downbrown"] = 2, 2
    frame.to_csv(tmp_path / "a.csv")
    targets = to_targets(read_annotations(tmp_path / "a.csv"))
    assert targets.loc[2, ["upcolor", "downcolor"]].tolist() == [8, 8]


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty; it needs the columns id, age"),
        (b"\n \n", "is empty; it needs the columns id, age"),
        (b"\xff\xfei\x00d\x00", "is not a CSV file in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not a CSV file in UTF-8"),
        (b"<html>not found</html>\n<p>x</p>", "the column id is missing; it has <html>not found</html>"),
        (b"id,age\n1\n", "the row that begins with '1' has 1 cells, the header 2"),
        (b"id,age\n1,2,3\n", "has 3 cells, the header 2"),
        (b"id,age,AGE\n1,2,3\n", "the column age appears twice"),
        (b"id,age\n", "has a header but no rows"),
        (b"id,age\n1,2\n", "the columns backpack, bag"),
    ],
)
def test_files_that_are_no_annotations(tmp_path, content, words):
    folder = course(tmp_path / "course")
    (folder / "annotations_train.csv").write_bytes(content)
    refused(ValueError, folder, folder / "annotations_train.csv", words)


def change_cell(column, value):
    def change(frame):
        frame.loc[1, column] = value
        return frame

    return change


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda frame: frame.drop(columns="hat"), "the column hat is missing"),
        (lambda frame: frame.drop(columns="id"), "the column id is missing; it has age"),
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "the id 2 has several rows; keep one per person"),
        (change_cell("id", "0002"), "the id 2 has several rows"),
        (change_cell("id", "7.5"), "row 2 has '7.5' in the column id, which is not a whole number"),
        (change_cell("id", ""), "row 2 has '' in the column id, which is not a whole number"),
        (change_cell("id", "seven"), "row 2 has 'seven' in the column id, which is not a whole number"),
        (change_cell("age", "5"), "row of id 7 has … in the column age, where only 1 to 4 are allowed"),
        (change_cell("hat", "0"), "row of id 7 has … in the column hat, where only 1 to 2 are allowed"),
        (change_cell("gender", "1.5"), "row of id 7 has '1.5' in the column gender, which is not a whole number"),
        (change_cell("upred", "x"), "row of id 7 has 'x' in the column upred, which is not a whole number"),
        (change_cell("bag", ""), "row of id 7 has '' in the column bag, which is not a whole number"),
        (lambda frame: frame.iloc[1:], "id 2 has training images but no annotations; add the rows"),
        (lambda frame: frame.iloc[2:], "ids 2, 7 have training images but no annotations"),
    ],
)
def test_annotations_with_a_fault(tmp_path, change, words):
    folder = course(tmp_path / "course")
    path = rewrite(folder, change)
    before = path.read_bytes()
    refused(ValueError, folder, path, *words.split(" … "))
    assert path.read_bytes() == before
