import json

import pytest
import torch

from assignment_lib import environment
from assignment_lib.reporting import gpu_check
from assignment_lib.training.recipes import recipe

CPU = torch.device("cpu")
TINY = recipe("report", backbone="resnet10t", pretrained=False, image_size=(64, 32), batch_size=8, amp="bfloat16")


def test_without_a_gpu_one_sentence_says_how_to_get_one(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_check.main([]) == 1
    assert capsys.readouterr().out.strip() == gpu_check.NO_GPU


@pytest.mark.slow
def test_a_tiny_check_on_the_cpu(tmp_path):
    table = gpu_check.check(TINY, CPU, 0.5, 0.01, tmp_path / "new" / "check.json")
    found = json.loads((tmp_path / "new" / "check.json").read_text())
    assert list(table) == ["what", "measured"]
    assert table.loc[table["what"] == "verdict", "measured"].tolist() == found["verdict"]
    assert found["dtype"] == "bfloat16" and 0 < found["losses_apart"] < 0.05
    assert found["resumed_apart"] == found["again_apart"] == 0
    assert found["evaluation_apart"] == found["reranking_apart"] == 0
    assert found["evaluation_size"] == "34 x 197"
    assert not any("broken off" in sentence or "differs" in sentence for sentence in found["verdict"])
    shown = {label for label, _ in gpu_check._ROWS.values()} & set(table["what"])
    assert len(shown) >= 12


@pytest.mark.slow
def test_a_training_that_fails_ends_in_a_sentence(tmp_path, monkeypatch):
    def full(*_, **__):
        raise MemoryError("the GPU's memory does not hold a batch of 8; take batch_size=4 in the recipe")

    def not_finite(*_, **__):
        raise FloatingPointError("the gradient is not finite in batch 3 of epoch 1; take a smaller learning_rate")

    monkeypatch.setattr(gpu_check.speed, "measure", not_finite)
    table = gpu_check.check(TINY, CPU, 0.5, 0.01, tmp_path / "check.json")
    assert "breaks down (the gradient is not finite in batch 3 of epoch 1)" in table["measured"].iloc[-1]
    monkeypatch.setattr(gpu_check.speed, "measure", full)
    table = gpu_check.check(TINY, CPU, 0.5, 0.01, tmp_path / "check.json")
    verdicts = table.loc[table["what"] == "verdict", "measured"].tolist()
    assert verdicts == [
        "The memory is too small for the recipe report: the GPU's memory does not hold a batch of 8; take batch_size=4 "
        "in the recipe."
    ]
    assert "evaluation" in set(table["what"])  # what does not hang on it is measured all the same


@pytest.mark.slow
def test_two_processes_beside_one():
    options = ["--backbone", "resnet10t", "--image-size", "32", "16", "--batch-size", "8", "--amp", "off"]
    found = gpu_check.processes([*options, "--batches", "2"], 2)
    assert found["processes"] == 2 and found["processes_images_per_second"] > 0
    # on CPUs each process normalises its own half of a batch, so that the losses are alike and not the same
    assert 0 < found["processes_loss_apart"] < 0.5
    assert "no recipe is called" in gpu_check.processes(["--recipe", "nobody"], 2)["processes_error"]


@pytest.mark.slow
def test_the_command_on_the_cpu(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path))
    assert gpu_check.main(["--cpu", "--backbone", "resnet10t"]) == 0
    out = capsys.readouterr().out
    assert "training loop" in out and "gpu-check.json" in out
    assert json.loads((environment.runs_folder() / "gpu-check.json").read_text())["recipe"] == "report"
