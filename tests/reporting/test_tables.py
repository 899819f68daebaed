import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from assignment_lib.batches.sampling import by_task
from assignment_lib.data.attributes import TASKS
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation.attribute_scores import attribute_baselines
from assignment_lib.reporting import tables
from assignment_lib.training.ablations import BASE, STRONG_BASE, STRONG_ROWS

SCORES = {task: {"acc": 0.5, "macc": 0.25} for task in (*TASKS, "average")}
REID = {"mAP": 0.3, "rank1": 0.2, "rank5": 0.5, "rank10": 0.6, "mINP": 0.1}
ALONE = {"mAP": 0.75, "rank1": 0.77, "rank5": 0.9, "rank10": 0.95, "mINP": 0.4}


def test_averages_of_the_report_are_the_means_of_its_rows():
    for column in (0, 1):
        mean = np.mean([tables.REPORT_TABLE_1[task][column] for task in TASKS])
        assert tables.REPORT_TABLE_1["average"][column] == pytest.approx(mean, abs=0.06)


def test_shares_of_every_legible_task_sum_to_one():
    for weights in tables.report_weights():
        assert int(weights.isnan().sum()) == 3  # of downcolor
        for task, values in by_task(weights).items():
            if not values.isnan().any():
                assert float((1 / (len(values) * values)).sum()) == pytest.approx(1, abs=5e-4), task
    # an illegible weight that follows from the others: backpack yes
    assert float(tables.report_weights()[0][5]) == pytest.approx(1 / (2 * (1 - 1 / (2 * 0.6739))), abs=1e-4)
    shares = tables.report_shares()
    assert float(shares[19]) == pytest.approx(1 / (2 * 22.8990)) and torch.isnan(shares).sum() == 3


def test_data_table_marks_what_is_unknown(make_table):
    train = make_table(5, 2)
    test = train.assign(pid=-2, camera=-1)
    table = tables.data_table(Dataset("x", None, "course", train, test.head(3), test.head(4)))
    assert table.to_numpy().tolist() == [["train", 10, 5, 2], ["query", 3, "?", "?"], ["gallery", 4, "?", "?"]]


def test_rare_classes_by_hand():
    columns = {task: np.arange(200) % len(classes) for task, classes in TASKS.items()}
    table = pd.DataFrame(columns | {"pid": np.arange(200) // 2, "hat": [0] * 6 + [1] * 7 + [-1] * 187})
    rare = tables.rare_classes(table)
    assert rare.head(2).to_numpy().tolist() == [["hat: no", 3, 6], ["hat: yes", 4, 7]]
    assert len(rare) == 10 and rare["People"].is_monotonic_increasing


def test_absent_classes_are_named():
    table = pd.DataFrame({task: np.arange(40) % len(classes) for task, classes in TASKS.items()})
    assert tables.absent_classes(table).empty
    rows = tables.absent_classes(table.assign(hat=0, age=table["age"] // 2 * 2)).to_numpy().tolist()
    assert rows == [["age", "2 of 4", "teenager, old"], ["hat", "1 of 2", "yes"]]


@pytest.mark.parametrize(("name", "suffix"), [("", ""), ("strong", " (recipe strong)")])
def test_attribute_table_by_hand(name, suffix):
    train = pd.DataFrame({task: [0, 0, 0, 1] for task in TASKS}).assign(hat=[1, 1, 1, 0])
    scored = pd.DataFrame({task: [0, 1, 1, 1] for task in TASKS}).assign(age=[0, 2, 2, 3], hat=[0] * 4)
    table = tables.attribute_table(SCORES, attribute_baselines(train, scored), name)
    assert list(table.columns) == [
        "Task", "Classes", "Acc (majority)", "Acc (report)", "Acc" + suffix,
        "mAcc (chance)", "mAcc (report)", "mAcc" + suffix,
    ]  # fmt: skip
    rows = table.set_index("Task")
    assert rows.index.tolist() == [*TASKS, "average"]
    assert rows.loc["age"].tolist() == ["3 of 4", 25, 77.8, 50, 33.3, 41.7, 25]
    assert rows.loc["hat"].tolist() == ["1 of 2", 0, 96.5, 50, 100, 62.5, 25]
    assert rows.loc["average", "Classes"] == "24 of 41"  # 3 of age, 1 of hat, 2 of the ten others
    assert rows.loc["average", "Acc (majority)"] == round(25 * 11 / 12, 1)


def test_reid_table_names_each_search():
    table = tables.reid_table(REID, dict.fromkeys(REID, 0.05), ALONE, "strong")
    assert table.loc[0].tolist() == ["mAP", 5, 30, 75, 56.3]
    assert "recipe strong" in table.columns[2] and table.columns[3].endswith(tables.ALONE)
    assert list(tables.reid_table(REID, None, ALONE, "strong").columns) == ["Re-ID, without flip", *table.columns[2:]]


def test_predicted_and_measured_scores_by_hand():
    interval = {"mAP_low": 0.26, "mAP_high": 0.342, "among_validation": ALONE}
    validation = {"reid": REID | interval, "attributes": {"average": {"acc": 0.7, "macc": 0.6}}}
    test = {"reid": REID | {"mAP": 0.316}, "attributes": {"average": {"acc": 0.68, "macc": 0.61}}}
    table = tables.predicted_versus_test(validation, test)
    assert table.loc[0].tolist() == ["mAP", 75, 30, "26.0 to 34.2", 31.6, -43.4, 1.6]
    rows = table.set_index("Score, with flip")
    assert rows.index.tolist() == ["mAP", "rank-1", "rank-5", "rank-10", "mINP", "Acc", "mAcc"]
    assert rows.loc["Acc", [tables.TEST_LIKE, "test", f"test - {tables.TEST_LIKE}"]].tolist() == [70, 68, -2]
    assert rows.loc["Acc", [tables.ALONE, "95 % interval"]].isna().all()


def test_missing_scores_are_omitted():
    table = tables.predicted_versus_test({"reid": REID}, {"reid": REID, "attributes": {}})
    assert list(table.columns)[:3] == ["Score, with flip", tables.TEST_LIKE, "test"] and len(table) == 5
    attributes = {"attributes": {"average": {"acc": 0.5, "macc": 0.25}}}
    assert tables.predicted_versus_test(attributes, attributes)["test"].tolist() == [50, 25]
    for nothing in (None, {}, {"reid": None}):
        assert tables.predicted_versus_test({"reid": REID}, nothing).empty


def test_tables_are_written_as_utf8_in_three_forms(tmp_path):
    table = pd.DataFrame({"Figure": ["mAP ±", "rank-1"], "ours": [12.34, np.nan]})
    shown = tables.save_table(table, "t", tmp_path / "new")
    assert shown["ours"].tolist() == ["12.3", ""]
    assert pd.read_csv(tmp_path / "new" / "t.csv").loc[0, "Figure"] == "mAP ±"
    for suffix in ("md", "tex"):
        text = (tmp_path / "new" / f"t.{suffix}").read_text(encoding="utf-8")
        assert "12.3" in text and "±" in text and "nan" not in text.lower()


def test_changes_are_settings_and_sizes():
    changes = tables.changes_table(STRONG_ROWS).set_index("Variant")["Changed"]
    assert changes["nothing frozen"] == "frozen_stages=-1" and changes[STRONG_BASE] == ""
    assert changes["half the height and width"] == "image size x 0.5"


def test_results_are_in_percent():
    result = {"group": "base", "name": BASE, "seed": 1, "epochs": 3, "parameters": 5e6, "seconds_an_epoch": 2.0}
    table = tables.results_table([result | {"acc": 0.5, "macc": None, "mAP": 0.25, "rank1": 0.125}])
    assert table.loc[0, ["Acc", "mAP", "rank-1", "Parameters (M)"]].tolist() == [50, 25, 12.5, 5]
    assert pd.isna(table.loc[0, "mAcc"])


def test_ablation_means_and_differences_by_hand():
    jointnet = "JointNet: fully connected heads"
    rows = [("base", BASE, 0, 50.0, 60.0), ("base", BASE, 1, 54.0, 62.0), ("network", jointnet, 0, 51.0, 60.5)]
    rows += [("network", jointnet, 1, 57.0, 61.0), ("tasks", "re-identification alone", 1, 53.0, None)]
    runs = pd.DataFrame(rows, columns=["Group", "Variant", "Seed", "mAP", "mAcc"])
    runs = runs.assign(**{"Parameters (M)": 1.0, "Acc": 70.0, "rank-1": 1.0, "Seconds per epoch": [4.0, 3, 5, 6, 2]})
    means = tables.ablation_table(runs)
    assert means["mAP"].tolist() == [52, 54, 53]
    assert means["± mAP"].tolist()[:2] == pytest.approx([8**0.5, 18**0.5])
    assert means["Seconds per epoch"].tolist() == [3, 5, 2] and means["Seeds"].tolist() == [2, 2, 1]
    assert means["mAP - base"].tolist()[1:] == [2, -1] and pd.isna(means["mAP - base"][0])
    assert means["mAP better in"].tolist()[1:] == ["2 of 2", "0 of 1"] and means["mAcc better in"][1] == "1 of 2"
    assert "mAP - base" not in tables.ablation_table(runs[runs["Group"] != "base"])


def runs_of(**scores):
    """Runs of a base and a variant over several seeds; a score is (values of the base, values of the variant)."""
    parts = []
    for position, (group, variant) in enumerate((("base", BASE), ("weighting", "uniform sum"))):
        columns = {name: pair[position] for name, pair in scores.items()}
        parts.append(pd.DataFrame(columns).assign(Group=group, Variant=variant).rename_axis("Seed").reset_index())
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_paired_intervals_agree_with_scipy(seeds):
    random = np.random.default_rng(seeds)
    base = random.normal(60, 3, seeds)
    scores = {"mAP": (base, base + random.normal(-1, 1, seeds)), "mAcc": random.normal(60, 3, (2, seeds))}
    row = tables.paired_intervals(runs_of(**scores)).iloc[0]
    for score, (first, second) in scores.items():
        test = stats.ttest_rel(second, first)
        assert row[f"{score} - base"] == pytest.approx((second - first).mean())
        assert (row[f"{score} low"], row[f"{score} high"]) == pytest.approx(tuple(test.confidence_interval()))
        decided = "better" if test.statistic > 0 else "worse"
        assert row[f"{score} verdict"] == (decided if test.pvalue < 0.05 else "not decided")


def test_an_interval_that_excludes_zero_decides():
    base = np.array([50.0, 54.0, 58.0])
    # mean 1, standard deviation 0.1: half the interval is 4.303 * 0.1 / sqrt(3) = 0.248
    runs = runs_of(mAP=(base, np.add(base, [0.9, 1.0, 1.1])), mAcc=(base, np.add(base, [-0.9, -1.0, 3.1])))
    row = tables.paired_intervals(runs).iloc[0]
    assert (row["mAP low"], row["mAP high"]) == pytest.approx((0.752, 1.248), abs=1e-3)
    assert (row["mAP verdict"], row["mAcc verdict"], row["Seeds"]) == ("better", "not decided", 3)
    texts = tables.decisions_table(runs).iloc[0].tolist()
    assert texts[:3] == ["weighting", "uniform sum", "worse"]
    assert texts[3:] == ["better (+1.0, +0.8 to +1.2)", "not decided (+0.4, -5.4 to +6.2)"]


def test_a_single_seed_decides_nothing():
    runs = runs_of(mAP=([50.0], [10.0]), mAcc=([60.0], [None]))
    row = tables.paired_intervals(runs).iloc[0]
    assert row["mAP - base"] == -40 and pd.isna(row["mAP low"]) and row["mAP verdict"] == "not decided"
    assert row["mAcc verdict"] == "" and pd.isna(row["mAcc - base"])
    with pytest.raises(ValueError, match="group base"):
        tables.paired_intervals(runs[runs["Group"] != "base"])
