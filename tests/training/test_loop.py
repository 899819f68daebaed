"""The loop on a network of two layers and a dozen random images, where every epoch takes milliseconds."""

import itertools
import os
import signal
from pathlib import Path

import pandas as pd
import pytest
import tiny_training
import torch
from tiny_training import Tiny, timeless, tiny_batches
from torch import nn

from assignment_lib.batches.loader import Batch
from assignment_lib.losses.objective import Objective, ObjectiveSettings
from assignment_lib.training import checkpoints, history, loop
from assignment_lib.training.recipes import TrainingSettings


@pytest.fixture
def run(tmp_path):
    """`run(epochs, folder=..., scores=...)`: one call of `fit`, from the same seed; returns model, history and log."""

    def once(epochs, folder="run", **options):
        return tiny_training.train(tmp_path / folder, epochs, **options)

    return once


def equal(ours, wanted):
    return all(torch.equal(a, b) for a, b in zip(ours.values(), wanted.values(), strict=True))


def test_early_stopping_returns_the_best_epoch(run, tmp_path):
    model, rows, lines = run(20, scores=[0.1, 0.5, 0.4, 0.3, 0.2, 0.9], patience=3)
    assert rows["score"].tolist() == [0.1, 0.5, 0.4, 0.3, 0.2]
    assert "stopped early" in lines[-1]
    best = run(2, folder="two", scores=[0.1, 0.5])[0]
    assert equal(model.state_dict(), best.state_dict())
    assert not model.training
    assert (tmp_path / "run" / "finished.txt").read_text() == "5 epochs, best after 2\n"


@pytest.mark.parametrize("options", [{}, {"schedule": "cosine", "warmup_epochs": 0.5}])
def test_a_resumed_training_equals_an_uninterrupted_one(run, options):
    whole, whole_rows, _ = run(6, folder="whole", patience=6, **options)

    def stop(line):
        if line.startswith("epoch  2/"):
            raise RuntimeError("the session ends here")

    with pytest.raises(RuntimeError, match="the session ends here"):
        run(6, patience=6, log=stop, **options)
    model, rows, lines = run(6, patience=6, **options)
    assert "after epoch 2 of 6" in lines[0]
    assert equal(model.state_dict(), whole.state_dict())
    pd.testing.assert_frame_equal(timeless(rows), timeless(whole_rows))


def test_an_interrupt_finishes_the_batch_and_saves_the_state(run, monkeypatch):
    whole, whole_rows, _ = run(3, folder="whole")
    note, steps, before = history.Epoch.note, [], signal.getsignal(signal.SIGINT)

    def interrupted_in_the_fifth_batch(epoch, *arguments):
        note(epoch, *arguments)
        if len(steps) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        steps.append(epoch.step)

    monkeypatch.setattr(history.Epoch, "note", interrupted_in_the_fifth_batch)
    with pytest.raises(KeyboardInterrupt, match="resume") as stopped:
        run(3)
    assert stopped.value._render_traceback_() == [str(stopped.value)]
    assert steps == [1, 2, 3, 1, 2]  # the fifth batch was finished
    assert signal.getsignal(signal.SIGINT) is before
    model, rows, lines = run(3)
    assert "after epoch 1 of 3, batch 2" in lines[0]
    assert equal(model.state_dict(), whole.state_dict())
    pd.testing.assert_frame_equal(timeless(rows), timeless(whole_rows))


def test_a_training_that_is_continued_is_not_finished(run, tmp_path):
    run(1)

    def stop(line):
        if line.startswith("epoch  2/"):
            raise RuntimeError("the session ends here")

    with pytest.raises(RuntimeError, match="the session ends here"):
        run(3, log=stop)
    assert not (tmp_path / "run" / "finished.txt").exists()


def test_a_float16_training_continues_in_float32_on_the_cpu(run):
    """As on Colab after the GPU's quota; in float16 the CPU is many times slower."""
    assert run(1, amp="float16")[1]["amp"].tolist() == ["float16"]
    _, rows, lines = run(2, amp="float16")
    assert rows["amp"].tolist() == ["float16", "float32"] and "continues in float32" in lines[0]


def test_an_interrupt_during_the_last_validation(run, monkeypatch):
    def interrupted(row, epochs, improved):
        if row["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return "line"

    monkeypatch.setattr(history, "line", interrupted)
    with pytest.raises(KeyboardInterrupt, match="after this epoch"):
        run(2)
    assert len(run(2)[1]) == 2


def test_a_state_that_does_not_fit_is_refused(run):
    run(1)
    with pytest.raises(ValueError, match=r"The model in .*last.pt"):
        run(2, model=Tiny(norm=False))


def test_more_epochs_resume_and_fewer_are_refused(run):
    whole = run(4, folder="whole")[1]
    run(2)
    pd.testing.assert_frame_equal(timeless(run(4)[1]), timeless(whole))
    with pytest.raises(ValueError, match="4 epochs, more than epochs=3"):
        run(3)


def test_a_truncated_checkpoint_is_one_sentence(run, tmp_path):
    run(1)
    last = tmp_path / "run" / "last.pt"
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"last.pt cannot be read .* Remove it and train again"):
        run(2)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("moment", range(1, 13))
def test_a_training_killed_before_any_file_is_renamed_ends_with_the_same_weights(run, monkeypatch, moment):
    """The state is written after every batch, so these moments are those before each batch and each file."""
    whole, whole_rows, _ = run(2, folder="whole")
    replace, renamed = Path.replace, itertools.count(1)

    def replace_or_die(path, target):
        if next(renamed) == moment:
            raise Killed
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "replace", replace_or_die)
        run(2, checkpoint_minutes=0)
    model, rows, _ = run(2)
    assert equal(model.state_dict(), whole.state_dict())
    pd.testing.assert_frame_equal(timeless(rows), timeless(whole_rows))


class NotFinite(nn.Module):
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
    names = [f"{i:04d}.jpg" for i in range(12)]
    with pytest.raises(FloatingPointError, match=r"loss pid is not finite in batch . of epoch 1") as raised:
        run(2, objective=NotFinite(value), image_files=names)
    assert "0007.jpg" in str(raised.value) and str(raised.value).count(".jpg") == 4
    assert not (tmp_path / "run" / "last.pt").exists()


class Overflowing(Tiny):
    """Its gradients are infinite while `infinite` is set."""

    infinite = True

    def forward(self, images):
        output = super().forward(images)
        if not (self.infinite and self.training):
            return output
        return output._replace(pid=tiny_training.InfiniteGradient.apply(output.pid))


def test_a_gradient_that_is_not_finite_is_not_saved(run, tmp_path):
    run(1)
    with pytest.raises(FloatingPointError, match=r"gradient is not finite in batch 1 of epoch 2"):
        run(2, model=Overflowing())
    state = checkpoints.load(tmp_path / "run" / "last.pt")["model"]
    assert all(values.isfinite().all() for values in state.values())
    assert len(run(2)[1]) == 2


def test_an_epoch_whose_every_float16_step_is_skipped_is_an_error(run, monkeypatch):
    with pytest.raises(FloatingPointError, match=r"No step of epoch 1 was applied.*float16"):
        run(2, model=Overflowing(), amp="float16")

    class Once(Overflowing):
        """Its first gradient is infinite; the GradScaler skips that step and the training continues."""

        def forward(self, images):
            output = super().forward(images)
            self.infinite = self.infinite and not self.training
            return output

    rows = run(2, folder="once", model=Once(), amp="float16")[1]
    assert rows["gradient_norm"].map(lambda norm: 0 < norm < float("inf")).all() and set(rows["amp"]) == {"float16"}


@pytest.mark.parametrize(("size", "remedy"), [(64, "batch_size=32"), (24, "batch_size=12"), (12, "image_size")])
def test_a_full_gpu_proposes_a_batch_size_that_is_valid(run, monkeypatch, size, remedy):
    def full(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Tiny, "forward", full)
    with pytest.raises(MemoryError, match=rf"batch of {size} images.*{remedy}"):
        run(1, batches=tiny_batches(torch.Generator(), size=size, count=64))


def test_batches_of_one_identity_are_refused(run):
    batches = tiny_batches(torch.Generator())
    batches.sampler = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    with pytest.raises(ValueError, match=r'3 of 3 batches hold images of one identity.*sampler="identities"'):
        run(1, batches=batches)


class Growing(nn.Module):
    """A loss whose gradients differ by factors of ten between batches, so that clipping and betas change the steps."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, output, batch):
        self.calls += 1
        total = output.pid.square().mean() * 10.0 ** (self.calls % 4 - 1)
        return total, {}, {}


def naive_steps(model, batches, norm, betas, weight_decay, learning_rate):
    """AdamW by its formulas (Loshchilov & Hutter 2019, algorithm 2) with clipping; norms and biases are not decayed."""
    objective, used = Growing(), [*model.features.parameters(), *model.pid.parameters()]
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in used]
    for step, batch in enumerate(batches, 1):
        gradients = torch.autograd.grad(objective(model(batch.images), batch)[0], used)
        total = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
        for p, gradient, (first, second) in zip(used, gradients, moments, strict=True):
            gradient = gradient * min(1.0, norm / float(total))
            first.mul_(betas[0]).add_((1 - betas[0]) * gradient)
            second.mul_(betas[1]).add_((1 - betas[1]) * gradient.square())
            mean, square = first / (1 - betas[0] ** step), second / (1 - betas[1] ** step)
            decay = weight_decay if p.ndim > 1 else 0.0
            p.data -= learning_rate * (mean / (square.sqrt() + 1e-8) + decay * p.data)


def vector(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.mark.parametrize(
    "changed", [{}, {"norm": 1e9}, {"betas": (0.9, 0.99)}, {"betas": (0.8, 0.999)}, {"weight_decay": 0.0}]
)
def test_every_step_is_clipped_adamw(tmp_path, changed):
    """The loop's weights are those of the formulas; those with another clipping, betas or weight decay differ clearly."""
    torch.manual_seed(0)
    ours, theirs = Tiny(dropout=0.0, norm=False), Tiny(dropout=0.0, norm=False)
    theirs.load_state_dict(ours.state_dict())
    start = vector(ours)
    settings = TrainingSettings(epochs=1, learning_rate=0.01, weight_decay=0.5, amp="off")
    batches = [tiny_batches(torch.Generator().manual_seed(1), size=1, augment=False) for _ in range(2)]
    loop.fit(ours, Growing(), batches[0], None, settings, tmp_path, log=lambda line: None)
    formula = {"norm": loop.MAX_GRADIENT_NORM, "betas": (0.9, 0.999), "weight_decay": 0.5, "learning_rate": 0.01}
    naive_steps(theirs, batches[1], **(formula | changed))
    error = float((vector(ours) - vector(theirs)).norm() / (vector(ours) - start).norm())
    assert error > 5e-3 if changed else error < 1e-4


def test_the_schedule_moves_the_rate(run):
    rates = run(4, schedule="cosine", learning_rate=0.01, warmup_epochs=1)[1]["learning_rate"]
    assert rates.iloc[0] == pytest.approx(0.0075)  # the third of three warm-up batches
    assert rates[1:].tolist() == sorted(rates[1:], reverse=True) and rates.iloc[1] < 0.01


def test_the_history_is_logged(run, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows = run(2)[1]
    board = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    names = set(board.Tags()["scalars"])
    assert {"learning_rate", "loss", "loss/hat", "loss/pid", "loss/triplet", "weight/pid", "gradient_norm"} <= names
    assert [event.value for event in board.Scalars("loss")] == pytest.approx(rows["loss"].tolist())
    assert len(pd.read_csv(tmp_path / "run" / "history.csv")) == 2


def test_the_state_is_read_after_the_folder_is_locked(run, tmp_path, monkeypatch):
    """A second process must not resume from a state that the first is about to replace."""
    run(1)
    with checkpoints.lock(tmp_path / "run"), monkeypatch.context() as patch:
        patch.setattr(checkpoints, "load_last", lambda *_: pytest.fail("the state was read without the lock"))
        with pytest.raises(checkpoints.InUse, match="Another process trains"):
            run(2)
    assert len(run(2)[1]) == 2


def test_one_batch_is_overfitted():
    torch.manual_seed(0)
    batch = next(iter(tiny_batches(torch.Generator().manual_seed(2), size=12)))
    objective = Objective(ObjectiveSettings(), tiny_training.HAT)
    rows = loop.overfit(Tiny(dropout=0.9), objective, batch, steps=150, learning_rate=0.05)
    assert len(rows) == 150 and rows["loss"].iloc[-1] < 0.3 * rows["loss"].iloc[0]
    assert rows["accuracy"].iloc[-1] > 0.9
    with pytest.raises(ValueError, match="no attributes"):
        loop.overfit(Tiny(), objective, Batch(batch.images, None, None, batch.index))
