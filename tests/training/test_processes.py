"""Two CPU processes (gloo) under torchrun train as one does with the same batches."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from assignment_lib.models.joint import JointConvNet, Output
from assignment_lib.training import checkpoints, processes

SCRIPT = Path(__file__).parent / "two_processes.py"


def torchrun(folder, processes):
    folder.mkdir()
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, SCRIPT, folder], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [checkpoints.load(folder / f"rank{rank}-of-{processes}.pt") for rank in range(processes)]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path):
    (one,) = torchrun(tmp_path / "one", 1)
    first, second = torchrun(tmp_path / "two", 2)
    assert first["history"] == second["history"]
    assert set(first["history"]) == set(one["history"])
    for name in ("loss", "loss/pid", "loss/triplet", "weight/pid", "gradient_norm", "score"):
        assert first["history"][name] == pytest.approx(one["history"][name], rel=1e-3), name
    assert first["history"]["loss"][0] != pytest.approx(first["history"]["loss"][-1], rel=0.02)  # it did learn
    for name, values in first["model"].items():
        assert torch.equal(values, second["model"][name])
        torch.testing.assert_close(values, one["model"][name], rtol=1e-3, atol=1e-4)
    assert first["lines"] == 8 and second["lines"] == 0  # one process prints


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "densenet121"])
def test_synchronised_batch_norms_compute_the_same(name):
    """On GPUs every batch norm is replaced; timm's hold activations, which must not get lost."""
    torch.manual_seed(0)
    network = JointConvNet(name, 3, pretrained=False).eval()
    names = list(network.state_dict())
    pictures = torch.rand(2, 3, 64, 32)
    with torch.inference_mode():
        before = network(pictures)
        after = processes.synchronised(network)(pictures)
    assert list(network.state_dict()) == names
    assert not any(type(part) is torch.nn.BatchNorm2d for part in network.modules())
    torch.testing.assert_close(after.embedding, before.embedding)
    torch.testing.assert_close(after.attributes, before.attributes)


def test_one_process_is_passed_through():
    output = Output(torch.rand(3, 2), {}, None)
    assert processes.gather(output, 3) is output
    assert processes.start() is None and processes.rank() == 0 and processes.processes() == 1
    batch = torch.arange(5)
    assert torch.equal(processes.share(batch), batch)
    assert processes.from_first("thing") == "thing"
    model = torch.nn.Linear(2, 2)
    assert processes.wrap(model) is model


def test_every_part_of_an_output_is_gathered(monkeypatch):
    """As if a second process had computed the same numbers."""
    monkeypatch.setattr(processes, "processes", lambda: 2)
    monkeypatch.setattr(processes, "rank", lambda: 0)
    monkeypatch.setattr(processes.dist, "all_gather", lambda parts, own: [part.copy_(own) for part in parts])
    own = {name: torch.rand(2, 4) for name in ("embedding", "hat", "pid", "metric")}
    whole = processes.gather(Output(own["embedding"], {"hat": own["hat"]}, own["pid"], own["metric"]), 4)
    found = {"embedding": whole.embedding, "hat": whole.attributes["hat"], "pid": whole.pid, "metric": whole.metric}
    assert all(torch.equal(found[name], torch.cat([values, values])) for name, values in own.items())
    assert processes.gather(Output(own["embedding"], {}, None), 4).metric is None
