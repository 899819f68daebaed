import json

import pandas as pd
import pytest

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.split import split_table
from assignment_lib.reporting import recipe_tables
from assignment_lib.training.history import flatten


def scores(acc, macc, mean_ap):
    """Made up: the same for every task."""
    reid = {"mAP": mean_ap, "rank1": 0.2, "rank5": 0.3, "rank10": 0.4, "mINP": 0.1, "among_validation": {"mAP": 0.7}}
    return {"attributes": {task: {"acc": acc, "macc": macc} for task in (*TASKS, "average")}, "reid": reid}


BASELINE = {task: {"majority_acc": 0.6, "chance_macc": 0.4} for task in (*TASKS, "average")}


def test_means_over_the_seeds_by_hand():
    runs = {"report": [scores(0.5, 0.3, 0.2), scores(0.7, 0.4, 0.3)], "strong": [scores(0.8, 0.5, 0.5)]}
    other = {task: {"majority_acc": 0.8, "chance_macc": 0.5} for task in BASELINE}
    table = recipe_tables.compared(runs, [BASELINE, other]).round(6)
    assert list(table.columns) == ["Figure", "Score", "baseline", "report", "recipe report", "recipe strong"]
    assert table["Figure"].tolist() == [task for task in (*TASKS, "average") for _ in range(2)] + ["re-ID"] * 5
    rows = table.set_index(["Figure", "Score"])
    assert rows.loc[("hat", "Acc")].tolist() == [70, 96.5, 60, 80]
    assert rows.loc[("average", "mAcc")].tolist() == [45, 66.8, 35, 50]
    assert rows.loc[("re-ID", "mAP")].tolist()[2:] == [25, 50] and rows.loc[("re-ID", "mAP")].isna().sum() == 2
    alone = rows.loc[("re-ID", "mAP among validation images alone")]
    assert alone.tolist()[1:] == [56.3, 70, 70]


def test_the_two_tables():
    table = recipe_tables.compared({"report": [scores(0.5, 0.3, 0.2)], "strong": [scores(0.8, 0.5, 0.5)]}, [BASELINE])
    of_tasks = recipe_tables.attribute_figures(table)
    assert list(of_tasks.columns) == [
        "Task", "Acc (majority)", "Acc (report)", "Acc (recipe report)", "Acc (recipe strong)",
        "mAcc (chance)", "mAcc (report)", "mAcc (recipe report)", "mAcc (recipe strong)",
    ]  # fmt: skip
    assert of_tasks["Task"].tolist() == [*TASKS, "average"]
    assert of_tasks.set_index("Task").loc["hat"].tolist() == [60, 96.5, 50, 80, 40, 62.5, 30, 50]
    of_reid = recipe_tables.reid_figures(table)
    assert list(of_reid.columns) == ["Re-ID", "report", "recipe report", "recipe strong"]
    assert of_reid["Re-ID"].tolist()[:4] == ["mAP", "rank-1", "rank-10", "mINP"]
    assert of_reid["recipe strong"].tolist() == [50, 20, 40, 10, 70]


def test_from_runs_to_the_committed_file(tmp_path, few_data, capsys):
    """A metrics.json of seed 0 and a history of seed 1, whose second epoch is the best."""
    metrics = tmp_path / "metrics.json"
    metrics.write_text(json.dumps(scores(0.5, 0.3, 0.2) | {"recipe": "report", "seed": 0}))
    history = tmp_path / "few-strong" / "joint-x-seed1" / "history.csv"
    history.parent.mkdir(parents=True)
    epochs = [
        flatten(scores(*given)) | {"score": score, "loss": 1.0, "loss/age": 1.0}
        for *given, score in [(0.1, 0.1, 0.1, 0.1), (0.8, 0.5, 0.5, 0.5)]
    ]
    pd.DataFrame(epochs).to_csv(history, index=False)
    out = tmp_path / "recipes.csv"
    assert recipe_tables.main([str(metrics), str(history), "--data", str(few_data.root), "--out", str(out)]) == 0
    assert "seeds [1]" in capsys.readouterr().out
    rows = recipe_tables.read(out).set_index(["Figure", "Score"])
    assert rows.loc[("bag", "mAcc"), ["recipe report", "recipe strong"]].tolist() == [30, 50]
    shares = []
    for seed in (0, 1):
        train, validation = split_table(few_data.train, 0.1, seed)
        shares.append((validation["hair"] == train["hair"].mode()[0]).mean())
    assert rows.loc[("hair", "Acc"), "baseline"] == pytest.approx(100 * sum(shares) / 2, abs=1e-3)
    with pytest.raises(ValueError, match="is a second run of report with seed 0; give each seed once"):
        recipe_tables.main([str(metrics), str(metrics), "--data", str(few_data.root), "--out", str(out)])


def test_what_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"recipes\.csv is not there; write it with"):
        recipe_tables.read(tmp_path / "recipes.csv")
    (tmp_path / "recipes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"recipes\.csv has no column Figure, Score, baseline, report"):
        recipe_tables.read(tmp_path / "recipes.csv")
    (tmp_path / "metrics.json").write_text(json.dumps({"recipe": "strong", "seed": 0, "answers": {}}))
    with pytest.raises(ValueError, match=r"metrics\.json does not hold the scores of notebook 04"):
        recipe_tables.read_scores(tmp_path / "metrics.json")
    folder = tmp_path / "x-report" / "joint-y-seed0"
    folder.mkdir(parents=True)
    (folder / "history.csv").write_text("epoch,score\n")
    with pytest.raises(ValueError, match=r"history\.csv has no epoch with a score"):
        recipe_tables.read_scores(folder / "history.csv")
