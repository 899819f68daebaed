import pytest
import torch
from torch import nn

from assignment_lib.batches.loader import Batch
from assignment_lib.models.joint import Output
from assignment_lib.training import assembly, made_up, speed
from assignment_lib.training.recipes import recipe


class Counting(nn.Module):
    """A network that counts its steps."""

    def __init__(self):
        super().__init__()
        self.weight, self.steps = nn.Parameter(torch.ones(3, 2)), 0

    def forward(self, images):
        self.steps += 1
        embedding = images.mean((2, 3)) @ self.weight
        return Output(embedding, {}, None)


class Length(nn.Module):
    def forward(self, output, batch):
        return output.embedding.square().sum(), {}, {}


def test_the_bare_rate_is_images_over_seconds(monkeypatch):
    clock = iter([10.0, 14.0])
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    network, batch = Counting(), Batch(torch.rand(8, 3, 4, 4), None, None, torch.arange(8))
    assert speed.bare_rate(network, Length(), batch, None, steps=5) == 5 * 8 / 4
    assert network.steps == 3 + 5


def test_a_step_moves_the_weights_downhill():
    network, batch = Counting(), Batch(torch.rand(8, 3, 4, 4), None, None, torch.arange(8))
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    losses = [float(speed.step(network, Length(), batch, None, optimizer, torch.amp.GradScaler("cpu", enabled=False)))]
    losses.append(
        float(speed.step(network, Length(), batch, None, optimizer, torch.amp.GradScaler("cpu", enabled=False)))
    )
    assert losses[1] < losses[0]


@pytest.mark.slow
def test_loop_and_bare_step_of_a_recipe():
    chosen = recipe("report", backbone="resnet10t", pretrained=False, image_size=(32, 16), batch_size=8)
    training = assembly.joint(made_up.noise_split(chosen, 24, 8), chosen, torch.device("cpu"))
    found = speed.measure(training, rounds=2, amp="off")
    assert found.dtype == "float32" and found.loss > 0
    assert found.share == found.loop / found.bare
    assert 0 < found.share < 1.5 and found.bare > 1


@pytest.mark.slow
def test_the_command(capsys):
    options = [
        "--backbone",
        "resnet10t",
        "--image-size",
        "32",
        "16",
        "--batch-size",
        "8",
        "--batches",
        "2",
        "--amp",
        "off",
    ]
    assert speed.main([*options, "--rounds", "1"]) == 0
    out = capsys.readouterr().out
    assert "images/s (float32), first loss" in out and "the loop reaches" in out
