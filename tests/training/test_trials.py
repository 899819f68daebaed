import math

import pytest
import torch

from assignment_lib.training import made_up, trials
from assignment_lib.training.recipes import recipe

CPU = torch.device("cpu")
TINY = recipe("report", backbone="resnet10t", pretrained=False, image_size=(32, 16), batch_size=8, amp="off")


def test_the_largest_relative_difference():
    assert trials.largest_relative([1.0, -2.2, 3.0], [1.0, -2.0, 4.0]) == pytest.approx(0.25)
    assert math.isnan(trials.largest_relative([1.0, float("nan")], [1.0, 1.0]))


@pytest.mark.slow
def test_losses_hang_on_the_dtype_alone():
    split = made_up.noise_split(TINY, 16, 8)
    exact, again = (trials.losses(split, TINY, CPU, None, steps=3) for _ in range(2))
    half = trials.losses(split, TINY, CPU, torch.bfloat16, steps=3)
    assert exact == again and len(exact) == 3
    assert 0 < trials.largest_relative(half, exact) < 0.05


@pytest.mark.slow
def test_a_broken_off_training_ends_as_a_whole_one(tmp_path):
    split = made_up.noise_split(TINY, 16, 8)
    assert trials.resumed(split, TINY, CPU, None, tmp_path, batches=2) == {"resumed": 0.0, "again": 0.0}


@pytest.mark.slow
def test_a_checkpoint_that_forgets_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr(trials.checkpoints, "set_random_states", lambda states, generators: None)
    split = made_up.noise_split(TINY, 16, 8)
    found = trials.resumed(split, TINY, CPU, None, tmp_path, batches=2)
    assert found["resumed"] > 1e-4 and found["again"] == 0
