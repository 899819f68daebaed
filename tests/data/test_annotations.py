"""Annotation files as people save them; every fault in them is named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_folders import PIDS, REAL, course, market, needs_real, random_annotations, refused, save_mat

from assignment_lib.data.annotations import (
    TRUTH_FILE,
    odd_annotations,
    read_annotations,
    read_market_attributes,
    read_truth,
    with_test_truth,
)
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.dataset import load
from assignment_lib.data.layouts import parse_name

HEADER = ",".join(["id", *ANNOTATION_COLUMNS]).encode() + b"\n"


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
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfei\x00d\x00", "lacks the column age"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not UTF-8"),
        (b"PK\x03\x04 a workbook", "Excel workbook"),
        (b"<html>not found</html>\n<p>x</p>", "lacks the column id"),
        (HEADER + b"1\n", "line 2 has 1 values for 28 columns"),
        (HEADER.replace(b"age", b"hat"), "lacks the column age"),
        (HEADER.replace(b"hat", b"hat,HAT") + b"1\n", "the column hat twice"),
        (HEADER, "has no row below its header"),
        (b"id,age\n1,2\n", "lacks the column backpack, bag"),
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
        (lambda frame: frame.drop(columns="hat"), "lacks the column hat"),
        (lambda frame: frame.drop(columns="id"), "lacks the column id"),
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "line 5 repeats the id 2"),
        (change_cell("id", "0002"), "line 3 repeats the id 2"),
        (change_cell("id", "7.5"), "line 3 has '7.5' in column id"),
        (change_cell("id", ""), "line 3 has '' in column id"),
        (change_cell("id", "9" * 19), "in column id"),
        (change_cell("age", "5"), "line 3 has '5' in column age; write a number from 1 to 4"),
        (change_cell("hat", "0"), "line 3 has '0' in column hat; write 1 or 2"),
        (change_cell("gender", "1.5"), "line 3 has '1.5' in column gender"),
        (change_cell("upred", "x"), "line 3 has 'x' in column upred"),
        (change_cell("bag", ""), "line 3 has '' in column bag"),
        (lambda frame: frame.iloc[1:], "id 2 has training images but no annotations; add the rows"),
        (lambda frame: frame.iloc[2:], "ids 2, 7 have training images but no annotations"),
    ],
)
def test_annotations_with_a_fault(tmp_path, change, words):
    folder = course(tmp_path / "course")
    path = rewrite(folder, change)
    before = path.read_bytes()
    refused(ValueError, folder, path, words)
    assert path.read_bytes() == before


def test_odd_annotations_are_counted_and_named():
    plain = dict.fromkeys(ANNOTATION_COLUMNS, 1) | {"age": 2, "clothes": 2, "upred": 2, "downblue": 2}
    frame = pd.DataFrame(
        [
            plain,
            plain | {"upblack": 2},  # two upper colours
            plain | {"downblue": 1, "gender": 1, "clothes": 1},  # no lower colour; a man in a dress
            plain | {"backpack": 2, "bag": 2, "handbag": 2},
        ],
        index=[5, 7, 9, 11],
    )
    odd = odd_annotations(frame).set_index("oddity")
    assert odd["people"].to_dict() == {
        "several upper-body colours": 1,
        "no upper-body colour (multicolor)": 0,
        "several lower-body colours": 0,
        "no lower-body colour (multicolor)": 1,
        "male in a dress": 1,
        "backpack, bag and handbag together": 1,
    }
    assert odd.loc["several upper-body colours", "examples"] == "7"
    frame["upmulticolor"] = [2, 1, 1, 1]
    odd = odd_annotations(frame).set_index("oddity")
    assert odd.loc["upmulticolor and a colour", "examples"] == "5"


def test_attributes_are_read_by_field_name(tmp_path):
    frames = save_mat(tmp_path / "market_attribute.mat")
    for frame, part in zip(read_market_attributes(tmp_path / "market_attribute.mat"), ("train", "test"), strict=True):
        expected = frames[part].rename_axis("pid")
        pd.testing.assert_frame_equal(frame, expected)


def test_attributes_of_one_person_are_read(tmp_path):
    save_mat(tmp_path / "market_attribute.mat", train_pids=(2,))
    assert read_market_attributes(tmp_path / "market_attribute.mat")[0].index.tolist() == [2]


def _too_many_indices(fields):
    fields["train"]["image_index"] = np.array(["0002"], object)


def _twice(fields):
    fields["test"]["image_index"] = np.array(["0001", "0001"], object)


def _no_test(fields):
    del fields["test"]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"drop": ["hat", "age"]}, "market_attribute.train lacks age"),
        ({"change": _no_test}, "market_attribute.test lacks image_index"),
        ({"change": _too_many_indices}, "market_attribute.train is not one number per person"),
        ({"change": _twice}, "market_attribute.test names a person twice"),
    ],
)
def test_attribute_files_with_a_fault(tmp_path, options, words):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", **options)
    refused(ValueError, folder, folder / "market_attribute.mat", words)


@pytest.mark.parametrize("content", [b"", b"<html>", b"MATLAB 7.3 MAT-file" + bytes(500), None])
def test_attribute_files_that_are_none(tmp_path, content):
    folder = market(tmp_path / "market1501")
    mat = folder / "market_attribute.mat"
    save_mat(mat)
    mat.write_bytes(mat.read_bytes()[:-300] if content is None else content)
    refused(ValueError, folder, mat, "remove it and download it again")


def test_a_missing_attribute_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"market_attribute\.mat is missing; download it from github"):
        read_market_attributes(tmp_path / "market_attribute.mat")


def test_an_attribute_value_out_of_range(tmp_path):
    folder = market(tmp_path / "market1501")

    def change(fields):
        fields["train"]["age"] = np.array([[1, 9, 1]])

    save_mat(folder / "market_attribute.mat", change=change)
    refused(ValueError, folder, folder / "market_attribute.mat", "in the column age")


@needs_real
def test_the_class_weights_of_the_report():
    """w_c = N / (C n_c) over the official training list, to the report's four digits."""
    names = (REAL / "train_files.txt").read_text().split()
    train, test = read_market_attributes(REAL / "market_attribute.mat")
    assert (len(names), len(train), len(test)) == (12_936, 751, 750)
    assert not set(train.index) & set(test.index)
    pids = [parse_name(name)[0] for name in names]
    assert set(pids) == set(train.index)
    assert {parse_name(name)[1] for name in names} == {1, 2, 3, 4, 5, 6}
    targets = to_targets(train).loc[pids]

    def weights(task):
        counts = np.bincount(targets[task], minlength=len(TASKS[task]))
        return [round(len(targets) / (len(counts) * count), 4) for count in counts]

    assert weights("clothes") == [3.4386, 0.5851]
    assert weights("hat") == [0.5116, 22.0751]
    assert weights("backpack") == [0.6910, 1.8087]
    assert weights("age") == [15.1831, 0.3202, 1.3276, 17.3871]
    assert weights("downcolor")[TASKS["downcolor"].index("purple")] == 44.6069


def test_the_truth_beside_the_test_is_not_read(tmp_path):
    folder = course(tmp_path / "course")
    (folder / "test_truth.csv").write_text("folder,file,pid,camera\ntest,000000.jpg,5,1\n")
    assert set(load(folder).gallery["pid"]) == {-2}


def test_truth_of_a_converted_test_is_the_original(converted):
    original, folder = converted
    data = load(folder)
    assert not data.has_test_identities
    known = with_test_truth(data)
    assert known.has_test_identities
    assert known.train is data.train
    for part in ("query", "gallery"):
        ours, theirs = getattr(known, part), getattr(original, part)
        columns = ["pid", "camera", *TASKS]
        assert sorted(map(tuple, ours[columns].to_numpy())) == sorted(map(tuple, theirs[columns].to_numpy()))


def test_truth_that_does_not_fit_is_named(converted):
    folder = converted[1]
    data = load(folder)
    truth = pd.read_csv(folder / TRUTH_FILE, dtype={"file": str})
    first = data.gallery["file"][0]
    truth[(truth["file"] != first) | (truth["folder"] != "test")].to_csv(folder / TRUTH_FILE, index=False)
    with pytest.raises(ValueError, match=f"no row for test/{first}"):
        with_test_truth(data)
    truth.drop(columns="hat").to_csv(folder / TRUTH_FILE, index=False)
    with pytest.raises(ValueError, match="lacks the column hat"):
        with_test_truth(data)


def test_without_truth_nothing_changes(converted):
    assert with_test_truth(converted[0]) is converted[0]


def truth_text(converted):
    return (converted[1] / TRUTH_FILE).read_text()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: ("sep=;\n" + text.replace(",", ";")).encode(),
        lambda text: text.replace(",", ";").replace("\n", "\r\n").encode(),
    ],
    ids=["byte order mark", "UTF-16", "sep=;", "semicolons"],
)
def test_truth_as_spreadsheets_save_it(converted, change):
    expected = read_truth(converted[1])
    (converted[1] / TRUTH_FILE).write_bytes(change(truth_text(converted)))
    for path in (converted[1], str(converted[1] / TRUTH_FILE)):
        truth = read_truth(path)
        pd.testing.assert_frame_equal(truth.query, expected.query)
        pd.testing.assert_frame_equal(truth.gallery, expected.gallery)


def test_an_empty_camera_cell_is_an_unknown_camera(converted):
    table = pd.read_csv(converted[1] / TRUTH_FILE, dtype=str)
    table.loc[0, "camera"] = ""
    table.to_csv(converted[1] / TRUTH_FILE, index=False)
    assert (read_truth(converted[1]).gallery["camera"] == -1).sum() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04", "Excel workbook"),
        (b"", "is empty"),
        (b"\xff\x00\x9f", "not UTF-8"),
        (b"folder,file,pid\n", "lacks the column camera"),
        (b'folder,file,pid,camera,"age\n1,2', "is not CSV"),
    ],
)
def test_truth_files_with_a_fault_give_one_sentence(converted, content, words):
    path = converted[1] / TRUTH_FILE
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as raised:
        read_truth(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_a_repeated_image_and_a_missing_file_are_named(converted, tmp_path):
    path = converted[1] / TRUTH_FILE
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[1]]))
    with pytest.raises(ValueError, match="repeats the image"):
        read_truth(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_truth(tmp_path / "nowhere.csv")
