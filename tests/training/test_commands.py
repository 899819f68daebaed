"""Every command with its default arguments: the data is drawn where it is missing."""

import pandas as pd
import pytest

from assignment_lib import dataset, environment
from assignment_lib.training import ablations, commands, recipes

TINY = {
    "image_size": (64, 32), "epochs": 1, "ablation_epochs": 1, "ablation_seeds": 1, "ablation_image_size": (64, 32)
}  # fmt: skip


@pytest.fixture(autouse=True)
def loaded(few_data, no_settings, monkeypatch):
    """A small data set in the place of the drawn one, short recipes, and a folder for runs; returns the loaded names."""
    names = []
    monkeypatch.setattr(dataset, "load", lambda name: names.append(name) or few_data)
    for name in ("smoke", "report"):
        monkeypatch.setitem(recipes.RECIPES, name, recipes.recipe(name, **TINY, validation_share=0.25))
    return names


@pytest.mark.slow
def test_train(loaded, tmp_path):
    assert commands.main(["train"]) == 0
    folder = environment.Settings().training_folder("joint")
    assert loaded == ["synthetic"] and folder.is_relative_to(tmp_path) and (folder / "finished.txt").exists()


@pytest.mark.slow
def test_repeat(loaded, capsys, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_DATA", "course.zip")
    assert commands.main(["repeat"]) == 0
    table = environment.runs_folder() / "course-smoke" / "repeats.csv"
    runs = pd.read_csv(table)
    assert loaded == ["course.zip"] and runs["Seed"].tolist() == [0, 1, 2] and runs["mAP"].between(0, 100).all()
    assert runs.filter(like="/acc").mean(axis=1).to_numpy() == pytest.approx(runs["Acc"].to_numpy())
    printed = capsys.readouterr().out
    assert "±" in printed and "attributes/" not in printed
    assert commands.main(["repeat", "--seeds", "0", "1"]) == 0
    assert "resuming after epoch 1 of 1" in capsys.readouterr().out
    assert pd.read_csv(table).equals(runs[:2])


def test_only_notebook_05_adapts(loaded, monkeypatch, capsys):
    monkeypatch.setattr(commands.assembly, "decoded_split", lambda *_, **__: None)
    monkeypatch.setattr(commands.assembly, "joint", lambda *_: None)
    monkeypatch.setattr(commands.assembly, "run", lambda *_: None)
    assert commands.main(["train", "--recipe", "adapted"]) == 0
    assert "before its adaptation" in capsys.readouterr().out
    assert commands.main(["repeat", "--recipe", "adapted"]) == 2, "its scores would be those of `strong`"
    assert "RECIPE=strong" in capsys.readouterr().out


def test_ablations_takes_the_rows_and_budget_of_its_arguments(loaded, monkeypatch):
    taken = []
    monkeypatch.setattr(ablations, "run", lambda _, base, folder, device, rows, *__: taken.append((base, rows)))
    commands.main(["ablations", "--recipe", "strong", "--size", "64", "32", "--epochs", "2"])
    assert commands.main(["ablations", "--recipe", "report", "--short"]) == 1, "no row was measured"
    assert taken[0][1] == list(ablations.STRONG_ROWS)
    assert (taken[0][0].ablation.ablation_image_size, taken[0][0].ablation.ablation_epochs) == ((64, 32), 2)
    assert taken[1][1] == [row for row in ablations.ROWS if row.short]


def test_the_environment_is_the_default_and_an_argument_overrides_it(monkeypatch):
    for name, value in (("DATA", "a & b.zip"), ("RECIPE", "report"), ("PRETRAINED", "no"), ("SEED", "3")):
        monkeypatch.setenv(f"ASSIGNMENT_{name}", value)
    parser = commands.settings_parser()
    given = environment.Settings("a & b.zip", "report", "efficientnet_lite0", False, 3)
    assert commands.settings_of(parser.parse_args([])) == given
    assert commands.settings_of(parser.parse_args(["--seed", "1", "--data", "x"])).seed == 1


def test_an_interrupt_ends_with_one_sentence(monkeypatch, capsys):
    def stop(*_):
        raise commands.Stopped("Stopped after this batch.")

    monkeypatch.setattr(commands.assembly, "run", stop)
    assert commands.main(["train"]) == 130
    assert capsys.readouterr().out.endswith("Stopped after this batch.\n")
