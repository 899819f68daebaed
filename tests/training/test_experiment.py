from collections import namedtuple

import pytest
import torch

from assignment_lib.training import assembly, experiment, parts, recipes

Trained = namedtuple("Trained", ("network", "history"))
SMALL = {"image_size": (64, 32), "epochs": 1, "baseline_epochs": 1, "amp": "off", "pretrained": False}


def train(assemble, split, settings, folder):
    training = assemble(split, settings, torch.device("cpu"))
    return Trained(training.network, assembly.run(training, folder))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network(few_data, tmp_path):
    settings = recipes.recipe("smoke", **SMALL)
    split = assembly.decoded_split(few_data, settings)
    assert not set(split.train["pid"]) & set(split.validation["pid"])
    assert len(split.train_images) == len(split.train) and len(split.validation_images) == len(split.validation)
    first, again = (train(assembly.joint, split, settings, tmp_path / n) for n in ("a", "b"))
    for ours, wanted in zip(first.network.state_dict().values(), again.network.state_dict().values(), strict=True):
        assert torch.equal(ours, wanted)
    timeless = [column for column in first.history if "second" not in column]
    assert first.history[timeless].equals(again.history[timeless])
    network, found = parts.trained_network(tmp_path / "a")
    assert found.data.image_size == (64, 32) and network.embedding_size == first.network.embedding_size


@pytest.mark.slow
def test_what_decides_where_re_identification_is_not_learned(few_data, tmp_path):
    settings = recipes.recipe("smoke", **SMALL, pid_loss=False, identity_loss="none")
    split = assembly.decoded_split(few_data, settings)
    joint = train(assembly.joint, split, settings, tmp_path / "joint")
    baseline = train(assembly.baseline, split, settings, tmp_path / "baseline")
    for trained in (joint, baseline):
        assert trained.history["score"].tolist() == trained.history["attributes/average/macc"].tolist()
    assert joint.network.pid_classifier is None


@pytest.mark.slow
def test_re_identification_alone_has_no_heads(few_data, tmp_path):
    settings = recipes.recipe("smoke", **SMALL, attribute_losses=False)
    split = assembly.decoded_split(few_data, settings)
    trained = train(assembly.joint, split, settings, tmp_path / "reid")
    assert len(trained.network.heads) == 0
    assert trained.history["score"].tolist() == trained.history["reid/mAP"].tolist()


@pytest.mark.slow
def test_the_command_trains_where_notebook_04_looks(few_data, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    monkeypatch.setitem(recipes.RECIPES, "tiny", recipes.changed(recipes.Recipe("tiny"), **SMALL))
    assert experiment.main(["--data", str(few_data.root), "--recipe", "tiny", "--from-scratch", "--seed", "1"]) == 0
    assert (tmp_path / "few-tiny" / "joint-efficientnet_lite0-scratch-seed1" / "best.pt").exists()
