import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.dataset import Dataset
from assignment_lib.reporting import deliverables


@given(st.lists(st.lists(st.integers(0, 5), unique=True), min_size=1, max_size=6))
def test_reid_file_reads_back(tmp_path_factory, lists):
    path = tmp_path_factory.mktemp("reid") / "reid_test.txt"
    queries, gallery = [f"{i:06d}.jpg" for i in range(len(lists))], [f"{i:06d}.jpg" for i in range(100, 106)]
    deliverables.write_reid_test(path, queries, gallery, [torch.tensor(found, dtype=torch.long) for found in lists])
    assert deliverables.read_reid_test(path) == {
        q: [gallery[i] for i in found] for q, found in zip(queries, lists, strict=True)
    }


def test_reid_file_has_the_courses_form(tmp_path):
    deliverables.write_reid_test(
        tmp_path / "r.txt", ["000012.jpg"], ["000345.jpg", "004711.jpg"], [torch.tensor([1, 0])]
    )
    assert (tmp_path / "r.txt").read_text() == "000012.jpg: 004711.jpg, 000345.jpg\n"


@pytest.mark.parametrize(
    ("queries", "matches"),
    [(["a"], []), (["a", "a"], [[0], [0]]), (["a"], [[0, 0]])],
    ids=["missing", "twice", "repeated"],
)
def test_wrong_reid_lists_are_not_written(tmp_path, queries, matches):
    with pytest.raises(ValueError, match=r"r\.txt"):
        deliverables.write_reid_test(tmp_path / "r.txt", queries, ["x"], [torch.tensor(found) for found in matches])
    assert not (tmp_path / "r.txt").exists()


def test_line_of_another_form_is_named(tmp_path):
    (tmp_path / "r.txt").write_text("a.jpg: b.jpg\nc.jpg b.jpg\n")
    with pytest.raises(ValueError, match="line 2 is not"):
        deliverables.read_reid_test(tmp_path / "r.txt")


def test_classification_file_reads_back_as_targets(tmp_path):
    predictions = torch.stack([torch.randint(len(classes), (9,)) for classes in TASKS.values()], dim=1)
    files = [f"{i:06d}.jpg" for i in range(9)]
    deliverables.write_classification_test(tmp_path / "c.csv", files, predictions)
    table = pd.read_csv(tmp_path / "c.csv")
    assert list(table.columns) == ["id", *CLASSIFICATION_COLUMNS] and list(table["id"]) == files
    assert to_targets(table).to_numpy().tolist() == predictions.tolist()


def test_classification_of_too_few_images_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="1 predictions for 2 different images"):
        deliverables.write_classification_test(tmp_path / "c.csv", ["a", "b"], torch.zeros(1, 12, dtype=torch.long))
    assert not (tmp_path / "c.csv").exists()


@pytest.fixture
def handed_in(tmp_path, make_table):
    """The two files of a run that are right, and the data they belong to."""
    gallery = [f"{i:06d}.jpg" for i in range(1, 31)]
    queries = [f"{i:06d}.jpg" for i in range(101, 107)]
    test = pd.DataFrame({"path": gallery, "file": gallery, "pid": -2, "camera": -1})
    data = Dataset("x", None, "course", make_table(4, 2), test.head(6).assign(file=queries), test)
    deliverables.write_reid_test(tmp_path / "reid_test.txt", queries, gallery, [torch.tensor([1, 0])] * len(queries))
    predictions = torch.zeros(len(gallery), 12, dtype=torch.int64)
    deliverables.write_classification_test(tmp_path / "classification_test.csv", gallery, predictions)
    return tmp_path, data


def test_deliverables_that_are_right(handed_in):
    assert deliverables.check_deliverables(*handed_in) == []


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("reid_test.txt", lambda text: text.split("\n", 1)[1], "it ends without a line for 000101.jpg; add"),
        (
            "reid_test.txt",
            lambda text: text + "999999.jpg: 000001.jpg\n",
            "line 7 begins with 999999.jpg, which is no query (one is 000101.jpg)",
        ),
        (
            "reid_test.txt",
            lambda text: text.replace(": ", ": nobody.jpg, ", 1),
            "line 1 names nobody.jpg, which is no test image (one is 000001.jpg)",
        ),
        (
            "reid_test.txt",
            lambda text: text.replace(", ", ", 000001.jpg, 000001.jpg, ", 1),
            "line 1 names 000001.jpg twice",
        ),
        ("classification_test.csv", lambda text: text.replace("age", "years", 1), "line 1 lacks the column age"),
        (
            "classification_test.csv",
            lambda text: text.replace(",1,", ",9,", 1),
            "line 2 has '9' in the column age; write a number from 1 to 4",
        ),
        (
            "classification_test.csv",
            lambda text: text.replace(",1\n", ",2\n", 1),
            "line 2 has a 2 in 2 of the columns downblack to downmulticolor",
        ),
        ("reid_test.txt", lambda text: text.replace(":", "", 1), "line 1 is not 'query.jpg: a.jpg, b.jpg'"),
        (
            "classification_test.csv",
            lambda text: text.rsplit("\n", 2)[0] + "\n",
            "it ends without a row for 000030.jpg; add it",
        ),
        (
            "classification_test.csv",
            lambda text: text + text.splitlines()[1] + "\n",
            "line 32 has the image 000001.jpg again, after line 2",
        ),
    ],
)
def test_deliverables_with_a_fault(handed_in, name, change, message):
    folder, data = handed_in
    path = folder / name
    path.write_text(change(path.read_text()))
    faults = deliverables.check_deliverables(folder, data)
    assert len(faults) == 1 and message in faults[0] and faults[0].startswith(name)


def test_sets_are_checked_where_they_are_there(handed_in):
    folder, data = handed_in
    sets = [torch.tensor([3]), *[torch.tensor([], dtype=torch.long)] * 5]
    deliverables.write_reid_sets(folder / "reid_sets.txt", list(data.query["file"]), list(data.gallery["file"]), sets)
    assert (folder / "reid_sets.txt").read_text().startswith("000101.jpg: 000004.jpg\n000102.jpg:\n")
    assert list(deliverables.read_reid_sets(folder / "reid_sets.txt").values()) == [["000004.jpg"], *[[]] * 5]
    assert deliverables.check_deliverables(folder, data) == []
    (folder / "reid_sets.txt").write_text("000101.jpg:\n")
    (fault,) = deliverables.check_deliverables(folder, data)
    assert fault.startswith(
        "reid_sets.txt: after line 1 it ends without a line for 000102.jpg, 000103.jpg, 000104.jpg and 2"
    )
    with pytest.raises(ValueError, match=r"reid_sets\.txt: 1 lists for 0 different queries"):
        deliverables.write_reid_sets(folder / "reid_sets.txt", [], ["x"], [torch.tensor([0])])


def test_missing_deliverables(handed_in):
    folder, data = handed_in
    (folder / "reid_test.txt").unlink()
    assert deliverables.check_deliverables(folder, data) == ["reid_test.txt is not there; run notebook 05"]


def test_names_that_would_break_a_line_are_refused(tmp_path):
    for name in ("a b.jpg", "a,b.jpg", "a:b.jpg"):
        with pytest.raises(ValueError, match=r"r\.txt: the file name .* has a space, comma or colon; rename it"):
            deliverables.write_reid_test(tmp_path / "r.txt", [name], ["x.jpg"], [torch.tensor([0])])
    assert not (tmp_path / "r.txt").exists()


def test_a_list_of_unknown_images_is_not_written(tmp_path):
    path = tmp_path / "reid_test.txt"
    for places in ([3], [-1]):
        with pytest.raises(ValueError, match=r"the list of q.jpg names an image that the gallery does not have"):
            deliverables.write_reid_test(path, ["q.jpg"], ["a.jpg", "b.jpg", "c.jpg"], [torch.tensor(places)])
    with pytest.raises(ValueError, match="a gallery file has two places"):
        deliverables.write_reid_test(path, ["q.jpg"], ["a.jpg", "a.jpg"], [torch.tensor([0])])
    assert not path.exists()
