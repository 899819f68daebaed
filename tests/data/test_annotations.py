"""Annotations, attributes and truth as people save them; every fault in these files is named."""

import numpy as np
import pandas as pd
import pytest
from made_up_folders import PIDS, course, market, random_annotations, refused, save_mat

from assignment_lib.data.annotations import (
    TRUTH_FILE,
    odd_annotations,
    read_annotations,
    read_market_attributes,
    read_truth,
    with_test_truth,
)
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.dataset import load
from assignment_lib.data.layouts import parse_name
from assignment_lib.environment import PROJECT_ROOT

HEADER = ",".join(["id", *ANNOTATION_COLUMNS]).encode() + b"\n"
REAL = PROJECT_ROOT.parent / "shared" / "data" / "market1501"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(("first", "separator"), [("", ","), ("", "\t"), ("sep=;\r\n", ";"), ("", ";")])
def test_annotation_files_as_people_save_them(tmp_path, encoding, first, separator):
    """Zero-padded ids, spaces, capitals, other separators and encodings, Windows lines, other columns and order."""
    expected = to_targets(random_annotations(PIDS)).rename_axis("pid")
    frame = random_annotations(PIDS)[ANNOTATION_COLUMNS[::-1]].astype(str)
    frame.insert(0, "id", [f"{pid:04d}" for pid in PIDS])  # first, where a byte order mark would stick to it
    frame.insert(3, "comment", "x, y")
    frame.columns = [f"{column.upper()} " for column in frame.columns]
    frame.iloc[1] = frame.iloc[1] + " "
    frame.iloc[2, -1] += ".0"
    path = tmp_path / "annotations_train.csv"
    path.write_bytes((first + frame.to_csv(index=False, sep=separator, lineterminator="\r\n")).encode(encoding))
    pd.testing.assert_frame_equal(to_targets(read_annotations(str(path))), expected)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty"),
        (b"\xff\xfei\x00d\x00", "lacks the column age"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is not UTF-8"),
        (b"PK\x03\x04 a workbook", "Excel workbook"),
        (b"<html>not found</html>\n<p>x</p>", "lacks the column id"),
        (HEADER + b'1,"2', "is not CSV"),
        (HEADER + b"1\n", "line 2 has 1 values for 28 columns"),
        (HEADER.replace(b"hat", b"hat,HAT") + b"1\n", "the column hat twice"),
        (HEADER, "has no row below its header"),
        (b"id,age\n1,2\n", "lacks the column backpack, bag"),
    ],
)
def test_files_that_are_no_annotations(tmp_path, content, words):
    folder = course(tmp_path / "course")
    (folder / "annotations_train.csv").write_bytes(content)
    refused(ValueError, folder, folder / "annotations_train.csv", words)


def cell(column, value):
    return lambda frame: frame.assign(**{column: frame[column].where(frame.index != 1, value)})


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "line 5 repeats the id 2"),
        (cell("id", "0002"), "line 3 repeats the id 2"),
        (cell("id", "7.5"), "line 3 has '7.5' in column id"),
        (cell("id", "9" * 19), "in column id"),
        (cell("age", "5"), "line 3 has '5' in column age; write a number from 1 to 4"),
        (cell("hat", "0"), "line 3 has '0' in column hat; write 1 or 2"),
        (cell("upred", ""), "line 3 has '' in column upred"),
        (lambda frame: frame.iloc[1:], "lacks the training people 2; add them"),
        (lambda frame: frame.iloc[2:], "lacks the training people 2, 7;"),
    ],
)
def test_annotations_with_a_fault(tmp_path, change, words):
    folder = course(tmp_path / "course")
    path = folder / "annotations_train.csv"
    change(pd.read_csv(path, dtype=str)).to_csv(path, index=False)
    refused(ValueError, folder, path, words)


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
    frame["upmulticolor"] = [2, 1, 1, 1]
    odd = odd_annotations(frame).set_index("oddity")
    assert {oddity: row["examples"] for oddity, row in odd.iterrows() if row["people"]} == {
        "several upper-body colours": "7",
        "upmulticolor and a colour": "5",
        "no lower-body colour (multicolor)": "9",
        "male in a dress": "9",
        "backpack, bag and handbag together": "11",
    }
    assert odd["people"].sum() == 5 and len(odd) == 7


def test_attributes_of_one_person(tmp_path):
    frames = save_mat(tmp_path / "market_attribute.mat", train_pids=(2,))
    for frame, part in zip(read_market_attributes(tmp_path / "market_attribute.mat"), ("train", "test"), strict=True):
        pd.testing.assert_frame_equal(frame, frames[part].rename_axis("pid"))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"drop": ["hat", "age"]}, "'age'"),
        ({"change": lambda fields: fields.pop("test")}, "market_attribute.test is not one number per person"),
        (
            {"change": lambda fields: fields["train"].update(image_index=np.array(["0002"], object))},
            "market_attribute.train is not one number per person",
        ),
        (
            {"change": lambda fields: fields["test"].update(image_index=np.array(["0001", "0001"], object))},
            "it names a person twice",
        ),
        ({"change": lambda fields: fields["train"].update(age=np.array([[1, 9, 1]]))}, "id 7 has '9' in column age"),
    ],
)
def test_attribute_files_with_a_fault(tmp_path, options, words):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", **options)
    refused(ValueError, folder, folder / "market_attribute.mat", words)


@pytest.mark.parametrize("content", [b"", b"<html>", b"MATLAB 7.3 MAT-file" + bytes(500), None])
def test_attribute_files_that_are_none(tmp_path, content):
    mat = market(tmp_path / "market1501") / "market_attribute.mat"
    with pytest.raises(FileNotFoundError, match=r"market_attribute\.mat is missing; download it"):
        read_market_attributes(mat)
    save_mat(mat)
    mat.write_bytes(mat.read_bytes()[:-300] if content is None else content)
    refused(ValueError, mat.parent, mat, "remove it and download it again")


@pytest.mark.skipif(not REAL.is_dir(), reason="the attributes of Market-1501 are not next to the project")
def test_the_class_weights_of_the_report():
    """w_c = N / (C n_c) over the official training list, to the report's four digits."""
    names = (REAL / "train_files.txt").read_text().split()
    train, test = read_market_attributes(REAL / "market_attribute.mat")
    assert (len(names), len(train), len(test)) == (12_936, 751, 750)
    pids, cameras = zip(*map(parse_name, names), strict=True)
    assert set(pids) == set(train.index) and set(cameras) == {1, 2, 3, 4, 5, 6}
    targets = to_targets(train).loc[list(pids)]

    def weights(task):
        counts = np.bincount(targets[task], minlength=len(TASKS[task]))
        return [round(len(targets) / (len(counts) * count), 4) for count in counts]

    assert weights("clothes") == [3.4386, 0.5851]
    assert weights("hat") == [0.5116, 22.0751]
    assert weights("backpack") == [0.6910, 1.8087]
    assert weights("age") == [15.1831, 0.3202, 1.3276, 17.3871]
    assert weights("downcolor")[TASKS["downcolor"].index("purple")] == 44.6069


def test_truth_of_a_converted_test_is_the_original(converted):
    original, folder = converted
    data = load(folder)
    assert set(data.gallery["pid"]) == {-2}  # `load` does not read the truth
    known = with_test_truth(data)
    assert known.has_test_identities and known.train is data.train
    for part in ("query", "gallery"):
        ours, theirs = getattr(known, part), getattr(original, part)
        columns = ["pid", "camera", *TASKS]
        assert sorted(map(tuple, ours[columns].to_numpy())) == sorted(map(tuple, theirs[columns].to_numpy()))
    assert with_test_truth(original) is original
    truth, first = pd.read_csv(folder / TRUTH_FILE, dtype={"file": str}), data.gallery["file"][0]
    truth[(truth["file"] != first) | (truth["folder"] != "test")].to_csv(folder / TRUTH_FILE, index=False)
    with pytest.raises(ValueError, match=f"no row for test/{first}"):
        with_test_truth(data)


def test_truth_with_an_empty_camera_cell(converted):
    table = pd.read_csv(converted[1] / TRUTH_FILE, dtype=str)
    table.loc[0, "camera"] = ""
    table.to_csv(converted[1] / TRUTH_FILE, index=False)
    assert (read_truth(converted[1]).gallery["camera"] == -1).sum() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(",hat", ",cap"), "lacks the column hat"),
        (lambda text: text + text.splitlines()[1], "repeats the image"),
        (lambda text: text.replace("queries,", "test2,"), "has the folder 'test2'"),
        (lambda text: "".join(line for line in text.splitlines(True) if "test," not in line), "no row with"),
    ],
)
def test_truth_files_with_a_fault_give_one_sentence(converted, change, words):
    path = converted[1] / TRUTH_FILE
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=words) as raised:
        read_truth(path)
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        read_truth("nowhere.csv")
