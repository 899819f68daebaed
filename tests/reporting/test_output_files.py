import json
import re

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.dataset import Dataset
from assignment_lib.reporting import output_files

QUERIES, IMAGES = ["q1.jpg", "q2.jpg"], ["a.jpg", "b.jpg", "c.jpg"]
LISTS = "q1.jpg: b.jpg, a.jpg\nq2.jpg:\n"
# every class the first: 1 everywhere, but 2 for upblack and downblack
ROW = ",".join("2" if column in ("upblack", "downblack") else "1" for column in CLASSIFICATION_COLUMNS)
HEADER = ",".join(CLASSIFICATION_COLUMNS)
CLASSES = f"id,{HEADER}\n" + "".join(f"{name},{ROW}\n" for name in IMAGES)
_NAMED = zip(("id", *IMAGES), (",".join(ANNOTATION_COLUMNS), *[",".join("1" * 27)] * 3), strict=True)
SHORT = "\n".join(f"{name},{values}" for name, values in _NAMED)  # the form without multicolor columns


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@settings(deadline=None, max_examples=20)
@given(st.lists(st.lists(st.integers(0, 5), unique=True), min_size=1, max_size=6))
def test_written_lists_read_back(tmp_path_factory, lists):
    path = tmp_path_factory.mktemp("reid") / "reid_test.txt"
    queries, gallery = [f"{i:06d}.jpg" for i in range(len(lists))], [f"{i:06d}.jpg" for i in range(100, 106)]
    output_files.write_reid_test(path, queries, gallery, [torch.tensor(listed, dtype=torch.long) for listed in lists])
    expected = {query: [gallery[i] for i in listed] for query, listed in zip(queries, lists, strict=True)}
    assert output_files.read_reid_test(path, queries, gallery) == expected


def test_lists_have_the_form_of_the_course(tmp_path):
    lists = [torch.tensor([1, 0]), torch.tensor([], dtype=torch.long)]
    output_files.write_reid_test(tmp_path / "r.txt", ["12.jpg", "13.jpg"], ["345.jpg", "471.jpg"], lists)
    assert (tmp_path / "r.txt").read_bytes() == b"12.jpg: 471.jpg, 345.jpg\n13.jpg:\n"


@pytest.mark.parametrize(
    ("queries", "gallery", "lists", "message"),
    [
        (["a"], ["x"], [], "one list per query"),
        (["a", "a"], ["x"], [[0], [0]], "once"),
        (["a"], ["x", "x"], [[0]], "once"),
        (["a"], ["x", "y"], [[0, 0]], "repeats an image"),
        (["a"], ["x"], [[1]], "outside the gallery"),
        (["a"], ["x"], [[-1]], "outside the gallery"),
        (["a b.jpg"], ["x"], [[0]], "'a b.jpg'"),
        (["a"], ["x,y"], [[0]], "comma"),
        (["a"], ["x:y"], [[0]], "colon"),
        (["a\udcff"], ["x"], [[0]], "UTF-8"),
    ],
)
def test_wrong_lists_leave_the_file_as_it_was(tmp_path, queries, gallery, lists, message):
    path = write(tmp_path / "r.txt", "before")
    with pytest.raises(ValueError, match=message) as raised:
        output_files.write_reid_test(path, queries, gallery, [torch.tensor(positions) for positions in lists])
    assert "r.txt" in str(raised.value) and path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + LISTS,
        LISTS.replace("\n", "\r\n").rstrip(),
        "\n" + LISTS.replace("\n", "\n\n"),
        " q1.jpg :b.jpg,a.jpg \nq2.jpg: \n",
        LISTS.encode("utf-16"),
    ],
    ids=["byte order mark", "Windows, no last line end", "blank lines", "other spaces", "UTF-16"],
)
def test_lists_of_other_editors(tmp_path, content):
    lists = output_files.read_reid_test(write(tmp_path / "r.txt", content))
    assert lists == {"q1.jpg": ["b.jpg", "a.jpg"], "q2.jpg": []}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("q1.jpg b.jpg\n", "line 1 does not have the form"),
        (LISTS.replace("a.jpg", "a.jpg,"), "line 1 does not have the form"),
        (LISTS + "q1.jpg: a.jpg", "line 3 repeats the query q1.jpg of line 1"),
        (LISTS + "q3.jpg:", "line 3 begins with q3.jpg"),
        ("q2.jpg:", "no line for q1.jpg"),
        ("q2.jpg: a.jpg, b.jpg, a.jpg", "line 1 names a.jpg 2 times"),
        ("q2.jpg: test/a.jpg", "line 1 names test/a.jpg"),
        ("", "empty"),
        (b"q1.jpg: a.jpg\nq2.jpg: \xe4.jpg\n", "line 2 is not UTF-8"),
    ],
)
def test_a_malformed_list_gets_one_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        output_files.read_reid_test(write(tmp_path / "r.txt", content), QUERIES, IMAGES)
    assert "\n" not in str(raised.value) and "r.txt" in str(raised.value)


def test_written_classes_read_back(tmp_path):
    generator = torch.Generator().manual_seed(0)
    classes = torch.stack([torch.randint(len(names), (9,), generator=generator) for names in TASKS.values()], dim=1)
    names, path = [f"{i:06d}.jpg" for i in range(9)], tmp_path / "c.csv"
    output_files.write_classification_test(path, names, classes)
    table = pd.read_csv(path)
    assert list(table.columns) == ["id", *CLASSIFICATION_COLUMNS] and list(table["id"]) == names
    assert to_targets(table).to_numpy().tolist() == classes.tolist()
    backwards = output_files.read_classification_test(path, names[::-1])
    assert backwards.to_numpy().tolist() == classes.flip(0).tolist()
    with pytest.raises(ValueError, match="9 predictions for 8"):
        output_files.write_classification_test(path, names[1:], classes)


def test_files_without_multicolor_columns_are_read(tmp_path):
    table = output_files.read_classification_test(write(tmp_path / "c.csv", SHORT), IMAGES)
    assert (table["upcolor"] == 8).all() and (table["downcolor"] == 9).all() and (table["hat"] == 0).all()
    two = SHORT.replace("a.jpg," + ",".join("1" * 27), "a.jpg," + ",".join("1" * 10 + "2" * 2 + "1" * 15))
    with pytest.raises(ValueError, match="2 in 2 of the columns"):
        output_files.read_classification_test(write(tmp_path / "c.csv", two), IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CLASSES.replace("id,age,", "id,", 1), "column age"),
        (CLASSES.replace("b.jpg,1", "b.jpg,5"), "line 3 has '5' in column age"),
        (CLASSES.replace("c.jpg", "d.jpg"), "line 4 has the id 'd.jpg'"),
        (CLASSES.replace("c.jpg", "a.jpg"), "line 4 repeats the image a.jpg of line 2"),
        (CLASSES.rsplit("\n", 2)[0], "no row for c.jpg"),
        (CLASSES.replace("2", "1", 1), "line 2 has a 2 in 0 of the columns upblack to upmulticolor"),
    ],
)
def test_malformed_classes_get_one_sentence(tmp_path, content, message):
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        output_files.read_classification_test(write(tmp_path / "c.csv", content), IMAGES)
    assert "\n" not in str(raised.value) and "c.csv" in str(raised.value)


@pytest.fixture
def run(tmp_path, make_table):
    """A folder with correct output files, and the data set they belong to."""
    gallery, queries = [f"{i:06d}.jpg" for i in range(1, 31)], [f"{i:06d}.jpg" for i in range(101, 107)]
    test = pd.DataFrame({"path": gallery, "file": gallery, "pid": -2, "camera": -1})
    data = Dataset("x", None, "course", make_table(4, 2), test.head(6).assign(file=queries), test)
    output_files.write_reid_test(tmp_path / "reid_test.txt", queries, gallery, [torch.tensor([1, 0])] * len(queries))
    classes = torch.zeros(len(gallery), 12, dtype=torch.int64)
    output_files.write_classification_test(tmp_path / "classification_test.csv", gallery, classes)
    return tmp_path, data


def test_every_output_file_is_checked(run):
    folder, data = run
    assert output_files.check_output_files(folder, data) == []
    (folder / "reid_sets.txt").write_text("000101.jpg:\n")
    path = folder / "classification_test.csv"
    path.write_text(path.read_text().replace(",1,", ",9,", 1))
    classes, sets = output_files.check_output_files(folder, data)
    assert sets.startswith("reid_sets.txt") and "000102.jpg, 000103.jpg, 000104.jpg and 2 more" in sets
    assert classes.startswith("classification_test.csv: line 2 has '9'")
    (folder / "reid_test.txt").unlink()
    (fault,) = output_files.check_output_files(folder, data)
    assert fault.startswith("reid_test.txt is missing")


def test_metrics_keep_the_fields_of_an_earlier_notebook(tmp_path):
    path = tmp_path / "run" / "metrics.json"
    output_files.write_metrics(path, reid={"mAP": 0.3}, seed=1)
    output_files.write_metrics(path, test={"reid": None}, seed=1, backbone="resnet18")
    both = {"reid": {"mAP": 0.3}, "seed": 1, "test": {"reid": None}, "backbone": "resnet18"}
    assert json.loads(path.read_text()) == both
    output_files.write_metrics(path, seed=2, thresholds={})
    assert json.loads(path.read_text()) == {"seed": 2, "thresholds": {}}, "the rest is of another network"


@pytest.mark.parametrize("content", ["{", "[]", b"\xff\xfe"])
def test_damaged_metrics_are_not_overwritten(tmp_path, content):
    path = write(tmp_path / "metrics.json", content)
    with pytest.raises(ValueError, match=r"metrics\.json is damaged"):
        output_files.write_metrics(path, seed=3)
    assert path.read_bytes() == (content if isinstance(content, bytes) else content.encode())
