"""Networks that answer together, and those of all people."""

import dataclasses

import pandas as pd
import pytest
import torch

from assignment_lib import environment
from assignment_lib.evaluation.predictions import predict
from assignment_lib.models.together import Together
from assignment_lib.training import assembly, parts, recipes, several

SMALL = {"image_size": (64, 32), "epochs": 2, "amp": "off", "pretrained": False, "backbone": "mobilenetv3_small_050"}
CPU = torch.device("cpu")


@pytest.fixture()
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    return environment.Settings(recipe="smoke", backbone=SMALL["backbone"])


@pytest.mark.slow
def test_two_networks_and_two_of_everyone(few_data, settings):
    recipe, said = recipes.recipe("smoke", **SMALL, networks=2, everyone=True), []
    found = several.networks(few_data, recipe, settings, CPU, said.append)
    assert isinstance(found.search, Together) and isinstance(found.test, Together) and not found.test.training
    assert found.saying.endswith("the test by 2 networks together of all people")
    sizes = [network.pid_classifier.out_features for network in (*found.search.networks, *found.test.networks)]
    everyone = few_data.train["pid"].nunique()
    assert sizes[2:] == [everyone] * 2 and sizes[0] == sizes[1] < everyone
    images = assembly.everyone(few_data, recipe).train_images[:4]
    answers = [predict(network, images).embeddings for network in (*found.search.networks, *found.test.networks)]
    assert all(not torch.equal(a, b) for i, a in enumerate(answers) for b in answers[:i])

    said.clear()
    again = several.networks(few_data, recipe, settings, CPU, said.append)
    assert said == []
    torch.testing.assert_close(predict(again.test, images).embeddings, predict(found.test, images).embeddings)


@pytest.mark.slow
def test_one_network_is_notebook_04s_own(few_data, settings):
    recipe = recipes.recipe("smoke", **SMALL)
    found = several.networks(few_data, recipe, settings, CPU, lambda line: None)
    own, _ = parts.trained_network(settings.training_folder("joint"))
    assert found.search is found.test and found.saying == "one network trained beside the validation people"
    assert all(
        torch.equal(a, b) for a, b in zip(found.test.state_dict().values(), own.state_dict().values(), strict=True)
    )
    assert [folder.name for folder in settings.folder.iterdir()] == [settings.training_folder("joint").name]


@pytest.mark.slow
def test_everyone_is_trained_as_long_as_validation_chose(few_data, settings):
    recipe = recipes.recipe("smoke", **SMALL, everyone=True)
    folder = settings.training_folder("joint")
    several.networks(few_data, dataclasses.replace(recipe, retrieval=recipes.RetrievalSettings()), settings, CPU, len)
    best = torch.load(folder / "best.pt", weights_only=True)
    torch.save(best | {"epoch": 1}, folder / "best.pt")
    several.networks(few_data, recipe, settings, CPU, lambda line: None)
    history = pd.read_csv(settings.training_folder("everyone") / "history.csv")
    assert list(history["epoch"]) == [1] and "reid/mAP" not in history


def test_nobody_cannot_answer(few_data, settings):
    with pytest.raises(ValueError, match="networks=0"):
        several.networks(few_data, recipes.recipe("smoke", networks=0), settings, CPU)


def test_what_is_missing(settings):
    recipe = recipes.recipe("smoke", **SMALL, networks=2, everyone=True)
    names = ["joint", "joint2", "everyone", "everyone2"]
    places = [settings.training_folder(name) for name in names]
    assert several.missing(recipe, settings) == places
    for place, files in zip(
        places, (["best.pt"], ["best.pt", "last.pt"], ["best.pt", "last.pt", "finished.txt"]), strict=False
    ):
        place.mkdir(parents=True)
        for file in files:
            (place / file).touch()
    assert several.missing(recipe, settings) == [places[1], places[3]]
    adapted = recipes.recipe("smoke", **SMALL, adapted=True)
    assert several.missing(adapted, settings) == [places[0]]
    parts.adapted_folder(places[0]).mkdir()
    (parts.adapted_folder(places[0]) / "finished.txt").touch()
    assert several.missing(adapted, settings) == []
