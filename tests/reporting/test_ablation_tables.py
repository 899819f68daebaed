import numpy as np
import pandas as pd
import pytest
from scipy import stats

from assignment_lib.reporting import ablation_tables
from assignment_lib.training.ablation_rows import BASE, STRONG_BASE, STRONG_ROWS


def test_means_and_differences_by_hand():
    rows = [
        {"Group": "base", "Variant": BASE, "Seed": 0, "mAP": 50.0, "mAcc": 60.0},
        {"Group": "base", "Variant": BASE, "Seed": 1, "mAP": 54.0, "mAcc": 62.0},
        {"Group": "network", "Variant": "JointNet: fully connected heads", "Seed": 0, "mAP": 51.0, "mAcc": 60.5},
        {"Group": "network", "Variant": "JointNet: fully connected heads", "Seed": 1, "mAP": 57.0, "mAcc": 61.0},
        {"Group": "tasks", "Variant": "re-identification alone", "Seed": 1, "mAP": 53.0, "mAcc": None},
    ]
    runs = pd.DataFrame(rows).assign(**{"Parameters (M)": 1.0, "Acc": 70.0, "rank-1": 1.0, "Epochs": 1})
    runs["Seconds an epoch"] = [4.0, 3.0, 5.0, 6.0, 2.0]
    means = ablation_tables.table(runs)
    assert means["mAP"].tolist() == [52, 54, 53]
    assert means["± mAP"].tolist()[:2] == pytest.approx([8**0.5, 18**0.5])
    assert means["Seconds an epoch"].tolist() == [3, 5, 2] and means["Seeds"].tolist() == [2, 2, 1]
    assert means["mAP - base"].tolist()[1:] == [2, -1] and pd.isna(means["mAP - base"][0])
    assert means["mAP better in"].tolist()[1:] == ["2 of 2", "0 of 1"]
    assert means["mAcc better in"][1] == "1 of 2"


def test_another_base_and_rows_of_which_the_report_says_nothing():
    runs = pd.DataFrame(
        {
            "Group": ["base", "network", "data"],
            "Variant": [STRONG_BASE, "no BN neck", "half the height and width"],
            "Seed": 0,
            "mAP": [50.0, 47.5, 44.0],
            "mAcc": [60.0, 61.0, None],
        }
    ).assign(**{"Parameters (M)": 1.0, "Acc": 70.0, "rank-1": 1.0, "Seconds an epoch": 1.0})
    means = ablation_tables.table(runs)
    assert means["mAP - base"].tolist()[1:] == [-2.5, -6] and pd.isna(means["mAP - base"][0])


def test_a_part_of_a_table_without_its_base():
    runs = pd.DataFrame({"Group": ["network"], "Variant": ["no BN neck"], "Seed": [0], "mAP": [50.0], "mAcc": [1.0]})
    means = ablation_tables.table(
        runs.assign(**{"Parameters (M)": 1.0, "Acc": 70.0, "rank-1": 1.0, "Seconds an epoch": 1.0})
    )
    assert "mAP - base" not in means


def test_changes_are_said_as_settings_and_as_a_size():
    table = ablation_tables.changes_table(STRONG_ROWS).set_index("Variant")["Changed"]
    assert table["nothing frozen"] == "frozen_stages=-1" and table[STRONG_BASE] == ""
    assert table["from scratch, nothing frozen"] == "pretrained=False, frozen_stages=-1"
    assert table["half the height and width"] == "image size x 0.5"


def runs_of(**scores):
    """Runs of a base and a variant over as many seeds as `scores` are given for: name=(of the base, of the variant)."""
    tables = []
    for place, (group, variant) in enumerate((("base", BASE), ("weighting", "uniform sum"))):
        columns = {name: pair[place] for name, pair in scores.items()}
        tables.append(pd.DataFrame(columns).assign(Group=group, Variant=variant).rename_axis("Seed").reset_index())
    return pd.concat(tables, ignore_index=True)


@pytest.mark.parametrize("seeds", [2, 3, 10])
@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_paired_intervals_are_scipys(seeds, confidence):
    random = np.random.default_rng(seeds)
    base = random.normal(60, 3, seeds)
    variant = base + random.normal(-1, 1, seeds)
    macc = random.normal(60, 3, (2, seeds))
    row = ablation_tables.paired_intervals(runs_of(mAP=(base, variant), mAcc=macc), confidence).iloc[0]
    for score, (one, other) in {"mAP": (base, variant), "mAcc": macc}.items():
        test = stats.ttest_rel(other, one)
        low, high = test.confidence_interval(confidence)
        assert row[f"{score} - base"] == pytest.approx((other - one).mean())
        assert (row[f"{score} low"], row[f"{score} high"]) == pytest.approx((low, high))
        said = "not decided" if test.pvalue > 1 - confidence else "better" if test.statistic > 0 else "worse"
        assert row[f"{score} verdict"] == said


def test_a_mean_is_decided_where_its_interval_leaves_zero_out():
    base = np.array([50.0, 54.0, 58.0])
    # mean 1, standard deviation 0.1: half the interval is 4.303 * 0.1 / sqrt(3) = 0.248
    runs = runs_of(mAP=(base, np.add(base, [0.9, 1.0, 1.1])), mAcc=(base, np.add(base, [-0.9, -1.0, 3.1])))
    row = ablation_tables.paired_intervals(runs).iloc[0]
    assert (row["mAP low"], row["mAP high"]) == pytest.approx((0.752, 1.248), abs=1e-3)
    assert (row["mAP verdict"], row["mAcc verdict"], row["Seeds"]) == ("better", "not decided", 3)
    flipped = runs_of(mAP=(np.add(base, [0.9, 1.0, 1.1]), base), mAcc=(base, base))
    assert ablation_tables.paired_intervals(flipped).iloc[0][["mAP verdict", "mAcc verdict"]].tolist() == [
        "worse",
        "not decided",
    ]
    said = ablation_tables.decisions_table(runs).iloc[0]
    assert said.tolist() == [
        "uniform sum",
        "worse",
        "better (+1.0, +0.8 to +1.2)",
        "not decided (+0.4, -5.4 to +6.2)",
    ]


def test_one_seed_decides_nothing_and_a_missing_score_is_left_empty():
    runs = runs_of(mAP=([50.0], [10.0]), mAcc=([60.0], [None]))
    row = ablation_tables.paired_intervals(runs).iloc[0]
    assert row["mAP - base"] == -40 and pd.isna(row["mAP low"]) and row["mAP verdict"] == "not decided"
    assert row["mAcc verdict"] == "" and pd.isna(row["mAcc - base"])
    assert ablation_tables.decisions_table(runs).iloc[0].tolist()[2:] == ["not decided (-40.0)", ""]
    with pytest.raises(ValueError, match="no row of the group base"):
        ablation_tables.paired_intervals(runs[runs["Group"] != "base"])
