"""The loop on a network of two layers and a dozen made-up images, where every epoch takes milliseconds."""

import errno
import os
import signal
import subprocess
import sys

import pandas as pd
import pytest
import tiny_training
import torch

from assignment_lib.training import checkpoints, loop, precision
from assignment_lib.training import epoch as epoch_module
from assignment_lib.training import history as history_module


@pytest.fixture
def run(tmp_path):
    """`run(epochs, folder=..., scores=...)`: one call of fit from the same seed; returns model, history and log."""

    def once(epochs, folder="run", **options):
        return tiny_training.train(tmp_path / folder, epochs, **options)

    return once


def equal(ours, wanted):
    return all(torch.equal(a, b) for a, b in zip(ours.values(), wanted.values(), strict=True))


def timeless(history):
    return history[[column for column in history if "second" not in column]]


def test_the_loss_falls(run):
    history = run(30, learning_rate=0.02, scores=[i / 30 for i in range(30)])[1]
    assert history["loss/pid"].iloc[-1] < 0.8 * history["loss/pid"].iloc[0]


def test_early_stopping_returns_the_best_epoch(run, tmp_path):
    model, history, lines = run(20, scores=[0.1, 0.5, 0.4, 0.3, 0.2, 0.9], patience=3)
    assert history["score"].tolist() == [0.1, 0.5, 0.4, 0.3, 0.2]
    assert "stopped early" in lines[-1]
    best = run(2, folder="two", scores=[0.1, 0.5])[0]
    assert equal(model.state_dict(), best.state_dict())
    assert not model.training
    assert (tmp_path / "run" / "finished.txt").read_text() == "5 epochs, best after 2\n"


def test_a_resumed_run_equals_an_uninterrupted_one(run):
    whole, whole_history, _ = run(6, folder="whole")
    run(2, folder="parts")
    parts, parts_history, lines = run(6, folder="parts")
    assert lines[0] == "going on after epoch 2 of 6"
    assert equal(parts.state_dict(), whole.state_dict())
    pd.testing.assert_frame_equal(timeless(parts_history), timeless(whole_history))


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_as_if_nothing_had_happened(tmp_path):
    """Twenty times kill -9, checkpoints after every batch: same weights and history as in one go, bit for bit."""
    ends = []
    for kills in (0, 20):
        folder = tmp_path / f"kills{kills}"
        command = [sys.executable, tiny_training.__file__, str(folder), "60", str(kills), "3"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0 and done.stdout.strip() == str(kills), done.stderr
        ends.append(checkpoints.load(folder / "final.pt"))
        assert not list(folder.glob("*.part"))
    assert ends[0]["history"] == ends[1]["history"] and len(ends[0]["history"]["loss"]) == 60
    assert equal(ends[0]["model"], ends[1]["model"])


def test_an_interrupt_ends_the_step_and_keeps_the_state(run, monkeypatch):
    whole, whole_history, _ = run(3, folder="whole")
    note = epoch_module.Epoch.note

    def interrupted_in_the_fifth_batch(epoch, *arguments):
        note(epoch, *arguments)
        if len(seen) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        seen.append(epoch.step)

    seen, before = [], signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(epoch_module.Epoch, "note", interrupted_in_the_fifth_batch)
    with pytest.raises(KeyboardInterrupt, match="Run the same again to go on") as stopped:
        run(3)
    assert stopped.value._render_traceback_() == [str(stopped.value)]
    assert seen == [1, 2, 3, 1, 2]  # the fifth batch was finished
    assert signal.getsignal(signal.SIGINT) is before
    model, history, lines = run(3)
    assert lines[0] == "going on after epoch 1 of 3, batch 2"
    assert equal(model.state_dict(), whole.state_dict())
    pd.testing.assert_frame_equal(timeless(history), timeless(whole_history))


def test_another_run_in_the_same_folder_is_refused(run):
    run(1, fingerprint={"seed": 0, "size": (2, 1)})
    with pytest.raises(ValueError, match=r"other settings \(seed was 0, is 1\); remove run/"):
        run(2, fingerprint={"seed": 1, "size": (2, 1)})
    with pytest.raises(ValueError, match=r"data was not there, is x; remove|size was \[2, 1\], is not there"):
        run(2, fingerprint={"seed": 0, "data": "x"})


def test_a_setting_that_did_not_exist_had_its_default(run):
    """A checkpoint of an earlier version goes on where the new setting leaves things as they were."""
    run(1, fingerprint={"seed": 0})
    lines = run(2, fingerprint={"seed": 0, "neck": "none"}, defaults={"neck": "none"})[2]
    assert lines[0] == "going on after epoch 1 of 2"
    with pytest.raises(ValueError, match=r"neck was none, is bn\); remove"):
        run(3, fingerprint={"seed": 0, "neck": "bn"}, defaults={"neck": "none"})


def test_other_code_than_the_checkpoints_is_refused(run):
    run(1)
    with pytest.raises(ValueError, match=r"the model in .*last.pt was saved by other code"):
        run(2, model=tiny_training.Tiny(norm=False))
    with pytest.raises(ValueError, match=r"the average in .*last.pt was saved by other code"):
        run(2, ema_decay=0.5)


def test_more_epochs_go_on_and_fewer_are_refused(run):
    whole = run(4, folder="whole")[1]
    run(2)
    pd.testing.assert_frame_equal(timeless(run(4)[1]), timeless(whole))
    with pytest.raises(ValueError, match="was trained for 4 epochs, more than 3"):
        run(3)


def test_a_truncated_checkpoint_falls_back_to_the_one_before(run, tmp_path):
    whole, whole_history, _ = run(4, folder="whole")
    run(3)
    last = tmp_path / "run" / "last.pt"
    last.write_bytes(last.read_bytes()[:1000])
    model, history, lines = run(4)
    assert lines[:2] == ["last.pt is damaged, going on from previous.pt", "going on after epoch 2 of 4"]
    assert equal(model.state_dict(), whole.state_dict())
    pd.testing.assert_frame_equal(timeless(history), timeless(whole_history))
    for path in (last, last.with_name("previous.pt")):
        path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"no checkpoint in .* can be read; remove the folder"):
        run(5)


def test_a_missing_last_checkpoint_too(run, tmp_path):
    """Killed between the two moves of `save_last`: only the checkpoint before is there under its name."""
    whole = run(4, folder="whole")[1]
    run(3)
    (tmp_path / "run" / "last.pt").rename(tmp_path / "run" / "next.pt")
    pd.testing.assert_frame_equal(timeless(run(4)[1]), timeless(whole))


def test_a_full_disk_keeps_the_checkpoint_before(run, tmp_path, monkeypatch):
    run(2)
    before = (tmp_path / "run" / "last.pt").read_bytes()

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="cannot be written: No space left on device; make room"):
            run(3)
    assert (tmp_path / "run" / "last.pt").read_bytes() == before
    assert not list((tmp_path / "run").glob("*.part"))
    assert len(run(3)[1]) == 3


class Bad(torch.nn.Module):
    """An objective whose loss "pid" is not finite for the image at position 7."""

    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, output, batch):
        pid = output.pid.square().mean() * torch.where((batch.index == 7).any(), self.value, 1.0)
        hat = output.attributes["hat"].square().mean()
        return pid + hat, {"pid": pid, "hat": hat}, {}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_named_with_its_images(run, tmp_path, value):
    files = [f"{i:04d}.jpg" for i in range(12)]
    with pytest.raises(FloatingPointError, match=r"the loss pid is not finite in batch . of epoch 1") as raised:
        run(2, objective=Bad(value), files=files)
    assert "0007.jpg" in str(raised.value) and str(raised.value).count(".jpg") == 4
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_full_gpu_proposes_a_batch_size(run, monkeypatch):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate ...")

    monkeypatch.setattr(tiny_training.Tiny, "forward", full)
    with pytest.raises(MemoryError, match="does not hold a batch of 4; take batch_size=2 in the recipe"):
        run(1)


def test_batches_of_one_identity_are_refused(run):
    batches = tiny_training.batches_of(torch.Generator())
    batches.sampler = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    with pytest.raises(ValueError, match=r'3 of 3 batches hold images of one identity only, .*sampler="identities"'):
        run(1, batches=batches)


def test_the_schedule_moves_every_rate(run):
    history = run(4, schedule="cosine", learning_rate=0.01, backbone_rate=0.1, warmup_epochs=1)[1]
    heads, backbone = history["learning_rate/heads"], history["learning_rate/backbone"]
    assert heads.iloc[0] == pytest.approx(0.0075)  # the third of three warm-up batches
    assert heads[1:].tolist() == sorted(heads[1:], reverse=True) and heads.iloc[1] < 0.01
    assert backbone.tolist() == pytest.approx((0.1 * heads).tolist())


def test_the_average_is_what_is_scored_and_kept(run, tmp_path):
    scored = []

    def note(model):
        scored.append({name: value.clone() for name, value in model.state_dict().items()})
        return {"score": 0.0}

    batches = tiny_training.batches_of(torch.Generator().manual_seed(1))
    model = tiny_training.Tiny()
    loop.fit(
        model, tiny_training.Objective(tiny_training.TASK), batches, note, folder=tmp_path / "x", fingerprint={},
        epochs=2, ema_decay=0.9, amp="off", generators=[batches.generator], log=lambda line: None,
    )  # fmt: skip
    assert equal(model.state_dict(), scored[0])  # the first of two equal scores
    state = checkpoints.load(tmp_path / "x" / "last.pt")
    assert not torch.equal(state["model"]["hat.weight"], state["average"]["module.hat.weight"])


def test_what_is_logged(run, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    history = run(2)[1]
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    names = set(board.Tags()["scalars"])
    assert {"learning_rate/heads", "learning_rate/backbone", "learning_rate/objective"} <= names
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


def test_measuring_the_dtype_leaves_no_trace(run, monkeypatch):
    def both(step):
        for dtype in (torch.bfloat16, None):
            step(dtype)

    monkeypatch.setattr(precision, "faster_dtype", both)
    plain, measured = run(2, folder="off")[0], run(2, folder="auto", amp="auto")[0]
    assert equal(measured.state_dict(), plain.state_dict())


def test_one_process_at_a_time(run, tmp_path):
    (tmp_path / "run").mkdir()
    with (
        checkpoints.only_here(tmp_path / "run"),
        pytest.raises(checkpoints.InUse, match=r"another process trains in .*run; wait for it, or stop it first"),
    ):
        run(1)
    run(1)


def test_a_gradient_that_is_not_finite_is_not_saved(run, tmp_path):
    """Its loss is finite and its step is not: the weights of that moment must not be gone on from."""

    class Model(tiny_training.Tiny):
        steep = False

        def forward(self, pictures):
            output = super().forward(pictures)
            return (
                output._replace(pid=tiny_training.Steep.apply(output.pid)) if self.steep and self.training else output
            )

    run(1)
    Model.steep = True
    with pytest.raises(FloatingPointError, match=r"the gradient is not finite in batch 1 of epoch 2"):
        run(2, model=Model())
    Model.steep = False
    state = checkpoints.load(tmp_path / "run" / "last.pt")["model"]
    assert all(values.isfinite().all() for values in state.values())
    assert len(run(2, model=Model())[1]) == 2


def test_an_interrupt_while_the_last_epoch_is_validated(run, monkeypatch):
    def interrupted(row, epochs, improved):
        if row["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return "line"

    monkeypatch.setattr(history_module, "line", interrupted)
    with pytest.raises(KeyboardInterrupt, match="Stopped after the last epoch"):
        run(2)
    assert len(run(2)[1]) == 2
