import json

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, TASKS, to_targets
from assignment_lib.data.dataset import Dataset
from assignment_lib.reporting import report

SCORES = {task: {"acc": 0.5, "macc": 0.25} for task in (*TASKS, "average")}


def test_attribute_table_stands_beside_the_reports_figures():
    table = report.attribute_table(SCORES)
    assert list(table["Task"]) == [*TASKS, "average"]
    assert (table["Acc"] == 50).all() and (table["mAcc"] == 25).all()
    hat = table.set_index("Task").loc["hat"]
    assert hat["Acc (report)"] == 96.5 and hat["mAcc (report)"] == 62.5


def test_the_reports_averages_are_those_of_its_rows():
    rows = [report.REPORT_TABLE_1[task] for task in TASKS]
    for column in (0, 1):
        mean = sum(row[column] for row in rows) / 12
        assert report.REPORT_TABLE_1["average"][column] == pytest.approx(mean, abs=0.06)


def test_reid_table():
    table = report.reid_table({"mAP": 0.5, "rank1": 0.6, "rank5": 0.7, "rank10": 0.8, "mINP": 0.1})
    assert table.loc[0].tolist() == ["mAP", 50.0, 56.3]
    assert table["ours"].tolist() == [50, 60, 70, 80, 10]


def test_tables_are_written_in_three_forms(tmp_path):
    report.save_table(
        report.reid_table(dict.fromkeys(("mAP", "rank1", "rank5", "rank10", "mINP"), 0.123)), "t", tmp_path
    )
    assert pd.read_csv(tmp_path / "t.csv").loc[1, "ours"] == 12.3
    assert "| mAP" in (tmp_path / "t.md").read_text() and "nan" not in (tmp_path / "t.md").read_text()
    assert "12.3" in (tmp_path / "t.tex").read_text() and "NaN" not in (tmp_path / "t.tex").read_text()


def test_metrics_keep_what_an_earlier_notebook_wrote(tmp_path):
    path = tmp_path / "run" / "metrics.json"
    report.write_metrics(path, attributes=SCORES, seed=1)
    report.write_metrics(path, test={"mAP": 0.5})
    assert report.read_metrics(path) == {"attributes": SCORES, "seed": 1, "test": {"mAP": 0.5}}
    assert json.loads(path.read_text())["seed"] == 1


def test_missing_metrics_name_the_notebook(tmp_path):
    with pytest.raises(FileNotFoundError, match="run notebook 04 first"):
        report.read_metrics(tmp_path / "metrics.json")


@given(st.lists(st.lists(st.integers(0, 5), unique=True), min_size=1, max_size=6))
def test_reid_file_reads_back(tmp_path_factory, lists):
    path = tmp_path_factory.mktemp("reid") / "reid_test.txt"
    queries, gallery = [f"{i:06d}.jpg" for i in range(len(lists))], [f"{i:06d}.jpg" for i in range(100, 106)]
    report.write_reid_test(path, queries, gallery, [torch.tensor(found, dtype=torch.long) for found in lists])
    assert report.read_reid_test(path) == {
        q: [gallery[i] for i in found] for q, found in zip(queries, lists, strict=True)
    }


def test_reid_file_has_the_courses_form(tmp_path):
    report.write_reid_test(tmp_path / "r.txt", ["000012.jpg"], ["000345.jpg", "004711.jpg"], [torch.tensor([1, 0])])
    assert (tmp_path / "r.txt").read_text() == "000012.jpg: 004711.jpg, 000345.jpg\n"


@pytest.mark.parametrize(
    ("queries", "matches"),
    [(["a"], []), (["a", "a"], [[0], [0]]), (["a"], [[0, 0]])],
    ids=["missing", "twice", "repeated"],
)
def test_wrong_reid_lists_are_not_written(tmp_path, queries, matches):
    with pytest.raises(ValueError, match=r"r\.txt"):
        report.write_reid_test(tmp_path / "r.txt", queries, ["x"], [torch.tensor(found) for found in matches])
    assert not (tmp_path / "r.txt").exists()


def test_line_of_another_form_is_named(tmp_path):
    (tmp_path / "r.txt").write_text("a.jpg: b.jpg\nc.jpg b.jpg\n")
    with pytest.raises(ValueError, match="line 2 is not"):
        report.read_reid_test(tmp_path / "r.txt")


def test_classification_file_reads_back_as_targets(tmp_path):
    predictions = torch.stack([torch.randint(len(classes), (9,)) for classes in TASKS.values()], dim=1)
    files = [f"{i:06d}.jpg" for i in range(9)]
    report.write_classification_test(tmp_path / "c.csv", files, predictions)
    table = pd.read_csv(tmp_path / "c.csv")
    assert list(table.columns) == ["id", *CLASSIFICATION_COLUMNS] and list(table["id"]) == files
    assert to_targets(table).to_numpy().tolist() == predictions.tolist()


def test_classification_of_too_few_images_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="1 predictions for 2 different images"):
        report.write_classification_test(tmp_path / "c.csv", ["a", "b"], torch.zeros(1, 12, dtype=torch.long))
    assert not (tmp_path / "c.csv").exists()


def test_rare_classes_come_first(make_table):
    table = make_table(20, 3)
    rare = report.rare_classes(table, most=41)
    assert len(rare) == 41 and rare["Persons"].is_monotonic_increasing
    age = rare[rare["Class"].str.startswith("age:")]
    assert age["Persons"].sum() == 20 and age["Images"].sum() == 60


def test_data_table_says_what_is_not_known(make_table):
    train = make_table(5, 2)
    test = train.assign(pid=-2, camera=-1)
    table = report.data_table(Dataset("x", None, "course", train, test.head(3), test.head(4)))
    assert table.to_numpy().tolist() == [["train", 10, 5, 2], ["query", 3, "?", "?"], ["gallery", 4, "?", "?"]]


@pytest.fixture
def handed_in(tmp_path, few_data):
    """The two files of a run that are right, and the data they belong to."""
    queries, gallery = list(few_data.query["file"]), list(few_data.gallery["file"])
    report.write_reid_test(tmp_path / "reid_test.txt", queries, gallery, [torch.tensor([1, 0])] * len(queries))
    predictions = torch.zeros(len(gallery), 12, dtype=torch.int64)
    report.write_classification_test(tmp_path / "classification_test.csv", gallery, predictions)
    return tmp_path, few_data


def test_deliverables_that_are_right(handed_in):
    assert report.check_deliverables(*handed_in) == []


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("reid_test.txt", lambda text: text.split("\n", 1)[1], "1 queries without a line"),
        (
            "reid_test.txt",
            lambda text: text + "999999.jpg: 000001.jpg\n",
            "1 lines of no query, for example 999999.jpg",
        ),
        ("reid_test.txt", lambda text: text.replace(": ", ": nobody.jpg, ", 1), "one that is not in the gallery"),
        ("reid_test.txt", lambda text: text.replace(", ", ", 000001.jpg, 000001.jpg, ", 1), "has an image twice"),
        ("classification_test.csv", lambda text: text.replace("age", "years", 1), "the columns are not"),
        ("classification_test.csv", lambda text: text.replace(",1,", ",9,", 1), "9"),
        (
            "classification_test.csv",
            lambda text: text.replace(",1\n", ",2\n", 1),
            "has not exactly one colour a body part",
        ),
        ("reid_test.txt", lambda text: text.replace(":", "", 1), "line 1 is not 'query.jpg: a.jpg, b.jpg'"),
        (
            "classification_test.csv",
            lambda text: text.rsplit("\n", 2)[0] + "\n",
            "not every test image has exactly one row",
        ),
        (
            "classification_test.csv",
            lambda text: text + text.splitlines()[1] + "\n",
            "not every test image has exactly",
        ),
    ],
)
def test_deliverables_with_a_fault(handed_in, name, change, message):
    folder, data = handed_in
    path = folder / name
    path.write_text(change(path.read_text()))
    faults = report.check_deliverables(folder, data)
    assert len(faults) == 1 and message in faults[0] and faults[0].startswith(name)


def test_missing_deliverables(handed_in):
    folder, data = handed_in
    (folder / "reid_test.txt").unlink()
    assert report.check_deliverables(folder, data) == ["reid_test.txt is not there; run notebook 05"]


def test_names_that_would_break_a_line_are_refused(tmp_path):
    for name in ("a b.jpg", "a,b.jpg", "a:b.jpg"):
        with pytest.raises(ValueError, match=r"r\.txt: the file name .* has a space, comma or colon; rename it"):
            report.write_reid_test(tmp_path / "r.txt", [name], ["x.jpg"], [torch.tensor([0])])
    assert not (tmp_path / "r.txt").exists()


def test_a_list_of_unknown_images_is_not_written(tmp_path):
    path = tmp_path / "reid_test.txt"
    for places in ([3], [-1]):
        with pytest.raises(ValueError, match=r"the list of q.jpg names an image that the gallery does not have"):
            report.write_reid_test(path, ["q.jpg"], ["a.jpg", "b.jpg", "c.jpg"], [torch.tensor(places)])
    with pytest.raises(ValueError, match="a gallery file has two places"):
        report.write_reid_test(path, ["q.jpg"], ["a.jpg", "a.jpg"], [torch.tensor([0])])
    assert not path.exists()
