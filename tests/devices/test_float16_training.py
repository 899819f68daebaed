"""The loop in float16 with its GradScaler, as on a T4, on the CPU."""

import sys
from itertools import pairwise
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).resolve().parent.parent / "training"))
import tiny_training

from assignment_lib.training import checkpoints


class Overflowing(tiny_training.Tiny):
    """Overflows in the batches that are named, counted from 0; notes the weights that each batch begins with."""

    def __init__(self, *batches):
        torch.manual_seed(0)
        super().__init__()
        self.batches, self.seen = batches, []

    def forward(self, pictures):
        output = super().forward(pictures)
        if self.training:
            steep = len(self.seen) in self.batches
            self.seen.append(self.pid.weight.detach().clone())
            output = output._replace(pid=tiny_training.Steep.apply(output.pid)) if steep else output
        return output


@pytest.fixture
def train(tmp_path):
    def once(epochs, model, folder="run", **options):
        return tiny_training.train(tmp_path / folder, epochs, model=model, amp="float16", **options)

    return once


def scaler(folder):
    return checkpoints.load(folder / "last.pt")["scaler"]


def test_the_forward_pass_is_in_float16(train):
    dtypes = []

    class Noting(tiny_training.Tiny):
        def forward(self, pictures):
            output = super().forward(pictures)
            dtypes.append(output.pid.dtype)
            return output

    _, history, _ = train(1, Noting())
    assert set(dtypes) == {torch.float16} and history["amp"].tolist() == ["float16"]
    assert history["loss"].notna().all() and history["gradient_norm"].gt(0).all()


def test_a_step_that_overflows_is_left_out_and_the_scale_falls(train, tmp_path):
    model = Overflowing(1)
    train(2, model)
    weights = [*model.seen, checkpoints.load(tmp_path / "run" / "last.pt")["model"]["pid.weight"]]
    moved = [not torch.equal(before, after) for before, after in pairwise(weights)]
    assert not moved[1] and all(moved[3:])  # the first scale, 2 ** 16, may be too large by itself
    assert scaler(tmp_path / "run")["scale"] == 2.0 ** (16 - moved.count(False))


def test_every_step_of_an_epoch_may_overflow(train, tmp_path):
    model = Overflowing(0, 1, 2)
    _, history, _ = train(2, model)
    assert scaler(tmp_path / "run")["scale"] == 2.0**13
    assert history["gradient_norm"].iloc[0] == 0 < history["gradient_norm"].iloc[1]
    assert all(values.isfinite().all() for values in model.state_dict().values())


def test_a_resumed_run_keeps_the_scale(train, tmp_path):
    whole, parts = Overflowing(1), Overflowing(1)
    train(3, whole, folder="whole")
    train(1, parts, folder="parts")
    fallen = scaler(tmp_path / "parts")["scale"]
    assert fallen < 2.0**16
    resumed = Overflowing()
    _, history, _ = train(3, resumed, folder="parts")
    assert scaler(tmp_path / "parts") == scaler(tmp_path / "whole")
    assert scaler(tmp_path / "parts")["scale"] == fallen
    assert all(
        torch.equal(a, b) for a, b in zip(resumed.state_dict().values(), whole.state_dict().values(), strict=True)
    )
    assert history["amp"].tolist() == ["float16"] * 3


def test_float16_learns_what_float32_learns(train, tmp_path):
    torch.manual_seed(0)
    half = train(1, tiny_training.Tiny(dropout=0))[1]
    torch.manual_seed(0)
    single = tiny_training.train(tmp_path / "single", 1, model=tiny_training.Tiny(dropout=0), amp="off")[1]
    assert half["loss"].tolist() == pytest.approx(single["loss"].tolist(), rel=2e-2)
