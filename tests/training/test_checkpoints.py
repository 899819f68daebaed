import random

import numpy as np
import pytest
import torch

from assignment_lib import files
from assignment_lib.training import checkpoints


def test_a_missing_and_a_damaged_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match="run notebook 04 first"):
        checkpoints.load(tmp_path / "best.pt")
    checkpoints.save({"a": torch.ones(3)}, tmp_path / "best.pt")
    assert torch.equal(checkpoints.load(tmp_path / "best.pt")["a"], torch.ones(3))
    content = (tmp_path / "best.pt").read_bytes()
    (tmp_path / "best.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoints.load(tmp_path / "best.pt")
    assert not list(tmp_path.glob("*.part"))


def test_pickled_code_is_not_run(tmp_path):
    torch.save({"a": random.Random(0)}, tmp_path / "best.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoints.load(tmp_path / "best.pt")


def test_random_states_come_back():
    generator = torch.Generator().manual_seed(3)
    states = checkpoints.random_states([generator])

    def draws():
        return random.random(), np.random.rand(), float(torch.rand(())), float(torch.rand((), generator=generator))

    first = draws()
    assert draws() != first
    checkpoints.set_random_states(states, [generator])
    assert draws() == first


def test_the_checkpoint_before_stays(tmp_path):
    for value in (1, 2, 3):
        checkpoints.save_last({"fingerprint": {}, "value": value}, tmp_path)
    assert checkpoints.load(tmp_path / "last.pt")["value"] == 3
    assert checkpoints.load(tmp_path / "previous.pt")["value"] == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.pt", "previous.pt"]
    assert checkpoints.load_last(tmp_path, {})["value"] == 3
    assert checkpoints.load_last(tmp_path / "nowhere", {}) is None


def test_a_new_file_is_whole_or_not_at_all(tmp_path):
    path = tmp_path / "numbers.bin"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError, match="half way"), files.new_file(path) as file:
        file.write(b"ha")
        raise RuntimeError("half way")
    assert path.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1
    with files.new_file(path) as file:
        file.write(b"after")
    assert path.read_bytes() == b"after" and len(list(tmp_path.iterdir())) == 1


def test_a_checkpoint_of_another_run_is_told_from_a_damaged_one(tmp_path):
    checkpoints.save_last({"fingerprint": {"size": (128, 64), "seed": 0}}, tmp_path)
    assert checkpoints.load_last(tmp_path, {"size": [128, 64], "seed": 0}) is not None
    with pytest.raises(checkpoints.OtherRun, match="seed was 0, is 1"):
        checkpoints.load_last(tmp_path, {"size": [128, 64], "seed": 1})
    (tmp_path / "last.pt").write_bytes(b"half")
    with pytest.raises(ValueError, match="no checkpoint in") as damaged:
        checkpoints.load_last(tmp_path, {"seed": 0})
    assert not isinstance(damaged.value, checkpoints.OtherRun)
