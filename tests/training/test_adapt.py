import math
import shutil

import pandas as pd
import pytest
import torch

from assignment_lib import environment
from assignment_lib.progress import quiet
from assignment_lib.training import adapt, assembly, checkpoints, loop, parts, recipes

SMALL = {
    "image_size": (64, 32), "epochs": 1, "amp": "off", "neck": "bn", "sampler": "pairs",
    "batch_size": 16, "validation_share": 0.2,
}  # fmt: skip
CHANGES = {"adapt_rounds": 2, "adapt_epochs": 1, "adapt_similarity": 0.6}
DEVICE = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(few_data, tmp_path_factory):
    """A folder with a network after one epoch, and the split it was trained on."""
    folder = tmp_path_factory.mktemp("runs") / "joint-seed0"
    recipe = recipes.recipe("smoke", **SMALL)
    split = assembly.decoded_split(few_data, recipe)
    assembly.run(assembly.joint(split, recipe, DEVICE), folder, log=quiet)
    return folder, split


@pytest.fixture
def copied(trained, tmp_path):
    folder, split = trained
    return shutil.copytree(folder, tmp_path / "joint-seed0"), split


def timeless(table):
    return table[[column for column in table if "second" not in column]]


@pytest.mark.slow
def test_rounds_end_in_a_network_of_its_own_folder_and_go_on_where_they_stopped(few_data, copied, monkeypatch):
    folder, split = copied
    before = (folder / "best.pt").read_bytes()
    lines = []
    rounds = adapt.adapt(folder, few_data, DEVICE, split, lines.append, **CHANGES)
    target = parts.adapted_folder(folder)
    assert target.name == "joint-seed0-adapted" and (folder / "best.pt").read_bytes() == before

    assert rounds["Round"].tolist() == [0, 1, 2] and math.isnan(rounds["Clusters"][0])
    assert rounds.loc[0, "mAP"] == pytest.approx(100 * pd.read_csv(folder / "history.csv")["reid/mAP"][0], rel=1e-4)
    assert (rounds["Images"][1:] >= 2 * rounds["Clusters"][1:]).all() and rounds["mAP"].between(0, 100).all()
    assert any(
        line.startswith("round 2: ") and "of the validation people's own pairs are found" in line for line in lines
    )
    pd.testing.assert_frame_equal(pd.read_csv(target / "rounds.csv"), rounds, check_dtype=False)

    scores = [pd.read_csv(target / f"round{k}" / "history.csv")["score"].max() for k in (1, 2)]
    network, recipe = parts.trained_network(folder, adapted=True)
    best = parts.trained_network(target / f"round{1 + (scores[1] > scores[0])}")[0]
    assert all(torch.equal(ours, its) for ours, its in zip(network.parameters(), best.parameters(), strict=True))
    assert recipe.adaptation.adapt_similarity == 0.6 and recipe.training.learning_rate == 3e-4
    clusters = rounds["Clusters"][1 + (scores[1] > scores[0])]
    assert network.pid_classifier.out_features == split.train["pid"].nunique() + clusters

    # stopped in the midst of round 2 and gone on with, it is the same to the last bit
    again = folder.with_name("again") / folder.name
    shutil.copytree(folder, again)
    take_steps, epochs = loop.train_epoch, []

    def stops(*given):
        epochs.append(1)
        if len(epochs) == 2:
            raise loop.Stopped("stopped")
        return take_steps(*given)

    monkeypatch.setattr(loop, "train_epoch", stops)
    with pytest.raises(loop.Stopped):
        adapt.adapt(again, few_data, DEVICE, split, lines.append, **CHANGES)
    monkeypatch.setattr(loop, "train_epoch", take_steps)
    monkeypatch.setattr(adapt, "pseudo_labels", None)  # what was found stays
    resumed = adapt.adapt(again, few_data, DEVICE, split, lines.append, **CHANGES)
    pd.testing.assert_frame_equal(timeless(resumed), timeless(rounds))
    other = parts.trained_network(again, adapted=True)[0]
    assert all(torch.equal(ours, its) for ours, its in zip(network.parameters(), other.parameters(), strict=True))

    with pytest.raises(checkpoints.OtherRun, match="remove joint-seed0-adapted/ to adapt anew"):
        adapt.adapt(again, few_data, DEVICE, split, lines.append, **CHANGES | {"adapt_images": 5})


@pytest.mark.slow
def test_the_names_of_validation_people_are_not_looked_at(few_data, copied, monkeypatch):
    """With other names the same clusters and the same weights come out, only judged otherwise."""
    folder, split = copied
    begun = []

    def stops(training, *given):
        begun.append(training)
        raise loop.Stopped("before the first step")

    monkeypatch.setattr(assembly, "run", stops)
    names = split.validation["pid"].sample(frac=1, random_state=0).to_numpy()
    assert names.tolist() != split.validation["pid"].tolist()
    for validation in (split.validation, split.validation.assign(pid=names)):
        shutil.rmtree(parts.adapted_folder(folder), ignore_errors=True)
        with pytest.raises(loop.Stopped):
            adapt.adapt(folder, few_data, DEVICE, split._replace(validation=validation), quiet, **CHANGES)
    first, second = begun
    assert torch.equal(first.batches.pids, second.batches.pids) and first.fingerprint == second.fingerprint
    assert torch.equal(first.batches.attributes, second.batches.attributes)
    weights = (training.network.state_dict().values() for training in begun)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(*weights, strict=True))


@pytest.mark.slow
def test_a_network_of_all_people_takes_the_rounds_it_is_told(few_data, tmp_path):
    recipe = recipes.recipe("smoke", **SMALL)
    split, folder = assembly.everyone(few_data, recipe), tmp_path / "everyone-seed0"
    assembly.run(assembly.joint(split, recipe, DEVICE), folder, quiet)
    lines = []
    rounds = adapt.adapt(folder, few_data, DEVICE, split, lines.append, **CHANGES)
    assert rounds["Round"].tolist() == [0, 1, 2] and "mAP" not in rounds
    assert lines[0].startswith("round 1: ") and lines[0].endswith(" unlabelled images")
    target = parts.adapted_folder(folder)
    assert (target / "best.pt").read_bytes() == (target / "round2" / "best.pt").read_bytes()


def test_a_network_of_other_images_is_refused(few_data, tmp_path):
    recipe = recipes.recipe("smoke", **SMALL)
    split = assembly.decoded_split(few_data, recipe)
    network = parts.joint_network(recipe, 9, pretrained=False)
    marks = recipes.fingerprint(recipe, data="other", images=50, n_pids=9, attributes=True)
    checkpoints.save({"model": network.state_dict(), "fingerprint": marks, "epoch": 1}, tmp_path / "best.pt")
    with pytest.raises(ValueError, match="was trained on 50 images of 9 people, but this data gives 9"):
        adapt.adapt(tmp_path, few_data, DEVICE, split)
    with pytest.raises(ValueError, match="adapt_rounds is 0; give at least 1"):
        adapt.adapt(tmp_path, few_data, DEVICE, split, adapt_rounds=0)


def test_nobody_is_adapted_unasked(tmp_path):
    with pytest.raises(FileNotFoundError, match="run `make adapt`"):
        parts.trained_network(tmp_path / "joint-seed0", adapted=True)


@pytest.mark.slow
def test_images_that_are_all_different_are_not_adapted_to(few_data, copied):
    folder, split = copied
    with pytest.raises(ValueError, match=r"no cluster has 2 to 20 images at adapt_similarity=0\.99; the unlabelled"):
        adapt.adapt(folder, few_data, DEVICE, split, quiet, **CHANGES | {"adapt_similarity": 0.99})


@pytest.mark.slow
def test_the_command_adapts_what_was_trained(few_data, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        environment.Settings, "training_folder", lambda where, network: tmp_path / f"{network}-{where.seed}"
    )
    shutil.copytree(trained[0], tmp_path / "joint-3")
    given = ["--data", str(few_data.root), "--seed", "3", "--rounds", "1", "--epochs", "1", "--similarity", "0.6"]
    assert adapt.main(given) == 0
    assert "the adapted network is in joint-3-adapted" in capsys.readouterr().out
    parts.trained_network(tmp_path / "joint-3", adapted=True)
