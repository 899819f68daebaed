"""The training loop: mixed precision, early stopping, resumable checkpoints, TensorBoard.

Read `fit`, then `train_epoch`. `optimizers.py` has the optimiser and the schedule, `history.py` the means of an epoch,
`checkpoints.py` the files and the state that they hold.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from assignment_lib import files
from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.training import checkpoints, history, optimizers
from assignment_lib.training.checkpoints import Run, Stopped
from assignment_lib.training.history import Epoch
from assignment_lib.training.recipes import TrainingSettings

#: The gradient of a step is scaled down to this norm where it is larger.
MAX_GRADIENT_NORM = 5.0
_CHECK_EVERY = 20  # batches between two checks whether losses are finite: a GPU has to wait for each check


def fit(
    model: nn.Module,
    objective: nn.Module,
    batches: Batches,
    validate: Callable[[nn.Module], dict] | None,
    settings: TrainingSettings,
    folder: Path,
    *,
    fingerprint: dict[str, Any] | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    image_files: Sequence[str] = (),
    checkpoint_minutes: float = 10.0,
    log: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train `model` for `settings.epochs`, or until `settings.patience` epochs in a row brought no better score.

    objective: `objective(output, batch)` returns the total loss, named losses and named weights.
    validate: `validate(model)` returns scores; "score" decides which epoch is the best. None: the last epoch is.
    fingerprint: plain values that identify this training (recipe, data, seed); another one may not resume it.
    image_files: names of the stored images, for error messages.

    `folder/last.pt` is written after every epoch and every `checkpoint_minutes`; the same call resumes from it, to the bit.
    `best.pt` holds the weights of the best epoch, which `model` has on return, in evaluation mode. Returns the history, one
    row per epoch, which is also in `history.csv` and in TensorBoard's files.

    Raises `checkpoints.OtherRun` for a checkpoint of another training, `checkpoints.InUse` where another process trains in
    `folder`, `ValueError` for batches that the losses cannot use, `FloatingPointError` for a loss or a gradient that is not
    finite, `MemoryError` where the GPU's memory is too small, `OSError` where a file cannot be written. An interrupt
    finishes the step, writes `last.pt` and raises `Stopped`.
    """
    device, fingerprint = next(model.parameters()).device, fingerprint or {}
    model.to(memory_format=torch.channels_last)
    with checkpoints.lock(folder), checkpoints.interrupts() as interrupted:
        state = checkpoints.load_last(folder, fingerprint)
        amp = state["amp"] if state else settings.amp  # a training keeps its precision
        if state and amp == "float16" and device.type == "cpu":
            amp = "off"
            log("The training continues in float32: it began in float16 on a GPU, which is many times slower on a CPU.")
        dtype = optimizers.amp_dtype(amp, device)
        optimizer = optimizers.adamw(model, objective, settings.learning_rate, settings.weight_decay, betas)
        scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
        generators = [batches.generator] if batches.generator is not None else []
        run = Run(
            model, objective, optimizer, scaler, generators, dtype, folder, fingerprint, image_files,
            checkpoint_minutes,
        )  # fmt: skip
        epoch = run.restore(state, settings.epochs, log) if state else None
        if state is None:
            history.remove_older(folder)
        with history.tensorboard(folder, len(run.history)) as board:
            while len(run.history) < settings.epochs and history.epochs_without_gain(run.history) < settings.patience:
                (folder / "finished.txt").unlink(missing_ok=True)  # of a training with fewer epochs
                epoch = epoch or history.begin_epoch(objective, batches)
                row = {"epoch": len(run.history) + 1} | train_epoch(run, settings, batches, epoch, interrupted)
                started = time.perf_counter()
                row |= history.flatten(validate(model)) if validate else {"score": float(row["epoch"])}
                row["seconds"] = epoch.seconds + time.perf_counter() - started
                improved = row["score"] > max((earlier["score"] for earlier in run.history), default=-math.inf)
                run.history.append(row)
                epoch = None
                if improved or len(run.history) == 1:
                    best = {"model": model.state_dict(), "fingerprint": fingerprint, "epoch": row["epoch"]}
                    checkpoints.save(best, folder / "best.pt")
                run.save(None)
                history.write_epoch(run.history, folder, board)
                log(history.line(row, settings.epochs, improved))
                if interrupted.is_set():  # during the validation
                    raise Stopped("Stopped after this epoch. Nothing is lost: run the same again to resume.")
        if len(run.history) < settings.epochs:
            log(f"no better score for {settings.patience} epochs: stopped early")
        best = checkpoints.load(folder / "best.pt")
        model.load_state_dict(best["model"])
        files.write_text(folder / "finished.txt", f"{len(run.history)} epochs, best after {best['epoch']}\n")
    model.eval()
    return pd.DataFrame(run.history)


def train_epoch(
    run: Run, settings: TrainingSettings, batches: Batches, epoch: Epoch, interrupted: threading.Event
) -> dict[str, Any]:
    """Take the remaining steps of `epoch`; returns the means of all losses, and the speed."""
    model, optimizer, scaler = run.model, run.optimizer, run.scaler
    device, steps = next(model.parameters()).device, len(batches)
    number = len(run.history) + 1
    model.train()
    run.objective.train()
    started, saved = time.perf_counter(), time.monotonic()
    for batch in files.bar(batches.over(epoch.positions, epoch.step), "batches", total=steps - epoch.step):
        done, warmup = (number - 1) * steps + epoch.step, round(settings.warmup_epochs * steps)
        factor = optimizers.rate_factor(settings.schedule, done, settings.epochs * steps, warmup)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * factor
        optimizer.zero_grad(set_to_none=True)
        try:
            images = batch.images.contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=run.dtype, enabled=run.dtype is not None):
                output = model(images)
            total, losses, weights = run.objective(output, batch)
            scaler.scale(total).backward()
        except torch.cuda.OutOfMemoryError as error:
            raise MemoryError(_smaller_batch(len(batch.images))) from error
        scaler.unscale_(optimizer)  # clipping needs gradients in their true scale
        norm = nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
        scaler.step(optimizer)
        scaler.update()
        epoch.note(batch, total, norm, losses, weights)

        stops = interrupted.is_set()
        saves = stops or time.monotonic() - saved > 60 * run.checkpoint_minutes
        if saves or epoch.step % _CHECK_EVERY == 0 or epoch.step == steps:
            epoch.check(number, run.image_files, overflow=scaler.is_enabled())
        if saves:
            epoch.seconds += time.perf_counter() - started
            run.save(epoch)
            started, saved = time.perf_counter(), time.monotonic()
        if stops:
            raise Stopped("Stopped after this batch. Nothing is lost: run the same again to resume.")
    epoch.seconds += time.perf_counter() - started
    row = epoch.means(number) | {"learning_rate": optimizer.param_groups[0]["lr"]}
    return row | {"images_per_second": len(epoch.positions) / epoch.seconds, "amp": optimizers.dtype_name(run.dtype)}


def overfit(
    model: nn.Module,
    objective: nn.Module,
    batch: Batch,
    steps: int = 60,
    learning_rate: float = 3e-3,
    progress: bool = False,
) -> pd.DataFrame:
    """Train on one batch repeatedly, without dropout: a network that cannot overfit one batch has a fault.

    Returns one row per step: "loss", and "accuracy", the share of correct attributes in the output of that step. Changes
    `model` and `objective`. Raises `ValueError` for a batch without attributes.
    """
    targets = batch.attributes
    if targets is None:
        raise ValueError("This batch has no attributes, and `overfit` measures their accuracy. Use annotated data.")
    model.train()
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.eval()
    optimizer = optimizers.adamw(model, objective, learning_rate, weight_decay=0.0)
    rows = []
    for _ in files.bar(range(steps), "steps", show=progress):
        output = model(batch.images)
        total, _, _ = objective(output, batch)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        optimizer.step()
        correct = torch.stack(
            [logits.argmax(1) == targets[:, i] for i, logits in enumerate(output.attributes.values())]
        )
        rows.append({"loss": float(total.detach()), "accuracy": float(correct.float().mean())})
    return pd.DataFrame(rows)


def _smaller_batch(size: int) -> str:
    """The message for a batch that does not fit; every proposed size is valid for P x K batches of four images per person."""
    smaller = size // 8 * 4
    remedy = f"Set batch_size={smaller} or smaller" if smaller >= 8 else "Use a smaller image_size"
    return f"The GPU's memory is too small for a batch of {size} images. {remedy} in the recipe, or stop other GPU programs."
