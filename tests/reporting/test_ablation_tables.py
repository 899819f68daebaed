import pandas as pd
import pytest

from assignment_lib.reporting import ablation_tables
from assignment_lib.training.ablation_rows import BASE


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
