"""A training from data and recipe to scores, and the networks of notebook 05."""

import dataclasses

import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from assignment_lib import environment
from assignment_lib.batches.loader import Batch
from assignment_lib.data.attributes import TASKS
from assignment_lib.data.images import decode
from assignment_lib.training import assembly, checkpoints, recipes

CPU = torch.device("cpu")
TINY = {"image_size": (64, 32), "epochs": 1, "pretrained": False, "backbone": "mobilenetv3_small_050"}


def tiny(name="smoke", **changes):
    return recipes.recipe(name, **(TINY | changes))


def train(split, recipe, folder):
    training = assembly.joint(split, recipe, CPU)
    assembly.run(training, folder, log=lambda line: None)
    return training.network


def same(network, other):
    pairs = zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


# -- split and training


def test_the_distractors_are_the_test_gallery(few_data):
    split = assembly.decoded_split(few_data, tiny())
    given = decode(few_data.gallery["path"], (64, 32), progress=False)
    assert torch.equal(split.distractor_images, given)
    assert not set(split.train["pid"]) & set(split.validation["pid"])
    assert len(split.train_images) == len(split.train) and len(split.validation_images) == len(split.validation)
    assert assembly.decoded_split(few_data, tiny(), given).distractor_images is given, "one copy of each image"
    with pytest.raises(ValueError, match="gallery_images"):
        assembly.decoded_split(few_data, tiny(), given[:-1])


@pytest.mark.parametrize("kind", ["train", "no gallery", "the same pictures"])
def test_training_people_are_held_out_as_distractors(few_data, kind):
    recipe, data = tiny(), few_data
    if kind == "train":
        recipe = tiny(distractors="train")
    elif kind == "no gallery":
        data = dataclasses.replace(few_data, gallery=few_data.gallery[:0])
    else:
        data = dataclasses.replace(few_data, gallery=few_data.train.assign(pid=-2))
    split = assembly.decoded_split(data, recipe)
    assert len(split.train) + len(split.validation) + len(split.distractor_images) == len(data.train)
    people = data.train["pid"].nunique() - split.train["pid"].nunique() - split.validation["pid"].nunique()
    assert people == 2 and f"{people} training people" in split.distractor_note
    assert torch.equal(split.train_images, decode(split.train["path"], (64, 32), progress=False))
    again = assembly.decoded_split(data, recipe)
    assert again.train.equals(split.train) and torch.equal(again.distractor_images, split.distractor_images)


def test_without_distractors(few_data):
    split = assembly.decoded_split(few_data, tiny(distractors="none"))
    assert split.distractor_images.shape == (0, 3, 64, 32)
    with pytest.raises(ValueError, match="'all'"):
        assembly.decoded_split(few_data, tiny(distractors="all"))


def test_data_that_cannot_be_validated_is_refused_before_anything_is_decoded(few_data, monkeypatch):
    monkeypatch.setattr(assembly, "decode", lambda *_, **__: pytest.fail("images were decoded"))
    table = few_data.train[["path", "file", "pid", "camera"]].drop_duplicates("pid").reset_index(drop=True)
    for share in (0.1, 0.34):
        data = dataclasses.replace(few_data, train=table[:3], annotations=None)
        with pytest.raises(ValueError, match=r"at least two per person"):
            assembly.decoded_split(data, tiny(validation_share=share))
    most = pd.concat([table, table[:1]], ignore_index=True)
    seeds = [seed for seed in range(5) if not _second_image_is_validated(few_data, most, seed)]
    with pytest.raises(ValueError, match=r"validation_share or another seed"):
        assembly.decoded_split(dataclasses.replace(few_data, train=most, annotations=None), tiny(seed=seeds[0]))


def _second_image_is_validated(data, table, seed):
    _, validation = assembly.split_table(table, 0.25, seed)
    return validation["pid"].duplicated().any()


def test_a_small_search_while_training_and_the_full_one_at_the_end(few_data, monkeypatch):
    """Validation must not cost more than a tenth of the training time, so it searches among a part of the distractors."""
    seen = []
    monkeypatch.setattr(assembly, "_WHILE_TRAINING", 5)
    monkeypatch.setattr(assembly, "validator", lambda images, table, distractors, reid: seen.append(distractors))
    split = assembly.decoded_split(few_data, tiny())
    for _ in range(2):
        assembly.joint(split, tiny(), CPU)
    assert len(seen[0]) == 5 < len(split.distractor_images) and torch.equal(*seen)
    assert all((image == split.distractor_images).flatten(1).all(1).any() for image in seen[0])


def test_the_objective_of_strong_is_the_sum_of_its_losses(few_data):
    """Mean of the unweighted attribute cross-entropies, smoothed PID cross-entropy, batch-hard triplets before the neck."""
    recipe = tiny("strong", backbone="efficientnet_lite0", distractors="none", validation_share=0.25, batch_size=16)
    split = assembly.decoded_split(few_data, recipe)
    training = assembly.joint(split, recipe, CPU)
    pids = torch.arange(8) // 4
    targets = torch.stack([torch.arange(8) % len(classes) for classes in TASKS.values()], dim=1)
    output = training.network.train()(torch.rand(8, 3, 64, 32, generator=torch.Generator().manual_seed(0)))
    total, losses, _ = training.objective(output, Batch(torch.zeros(8, 3, 4, 4), targets, pids, torch.arange(8)))
    entropies = [F.cross_entropy(output.attributes[task], targets[:, i]) for i, task in enumerate(TASKS)]
    torch.testing.assert_close(losses["attributes"], sum(entropies) / 12)
    distances = torch.cdist(*[F.normalize(output.metric)] * 2)
    positive = pids[:, None] == pids
    farthest, nearest = distances.masked_fill(~positive, 0).amax(1), distances.masked_fill(positive, 9).amin(1)
    torch.testing.assert_close(losses["triplet"], F.relu(farthest - nearest + 0.3).mean(), rtol=1e-4, atol=1e-5)
    pid = F.cross_entropy(output.pid, pids, label_smoothing=0.1)
    torch.testing.assert_close(total, losses["attributes"] + losses["triplet"] + pid)


# -- trained networks


@pytest.mark.parametrize("name", ["smoke", "strong"])
def test_a_trained_network_is_restored_from_its_folder(tmp_path, name):
    recipe = recipes.recipe(name, seed=3)
    priors = {task: torch.rand(len(classes)).softmax(0) for task, classes in TASKS.items()}
    network = assembly.joint_network(recipe, 4, pretrained=False, priors=priors).eval()
    marks = recipes.fingerprint(recipe, n_pids=4, attributes=True, data="x")
    checkpoints.save({"model": network.state_dict(), "fingerprint": marks}, tmp_path / "best.pt")
    restored, settings = assembly.trained_network(tmp_path)
    assert settings == recipe and not restored.training
    images = torch.rand(1, 3, *recipe.data.image_size)
    with torch.inference_mode():
        ours, theirs = network(images), restored(images)
    assert torch.equal(theirs.embedding, ours.embedding)
    assert all(torch.equal(theirs.attributes[task], ours.attributes[task]) for task in TASKS)


def test_a_network_of_other_code_is_refused_in_one_sentence(tmp_path):
    marks = recipes.fingerprint(recipes.recipe("smoke"), n_pids=4, attributes=True)
    checkpoints.save({"model": {"weight": torch.ones(2)}, "fingerprint": marks}, tmp_path / "best.pt")
    with pytest.raises(ValueError, match=r"best.pt was saved by other code"):
        assembly.trained_network(tmp_path)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    return environment.Settings(recipe="smoke", backbone=TINY["backbone"])


@pytest.mark.slow
def test_a_network_is_trained_where_it_is_missing_and_resumed_where_it_was_interrupted(few_data, settings, tmp_path):
    recipe, lines = tiny(threshold=0.7), []
    folder = settings.training_folder("joint")
    found, restored = assembly.train_if_missing(few_data, recipe, folder, CPU, lines.append)
    assert "is not trained yet" in lines[0] and not found.training
    assert restored.retrieval == recipe.retrieval, "the caller's, which a trained network does not depend on"
    assert recipes.fingerprint(restored) == recipes.fingerprint(recipe)
    network = train(assembly.decoded_split(few_data, recipe), recipe, tmp_path / "notebook 04")
    assert same(found, network)

    lines.clear()
    again, _ = assembly.train_if_missing(few_data, recipe, folder, CPU, lines.append)
    assert lines == [] and same(again, network)
    (folder / "finished.txt").unlink()  # as an interrupted session leaves it
    assembly.train_if_missing(few_data, recipe, folder, CPU, lines.append)
    assert "was interrupted" in lines[0] and "resuming after epoch 1 of 1" in lines[1]
    for name in ("last.pt", "finished.txt"):
        (folder / name).unlink()
    lines.clear()
    other = recipes.recipe("report")
    restored = assembly.train_if_missing(few_data, other, folder, CPU, lines.append)[1]
    assert lines == [] and restored.data == recipe.data, "a copied best.pt suffices, and keeps its recipe"


@pytest.mark.slow
def test_the_data_changed_since_the_network_was_trained(few_data, settings):
    """Corrected annotations must not be ignored; another data set must not be told to delete the first one's network."""
    recipe, quiet = tiny(), lambda line: None
    folder = settings.training_folder("joint")
    assembly.train_if_missing(few_data, recipe, folder, CPU, quiet)
    corrected = few_data.train.assign(hat=1 - few_data.train["hat"])
    renamed = few_data.train.assign(file="x" + few_data.train["file"])
    for table in (corrected, renamed):
        data = dataclasses.replace(few_data, train=table)
        with pytest.raises(checkpoints.OtherRun, match="data changed since this network was trained"):
            assembly.train_if_missing(data, recipe, folder, CPU, quiet)
        training = assembly.joint(assembly.decoded_split(data, recipe), recipe, CPU)
        with pytest.raises(checkpoints.OtherRun, match=r"rename the data set"):
            assembly.run(training, folder, quiet)
    assert (folder / "best.pt").exists()


def test_published_weights_give_the_network_without_its_pid_classifier(tmp_path, monkeypatch, few_data):
    split = assembly.decoded_split(few_data, tiny(distractors="none"))
    train(split, tiny(), tmp_path / "joint")
    monkeypatch.setattr(environment, "WEIGHTS_FOLDER", tmp_path / "weights")
    thresholds = {"similarity": 0.4, "reranked": 0.2}
    assembly.publish(tmp_path / "joint", tmp_path / "weights" / "small.safetensors", thresholds)
    published, restored, stored = assembly.published("small")
    assert stored == thresholds and restored.data == tiny().data
    trained = assembly.trained_network(tmp_path / "joint")[0]
    assert published.pid_classifier is None and published.image_size == trained.image_size
    images = torch.rand(4, 3, *trained.image_size)
    with torch.inference_mode():
        ours, theirs = published(images), trained(images)
    assert torch.allclose(ours.embedding, theirs.embedding, atol=0.01 * float(theirs.embedding.abs().max()))
    assert all(torch.allclose(ours.attributes[task], logits, atol=0.05) for task, logits in theirs.attributes.items())


def test_published_weights_that_cannot_be_read_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "WEIGHTS_FOLDER", tmp_path / "weights")
    with pytest.raises(FileNotFoundError, match=r"small\.safetensors"):
        assembly.published_network("small")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "small.safetensors").write_bytes(b"cut off")
    with pytest.raises(ValueError, match=r"small\.safetensors"):
        assembly.published_network("small")
