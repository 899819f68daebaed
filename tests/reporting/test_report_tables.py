import pandas as pd
import pytest

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation.baselines import attribute_baselines
from assignment_lib.reporting import tables

SCORES = {task: {"acc": 0.5, "macc": 0.25} for task in (*TASKS, "average")}


def test_attribute_table_stands_beside_the_reports_figures():
    table = tables.attribute_table(SCORES)
    assert list(table["Task"]) == [*TASKS, "average"]
    assert (table["Acc"] == 50).all() and (table["mAcc"] == 25).all()
    hat = table.set_index("Task").loc["hat"]
    assert hat["Acc (report)"] == 96.5 and hat["mAcc (report)"] == 62.5


def test_attribute_table_with_baselines():
    train = pd.DataFrame({task: [0, 0, 0, 1] for task in TASKS}).assign(hat=[1, 1, 1, 0])
    scored = pd.DataFrame({task: [0, 1, 1, 1] for task in TASKS}).assign(age=[0, 2, 2, 3], hat=[0] * 4)
    table = tables.attribute_table(SCORES, attribute_baselines(train, scored))
    assert list(table.columns) == [
        "Task", "Classes", "Acc (majority)", "Acc (report)", "Acc", "mAcc (chance)", "mAcc (report)", "mAcc",
    ]  # fmt: skip
    rows = table.set_index("Task")
    assert rows.loc["age"].tolist() == ["3 of 4", 25, 77.8, 50, 33.3, 41.7, 25]
    assert rows.loc["hat"].tolist() == ["1 of 2", 0, 96.5, 50, 100, 62.5, 25]
    assert rows.loc["bag", "Classes"] == "2 of 2" and rows.loc["upcolor", "Classes"] == "2 of 9"
    assert rows.loc["average", "Classes"] == "24 of 41"  # 3 of age, 1 of hat, 2 of the ten others
    assert rows.loc["average", "Acc (majority)"] == round((25 * 11 + 0) / 12, 1)


def test_attribute_table_with_other_recipes():
    better = {task: {"acc": 0.75, "macc": 0.5} for task in SCORES}
    table = tables.attribute_table(SCORES, others={"report": better}, name="strong")
    assert list(table.columns) == [
        "Task", "Acc (report)", "Acc (recipe report)", "Acc (recipe strong)",
        "mAcc (report)", "mAcc (recipe report)", "mAcc (recipe strong)",
    ]  # fmt: skip
    assert table.set_index("Task").loc["hat"].tolist() == [96.5, 75, 50, 62.5, 50, 25]


def test_absent_classes_are_named(make_table):
    table = make_table(20, 3).assign(hat=0)
    table["age"] = table["age"].replace({1: 0, 3: 0})
    for task in set(TASKS) - {"hat", "age"}:
        table[task] = [i % len(TASKS[task]) for i in range(len(table))]
    assert tables.absent_classes(table).to_numpy().tolist() == [
        ["age", "2 of 4", "teenager, old"],
        ["hat", "1 of 2", "yes"],
    ]
    assert tables.absent_classes(table.assign(hat=[0, 1] * 30, age=[0, 1, 2, 3] * 15)).empty


def test_people_per_class_by_hand(make_table):
    table = make_table(5, 4).assign(hat=[0] * 6 + [1] * 8 + [-1] * 6)
    counts = tables.people_per_class(table)
    assert len(counts) == 41 and list(counts.columns) == ["Task", "Class", "People", "Images"]
    hat = counts[counts["Task"] == "hat"].drop(columns="Task").to_numpy().tolist()
    assert hat == [["no", 2, 6], ["yes", 3, 8]]  # person 1 (images 4 to 7) and 3 (12 to 15) have two kinds


def test_the_reports_averages_are_those_of_its_rows():
    rows = [tables.REPORT_TABLE_1[task] for task in TASKS]
    for column in (0, 1):
        mean = sum(row[column] for row in rows) / 12
        assert tables.REPORT_TABLE_1["average"][column] == pytest.approx(mean, abs=0.06)


def test_reid_table():
    table = tables.reid_table({"mAP": 0.5, "rank1": 0.6, "rank5": 0.7, "rank10": 0.8, "mINP": 0.1})
    assert table.loc[0].tolist() == ["mAP", 50.0, 56.3]
    assert table["ours"].tolist() == [50, 60, 70, 80, 10]


REID = {"mAP": 0.3, "rank1": 0.2, "rank5": 0.5, "rank10": 0.6, "mINP": 0.1}
ALONE = {"mAP": 0.75, "rank1": 0.77, "rank5": 0.9, "rank10": 0.95, "mINP": 0.4}


def test_reid_table_with_baseline_and_the_old_figure():
    untrained = dict.fromkeys(REID, 0.05)
    table = tables.reid_table(REID, untrained=untrained, among_validation=ALONE)
    assert list(table.columns) == [
        "Re-ID", "untrained ImageNet", "ours (validation as test)", "among validation images alone", "report",
    ]  # fmt: skip
    assert table.loc[0].tolist() == ["mAP", 5, 30, 75, 56.3]
    assert table["Re-ID"].tolist() == ["mAP", "rank-1", "rank-5", "rank-10", "mINP"]
    assert list(tables.reid_table(REID, untrained=untrained).columns) == [
        "Re-ID",
        "untrained ImageNet",
        "ours",
        "report",
    ]


def test_reid_table_with_other_recipes():
    better = {name: 2 * value for name, value in REID.items()}
    table = tables.reid_table(REID, None, ALONE, {"report": better}, "strong")
    assert list(table.columns) == [
        "Re-ID", "recipe report (validation as test)", "recipe strong (validation as test)",
        "among validation images alone", "report",
    ]  # fmt: skip
    assert table.loc[0].tolist() == ["mAP", 60, 30, 75, 56.3]
    plain = tables.reid_table(REID, others={"report": better}, name="strong")
    assert list(plain.columns) == ["Re-ID", "recipe report", "recipe strong", "report"]


def test_foretold_by_hand():
    interval = {"mAP_low": 0.26, "mAP_high": 0.342}
    validation = {
        "reid": REID | interval | {"among_validation": ALONE},
        "attributes": {"average": {"acc": 0.7, "macc": 0.6}},
    }
    test = {"reid": REID | {"mAP": 0.316}, "attributes": {"average": {"acc": 0.68, "macc": 0.61}}}
    table = tables.foretold(validation, test)
    assert list(table.columns) == [
        "Figure", "among validation images alone", "validation as test", "95 % interval", "test",
        "test - among validation", "test - as test",
    ]  # fmt: skip
    assert table.loc[0].tolist() == ["mAP", 75, 30, "26.0 to 34.2", 31.6, -43.4, 1.6]
    rows = table.set_index("Figure")
    assert rows.index.tolist() == ["mAP", "rank-1", "rank-5", "rank-10", "mINP", "Acc", "mAcc"]
    assert rows.loc["Acc", ["validation as test", "test", "test - as test"]].tolist() == [70, 68, -2]
    assert rows.loc["Acc", ["among validation images alone", "95 % interval"]].isna().all()


def test_foretold_leaves_out_what_is_not_there():
    table = tables.foretold({"reid": REID}, {"reid": REID, "attributes": {}})
    assert list(table.columns) == ["Figure", "validation as test", "test", "test - as test"] and len(table) == 5
    of_attributes = {"attributes": {"average": {"acc": 0.5, "macc": 0.25}}}
    assert tables.foretold(of_attributes, of_attributes)["test"].tolist() == [50, 25]


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
    assert len(rare) == 41 and rare["People"].is_monotonic_increasing
    age = rare[rare["Class"].str.startswith("age:")]
    assert age["People"].sum() == 20 and age["Images"].sum() == 60


def test_data_table_says_what_is_not_known(make_table):
    train = make_table(5, 2)
    test = train.assign(pid=-2, camera=-1)
    table = tables.data_table(Dataset("x", None, "course", train, test.head(3), test.head(4)))
    assert table.to_numpy().tolist() == [["train", 10, 5, 2], ["query", 3, "?", "?"], ["gallery", 4, "?", "?"]]
