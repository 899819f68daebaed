import pandas as pd
import pytest

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.dataset import Dataset
from assignment_lib.reporting import tables

SCORES = {task: {"acc": 0.5, "macc": 0.25} for task in (*TASKS, "average")}


def test_attribute_table_stands_beside_the_reports_figures():
    table = tables.attribute_table(SCORES)
    assert list(table["Task"]) == [*TASKS, "average"]
    assert (table["Acc"] == 50).all() and (table["mAcc"] == 25).all()
    hat = table.set_index("Task").loc["hat"]
    assert hat["Acc (report)"] == 96.5 and hat["mAcc (report)"] == 62.5


def test_the_reports_averages_are_those_of_its_rows():
    rows = [tables.REPORT_TABLE_1[task] for task in TASKS]
    for column in (0, 1):
        mean = sum(row[column] for row in rows) / 12
        assert tables.REPORT_TABLE_1["average"][column] == pytest.approx(mean, abs=0.06)


def test_reid_table():
    table = tables.reid_table({"mAP": 0.5, "rank1": 0.6, "rank5": 0.7, "rank10": 0.8, "mINP": 0.1})
    assert table.loc[0].tolist() == ["mAP", 50.0, 56.3]
    assert table["ours"].tolist() == [50, 60, 70, 80, 10]


def test_tables_are_written_in_three_forms(tmp_path):
    tables.save_table(
        tables.reid_table(dict.fromkeys(("mAP", "rank1", "rank5", "rank10", "mINP"), 0.123)), "t", tmp_path
    )
    assert pd.read_csv(tmp_path / "t.csv").loc[1, "ours"] == 12.3
    assert "| mAP" in (tmp_path / "t.md").read_text() and "nan" not in (tmp_path / "t.md").read_text()
    assert "12.3" in (tmp_path / "t.tex").read_text() and "NaN" not in (tmp_path / "t.tex").read_text()


def test_rare_classes_come_first(make_table):
    table = make_table(20, 3)
    rare = tables.rare_classes(table, most=41)
    assert len(rare) == 41 and rare["Persons"].is_monotonic_increasing
    age = rare[rare["Class"].str.startswith("age:")]
    assert age["Persons"].sum() == 20 and age["Images"].sum() == 60


def test_data_table_says_what_is_not_known(make_table):
    train = make_table(5, 2)
    test = train.assign(pid=-2, camera=-1)
    table = tables.data_table(Dataset("x", None, "course", train, test.head(3), test.head(4)))
    assert table.to_numpy().tolist() == [["train", 10, 5, 2], ["query", 3, "?", "?"], ["gallery", 4, "?", "?"]]
