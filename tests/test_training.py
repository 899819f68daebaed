"""The loop on a network of two layers and a dozen made-up images, where every epoch takes milliseconds."""

import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.data import RandomSampler

from assignment_lib import augment, checkpoints, environment, images, recipes, training
from assignment_lib.losses.objective import Objective
from assignment_lib.models.joint import Output

TASK = {"hat": torch.tensor([1.0, 1.0])}


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.1))
        self.hat, self.pid = nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, pictures):
        embedding = self.features(pictures).mean(dim=(2, 3))
        return Output(embedding, {"hat": self.hat(embedding)}, self.pid(embedding))


@pytest.fixture
def run(tmp_path):
    """`run(epochs, folder=..., scores=...)`: one call of fit from the same seed; returns model, history and log."""

    def once(epochs, folder="run", scores=None, fingerprint=None, **options):
        environment.seed_everything(0)
        store = torch.randint(0, 128, (12, 3, 16, 8), dtype=torch.uint8)
        store[torch.arange(12), torch.arange(12) % 3] += 100  # person 0 is red, 1 green, 2 blue
        generator = torch.Generator().manual_seed(1)
        batches = images.Batches(
            store,
            RandomSampler(range(12), generator=generator),
            4,
            attributes=(torch.arange(12) % 2)[:, None],
            pids=torch.arange(12) % 3,
            augmentation=augment.Augmentation(),
            generator=generator,
        )
        model, objective, lines = Tiny(), Objective(TASK), []
        given = iter(scores or [])
        history = training.fit(
            model,
            objective,
            batches,
            lambda model: {"score": next(given) if scores else float(model.hat.weight.sum().detach())},
            folder=tmp_path / folder,
            fingerprint=fingerprint or {"seed": 0},
            epochs=epochs,
            generators=[generator],
            log=lines.append,
            **{"amp": "off"} | options,
        )
        return model, history, lines

    return once


def test_the_loss_falls(run):
    history = run(30, learning_rate=0.02, scores=[i / 30 for i in range(30)])[1]
    assert history["loss/pid"].iloc[-1] < 0.8 * history["loss/pid"].iloc[0]


def test_early_stopping_returns_the_best_epoch(run, tmp_path):
    model, history, lines = run(20, scores=[0.1, 0.5, 0.4, 0.3, 0.2, 0.9], patience=3)
    assert history["score"].tolist() == [0.1, 0.5, 0.4, 0.3, 0.2]
    assert "stopped early" in lines[-1]
    best = run(2, folder="two", scores=[0.1, 0.5])[0]
    for ours, wanted in zip(model.state_dict().values(), best.state_dict().values(), strict=True):
        assert torch.equal(ours, wanted)
    assert not model.training
    assert (tmp_path / "run" / "finished.txt").read_text() == "5 epochs, best after 2\n"


def test_a_resumed_run_equals_an_uninterrupted_one(run):
    whole, whole_history, _ = run(6, folder="whole")
    run(2, folder="parts")
    parts, parts_history, lines = run(6, folder="parts")
    assert lines[0] == "going on after epoch 2 of 6"
    for ours, wanted in zip(parts.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(ours, wanted)
    timeless = [c for c in whole_history if "second" not in c]
    pd.testing.assert_frame_equal(parts_history[timeless], whole_history[timeless])


def test_another_run_in_the_same_folder_is_refused(run):
    run(1)
    with pytest.raises(ValueError, match="belongs to a run with other settings"):
        run(2, fingerprint={"seed": 1})


def test_what_is_logged(run, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history = run(2)[1]
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    names = set(board.Tags()["scalars"])
    assert {"loss", "loss/hat", "loss/pid", "loss/triplet", "weight/pid", "gradient_norm", "score"} <= names
    assert [event.value for event in board.Scalars("loss")] == pytest.approx(history["loss"].tolist())
    assert len(pd.read_csv(tmp_path / "run" / "history.csv")) == 2


def test_the_weighting_is_trained_with_the_network(run):
    history = run(8, learning_rate=0.05)[1]
    assert history["weight/pid"].iloc[-1] != pytest.approx(0.5, abs=1e-3)


def test_bfloat16_on_the_cpu(run):
    model, history, _ = run(2, amp="bfloat16")
    assert history["amp"].tolist() == ["bfloat16"] * 2
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert history["loss"].notna().all()


def test_measuring_the_dtype_leaves_no_trace(run):
    plain, measured = run(2, folder="off")[0], run(2, folder="auto", amp="auto")
    if measured[1]["amp"].iloc[0] == "float32":
        for ours, wanted in zip(measured[0].state_dict().values(), plain.state_dict().values(), strict=True):
            assert torch.equal(ours, wanted)


def test_the_faster_dtype_is_taken():
    import time

    def bfloat16_is_fast(dtype):
        time.sleep(0.002 if dtype is torch.bfloat16 else 0.02)

    def bfloat16_is_no_faster(dtype):
        time.sleep(0.01)

    assert training.faster_dtype(bfloat16_is_fast) is torch.bfloat16
    assert training.faster_dtype(bfloat16_is_no_faster) is None


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


def test_a_trained_network_comes_back_from_its_folder(tmp_path):
    recipe = recipes.recipe("smoke", backbone="efficientnet_lite0", seed=3)
    network = recipes.joint_network(recipe, n_pids=4, pretrained=False).eval()
    fingerprint = recipes.fingerprint(recipe, n_pids=4, attributes=True, data="x")
    checkpoints.save({"model": network.state_dict(), "fingerprint": fingerprint}, tmp_path / "best.pt")
    again, settings = recipes.trained_network(tmp_path)
    assert settings == recipe and not again.training
    picture = torch.rand(1, 3, 128, 64)
    with torch.inference_mode():
        assert torch.equal(again(picture).embedding, network(picture).embedding)


def test_a_new_threshold_needs_no_new_network():
    recipe = recipes.recipe("report")
    assert recipes.fingerprint(recipe) == recipes.fingerprint(recipes.recipe("report", threshold=0.9))
    assert recipes.fingerprint(recipe) != recipes.fingerprint(recipes.recipe("report", learning_rate=0.1))
    assert recipes.fingerprint(recipe, data="a") != recipes.fingerprint(recipe, data="b")


def test_unknown_recipe_is_named():
    with pytest.raises(ValueError, match="no recipe is called 'long'; there are smoke, report"):
        recipes.recipe("long")
