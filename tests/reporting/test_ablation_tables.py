import pandas as pd
import pytest

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
    said = ablation_tables.verdicts(means).set_index("Variant")
    assert said.loc["JointNet: fully connected heads", "mAP here"] == "better (+2.0)"
    assert said.loc["JointNet: fully connected heads", "mAcc here"] == "seeds disagree (-0.2)"
    assert said.loc["re-identification alone"].tolist()[1:] == ["worse (-1.0)", ""]


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
    said = ablation_tables.verdicts(means, STRONG_ROWS)
    assert said.to_numpy().tolist() == [
        ["no BN neck", "worse (-2.5)", "better (+1.0)"],
        ["half the height and width", "worse (-6.0)", ""],
    ]
    assert list(said.columns) == ["Variant", "mAP here", "mAcc here"]


def test_a_part_of_a_table_without_its_base():
    runs = pd.DataFrame({"Group": ["network"], "Variant": ["no BN neck"], "Seed": [0], "mAP": [50.0], "mAcc": [1.0]})
    means = ablation_tables.table(
        runs.assign(**{"Parameters (M)": 1.0, "Acc": 70.0, "rank-1": 1.0, "Seconds an epoch": 1.0})
    )
    assert "mAP - base" not in means
    assert ablation_tables.verdicts(means, STRONG_ROWS).to_numpy().tolist() == [["no BN neck", "", ""]]


def test_changes_are_said_as_settings_and_as_a_size():
    table = ablation_tables.changes_table(STRONG_ROWS).set_index("Variant")["Changed"]
    assert table["nothing frozen"] == "frozen_stages=-1" and table[STRONG_BASE] == ""
    assert table["from scratch, nothing frozen"] == "pretrained=False, frozen_stages=-1"
    assert table["half the height and width"] == "image size x 0.5"
