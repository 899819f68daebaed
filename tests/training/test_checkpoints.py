import random

import numpy as np
import pytest
import torch

from assignment_lib.training import checkpoints
from assignment_lib.training.recipes import fingerprint, recipe


def test_a_missing_and_a_damaged_checkpoint(tmp_path):
    path = tmp_path / "best.pt"
    with pytest.raises(FileNotFoundError, match=r"best.pt is missing"):
        checkpoints.load(path)
    checkpoints.save({"a": torch.ones(3)}, path)
    assert torch.equal(checkpoints.load(path)["a"], torch.ones(3))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoints.load(path)
    assert not list(tmp_path.glob("*.part"))


def test_pickled_code_is_not_executed(tmp_path):
    torch.save({"a": random.Random(0)}, tmp_path / "best.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoints.load(tmp_path / "best.pt")


def test_a_checkpoint_of_earlier_code_is_named_as_such(tmp_path):
    torch.save({"model": {}, "fingerprint": {"seed": 0}}, tmp_path / "last.pt")
    with pytest.raises(checkpoints.OtherRun, match="earlier version of this code"):
        checkpoints.load_last(tmp_path, {"seed": 0})


def test_random_states_are_restored():
    generator = torch.Generator().manual_seed(3)
    states = checkpoints.random_states([generator])

    def draws():
        return random.random(), np.random.rand(), float(torch.rand(())), float(torch.rand((), generator=generator))

    first = draws()
    assert draws() != first
    checkpoints.set_random_states(states, [generator])
    assert draws() == first


def test_another_training_is_distinguished_from_a_damaged_file(tmp_path):
    checkpoints.save({"fingerprint": {"size": (128, 64), "seed": 0}}, tmp_path / "last.pt")
    assert checkpoints.load_last(tmp_path, {"size": [128, 64], "seed": 0}) is not None
    with pytest.raises(checkpoints.OtherRun, match=r"seed was 0, is 1; data was missing, is x; size was .* is missing"):
        checkpoints.load_last(tmp_path, {"seed": 1, "data": "x"})
    (tmp_path / "last.pt").write_bytes(b"half")
    with pytest.raises(ValueError, match=r"last.pt cannot be read") as damaged:
        checkpoints.load_last(tmp_path, {"seed": 0})
    assert not isinstance(damaged.value, checkpoints.OtherRun)
    assert checkpoints.load_last(tmp_path / "nowhere", {}) is None


def test_a_training_resumes_under_another_name_of_its_recipe(tmp_path):
    """`adapted` continues from the copied network of `strong`, whose other settings are the same."""
    strong, adapted = (fingerprint(recipe(name), data_fingerprint="a") for name in ("strong", "adapted"))
    checkpoints.save({"fingerprint": strong}, tmp_path / "last.pt")
    assert checkpoints.load_last(tmp_path, adapted) is not None
    with pytest.raises(checkpoints.OtherRun, match="image_size was"):
        checkpoints.load_last(tmp_path, fingerprint(recipe("report"), data_fingerprint="a"))


def test_changed_data_is_named_as_such(tmp_path):
    theirs = {"data": "course", "data_fingerprint": "a", "images": 10}
    with pytest.raises(checkpoints.OtherRun, match="data changed since this network was trained") as raised:
        checkpoints.require_same(theirs, {"data": "course", "data_fingerprint": "b", "images": 12}, tmp_path)
    assert "rename" in str(raised.value), "another data set of the same name must not cost the first one's network"


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(OSError, match="ASSIGNMENT_RUNS"), checkpoints.lock(tmp_path / "runs" / "run"):
        pass
