import pandas as pd
import pytest

from assignment_lib.training import recipes, repeat


def test_the_interval_by_hand():
    """Student's t for 3 rows at 95 % is 4.303; the standard deviation of 1, 2, 3 is 1."""
    table = repeat.mean_and_interval(pd.DataFrame({"Seed": [0, 1, 2], "mAP": [1.0, 2.0, 3.0], "Acc": [5.0, 5.0, 5.0]}))
    assert table["Figure"].tolist() == ["Acc", "mAP"] and table["Mean"].tolist() == [5, 2]
    assert table["±"].tolist() == pytest.approx([0, 4.3027 / 3**0.5], abs=1e-3)
    assert repeat.mean_and_interval(pd.DataFrame({"mAP": [1.0]}))["±"].isna().all()


@pytest.mark.slow
def test_each_seed_is_trained_once(few_data, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    small = {"image_size": (64, 32), "epochs": 1, "amp": "off", "pretrained": False}
    monkeypatch.setitem(recipes.RECIPES, "tiny", recipes.changed(recipes.Recipe("tiny"), **small))
    monkeypatch.setenv("ASSIGNMENT_PRETRAINED", "no")
    arguments = ["--data", str(few_data.root), "--recipe", "tiny", "--seeds", "0", "1"]
    assert repeat.main(arguments) == 0
    runs = pd.read_csv(tmp_path / "few-tiny" / "repeats.csv")
    assert runs["Seed"].tolist() == [0, 1] and runs["mAP"].between(0, 100).all()
    before = capsys.readouterr().out
    assert repeat.main(arguments) == 0
    assert "going on after epoch 1 of 1" in capsys.readouterr().out and "epoch  1/1" in before
    assert pd.read_csv(tmp_path / "few-tiny" / "repeats.csv").equals(runs)
