"""CONTRIBUTING.md can be followed: each change is made in a copy of the library, and then tried there."""

import importlib
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from documents import CONTRIBUTING, blocks, section
from library import LIBRARY
from PIL import Image

HOW_TOS = ("Add a task", "Add a loss", "Add a backbone", "Add a data set")


def apply(diff, root):
    """Make the changes of a `diff` block: context and removed lines must be there exactly once."""
    for file in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        name, _, hunks = file.partition("\n")
        path = root / name
        text = path.read_text()
        for hunk in re.split(r"^@@\n", hunks, flags=re.MULTILINE):
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(old) == 1, f"{name} has {text.count(old)} times\n{old}"
            text = text.replace(old, new)
        path.write_text(text)


def try_out(title):
    """Run the `python` block of a section; returns what it defines."""
    names = {}
    for block in blocks(section(CONTRIBUTING, title), "python"):
        exec(block, names)
    return names


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """`changed(title)`: the library with the change of that section in place of the real one, until the test ends."""

    def loaded():
        return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "assignment_lib"}

    real = loaded()

    def change(title):
        shutil.copytree(LIBRARY, tmp_path / "assignment_lib", ignore=shutil.ignore_patterns("__pycache__"))
        for diff in blocks(section(CONTRIBUTING, title), "diff"):
            apply(diff, tmp_path)
        for name in real:
            del sys.modules[name]
        monkeypatch.syspath_prepend(tmp_path)
        assert importlib.import_module("assignment_lib").__file__.startswith(str(tmp_path))

    yield change
    for name in loaded():
        del sys.modules[name]
    sys.modules.update(real)


@pytest.mark.parametrize("title", HOW_TOS)
def test_a_change_is_short(title):
    lines = [
        line for line in section(CONTRIBUTING, title).splitlines() if line and not line.startswith(("```", "---", "@@"))
    ]
    assert len(lines) < 20


def test_a_task(changed, tmp_path):
    changed("Add a task")
    network = try_out("Add a task")["network"]
    from assignment_lib.batches import balance, loader
    from assignment_lib.data import attributes, dataset
    from assignment_lib.losses.objective import Objective

    (tmp_path / "course" / "train").mkdir(parents=True)
    for pid in range(1, 5):
        (tmp_path / "course" / "train" / f"{pid:04d}_c1.jpg").touch()
    rows = pd.DataFrame(1, index=pd.Index(range(1, 5), name="id"), columns=attributes.ANNOTATION_COLUMNS)
    rows.assign(shoes=[1, 2, 2, 2]).to_csv(tmp_path / "course" / "annotations_train.csv")
    table = dataset.load(tmp_path / "course").train
    assert table["shoes"].tolist() == [0, 1, 1, 1]
    assert attributes.to_annotations(table)["shoes"].tolist() == [1, 2, 2, 2]

    targets = attributes.target_tensor(table)
    shoes = balance.class_weights(targets)[attributes.class_slices()["shoes"]]
    assert shoes.tolist() == pytest.approx([4 / (2 * 1), 4 / (2 * 3)])
    weights = {task: torch.ones(len(classes)) for task, classes in attributes.TASKS.items()}
    batch = loader.Batch(torch.rand(4, 3, 64, 32), targets, torch.arange(4), torch.arange(4))
    total, losses, _ = Objective(weights)(network(batch.images), batch)
    total.backward()
    assert "shoes" in losses and network.heads["shoes"][0].weight.grad.abs().sum() > 0


def test_a_loss(changed):
    changed("Add a loss")
    settings = try_out("Add a loss")["settings"]
    from assignment_lib.batches.loader import Batch
    from assignment_lib.models.joint import JointConvNet
    from assignment_lib.training import parts

    network = JointConvNet("resnet10t", n_pids=2, pretrained=False, attributes=False)
    objective = parts.joint_objective(settings, None, network, n_pids=2)
    pids = torch.tensor([0, 0, 1, 1])
    batch = Batch(torch.rand(4, 3, 64, 32), None, pids, torch.arange(4))
    total, losses, _ = objective(network(batch.images), batch)
    total.backward()
    assert list(losses) == ["pid", "circle"] and losses["circle"] > 0 and total.isfinite()
    assert all(parameter.grad is not None for parameter in network.features.parameters())


def test_a_backbone(changed):
    changed("Add a backbone")
    network = try_out("Add a backbone")["network"]
    network(torch.rand(2, 3, 64, 32)).embedding.sum().backward()
    assert all(parameter.grad is not None for parameter in network.features.parameters())


def test_a_backbone_of_timm_needs_nothing():
    from assignment_lib.models.joint import JointConvNet

    name = re.search(r'backbone="(\w+)"', section(CONTRIBUTING, "Add a backbone"))[1]
    assert JointConvNet(name, n_pids=2, pretrained=False)(torch.rand(2, 3, 64, 32)).pid.shape == (2, 2)


def test_a_data_set(changed, tmp_path, monkeypatch):
    for name in ("0007/a.jpg", "0007/b.jpg", "0012/a.jpg"):
        path = tmp_path / "my-data" / "people" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 4, 3), 90, np.uint8)).save(path)
    monkeypatch.chdir(tmp_path)
    changed("Add a data set")
    data = try_out("Add a data set")["data"]
    from assignment_lib.data import images, split

    assert data.layout == "people" and data.train["pid"].tolist() == [7, 7, 12]
    assert not data.has_attributes and not data.has_cameras and not len(data.gallery)
    assert images.decode(data.train["path"], (16, 8), progress=False).images.shape == (3, 3, 16, 8)
    train, validation = split.split_table(data.train, share=0.5)
    assert len(train) + len(validation) == 3
