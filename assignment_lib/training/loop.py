"""One readable training loop: mixed precision, early stopping, checkpoints it resumes from, TensorBoard.

Read `fit`, then `train_epoch`: that is all. `optimizers.py` moves the weights, `run.py` and `epoch.py` hold what a checkpoint
saves, `checkpoints.py` writes and reads the files, `processes.py` shares a batch between several GPUs.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from assignment_lib.batches.loader import Batches
from assignment_lib.progress import bar, quiet
from assignment_lib.training import checkpoints, history, precision, processes
from assignment_lib.training.epoch import Epoch, begin_epoch
from assignment_lib.training.interrupts import Stopped, interrupts
from assignment_lib.training.optimizers import adamw, moving_average, rate_factor, set_learning_rate
from assignment_lib.training.run import Run

_LOOK_EVERY = 20  # batches between two looks at whether the losses are finite: a GPU has to wait for each


def fit(
    model: nn.Module,
    objective: nn.Module,
    batches: Batches,
    validate: Callable[[nn.Module], dict] | None,
    *,
    folder: Path,
    fingerprint: dict,
    defaults: dict | None = None,
    epochs: int,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
    backbone_rate: float = 1.0,
    betas: tuple[float, float] = (0.9, 0.999),
    schedule: str = "constant",
    warmup_epochs: float = 0.0,
    ema_decay: float = 0.0,
    max_gradient_norm: float = 5.0,
    patience: int = 5,
    amp: str = "auto",
    checkpoint_minutes: float = 10.0,
    generators: Sequence[torch.Generator] = (),
    files: Sequence[str] = (),
    log: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train `model` until `epochs` are done or `patience` epochs in a row brought no better validation score.

    objective: `objective(output, batch)` gives the total loss, named losses and named weights
        (`losses.objective.Objective`); its parameters are trained too, without weight decay.
    validate: `validate(model)` gives a dict of scores whose "score" decides which epoch is best; None where nobody is left to
        validate on: the last epoch is then the best.
    fingerprint: plain settings (recipe, data, seed) that tell this run from another in the same folder.
    defaults: what settings of the fingerprint were before they existed, for checkpoints of an earlier version.
    backbone_rate, betas, schedule, warmup_epochs: see `optimizers.parameter_groups`, `adamw` and `rate_factor`.
    ema_decay: validate and keep a moving average of the weights; 0 for the weights themselves.
    amp: "auto", "off", "float16" or "bfloat16"; see `precision.choose`.
    generators: those that the sampler and the augmentation draw from; their states belong to the checkpoint.
    files: the names of the stored images, for the sentence about a loss that is not finite.

    `folder/last.pt` holds all it takes to go on and is written after every epoch and every `checkpoint_minutes`: the same
    call goes on from there by itself. `best.pt` has the weights of the best epoch; `history.csv` and TensorBoard's files
    stand beside them.

    Returns the history, one row an epoch. On return `model` holds the weights of the best epoch, in evaluation mode.

    Raises ValueError for a checkpoint of another run and for a batch that the losses cannot use, `checkpoints.InUse` where
    another process trains in `folder`, FloatingPointError for a loss or a gradient that is not finite, MemoryError where
    the GPU's memory is too small, OSError where a checkpoint cannot be written. An interrupt (Ctrl-C, a notebook's stop
    button) ends the step, writes `last.pt` and raises `Stopped`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(model.parameters()).device
    model.to(memory_format=torch.channels_last)
    first = processes.rank() == 0  # of several processes the one that validates, writes and prints
    if not first:
        log = quiet
    state = checkpoints.load_last(folder, fingerprint, log, defaults)
    # a resumed run stays with the precision it began with, however fast the machine is now
    dtype = precision.choose(state["amp"] if state else amp, model, objective, batches, device, generators)
    run = Run(
        model=model,
        network=processes.wrap(model),
        objective=objective,
        optimizer=adamw(model, objective, learning_rate, weight_decay, backbone_rate, betas),
        scaler=torch.amp.GradScaler(device.type, enabled=dtype == torch.float16),
        average=moving_average(model, ema_decay) if ema_decay else None,
        generators=generators,
        dtype=dtype,
        max_gradient_norm=max_gradient_norm,
        folder=folder,
        fingerprint=fingerprint,
        files=files,
        checkpoint_minutes=checkpoint_minutes,
    )
    epoch = run.restore(state) if state else None
    if state:
        log(f"going on after epoch {len(run.history)} of {epochs}" + (f", batch {epoch.step}" if epoch else ""))
    if len(run.history) > epochs:
        raise ValueError(
            f"{folder} was trained for {len(run.history)} epochs, more than {epochs}; remove it to train anew"
        )
    steps, warmup_steps = len(batches), round(warmup_epochs * len(batches))

    with checkpoints.only_here(folder) if first else contextlib.nullcontext(), interrupts() as interrupted:
        if first and state is None:
            history.remove_older(folder)
        with history.board(folder, len(run.history), first) as board:
            while len(run.history) < epochs and history.epochs_without_gain(run.history) < patience:
                scores = [row["score"] for row in run.history]
                done = len(scores) * steps
                rates = [rate_factor(schedule, done + i, epochs * steps, warmup_steps, scores) for i in range(steps)]
                epoch = epoch or begin_epoch(objective, batches)
                row = {"epoch": len(scores) + 1} | train_epoch(run, batches, epoch, rates, interrupted)
                started = time.perf_counter()
                kept = run.average.module if run.average else model
                if first:
                    row |= history.flatten(validate(kept)) if validate else {"score": float(row["epoch"])}
                row = processes.from_first(row | {"seconds": epoch.seconds + time.perf_counter() - started})
                improved = row["score"] > max(scores, default=-math.inf)
                run.history.append(row)
                epoch = None
                if first:
                    if improved or not scores:
                        best = {"model": kept.state_dict(), "fingerprint": fingerprint, "epoch": row["epoch"]}
                        checkpoints.save(best, folder / "best.pt")
                    run.save(None)
                    history.write_down(run.history, folder, board)
                    log(history.line(row, epochs, improved))
            if processes.anywhere(interrupted.is_set()):  # while the last epoch was validated
                raise Stopped("Stopped after the last epoch; nothing is lost. Run the same again to go on from here.")
    if len(run.history) < epochs:
        log(f"no better score for {patience} epochs: stopped early")
    processes.wait()
    best = checkpoints.load(folder / "best.pt")
    model.load_state_dict(best["model"])
    model.eval()
    if first:
        (folder / "finished.txt").write_text(f"{len(run.history)} epochs, best after {best['epoch']}\n")
    return pd.DataFrame(run.history)


def train_epoch(run: Run, batches: Batches, epoch: Epoch, rates: list[float], interrupted: threading.Event) -> dict:
    """Take the steps of `epoch` that are still to be taken; returns the means of all losses, and how fast it went.

    `rates[i]` is what every learning rate is multiplied by at batch i.
    """
    device = next(run.model.parameters()).device
    run.model.train()
    run.objective.train()
    started = time.perf_counter()
    saved = time.monotonic()
    for batch in bar(batches.over(epoch.positions, epoch.step), "batches", total=len(rates) - epoch.step):
        set_learning_rate(run.optimizer, rates[epoch.step])
        run.optimizer.zero_grad(set_to_none=True)
        try:
            images = processes.share(batch.images).contiguous(memory_format=torch.channels_last)
            with torch.autocast(device.type, dtype=run.dtype, enabled=run.dtype is not None):
                output = run.network(images)
            output = processes.gather(output, len(batch.images))
            total, losses, weights = run.objective(output, batch)
            run.scaler.scale(total).backward()
        except torch.cuda.OutOfMemoryError as error:
            raise MemoryError(
                f"the GPU's memory does not hold a batch of {len(batch.images)}; take "
                f"batch_size={max(2, len(batch.images) // 2)} in the recipe, or restart what else uses the GPU"
            ) from error
        # gradients must be in their true scale before their norm means anything
        run.scaler.unscale_(run.optimizer)
        norm = nn.utils.clip_grad_norm_(run.model.parameters(), run.max_gradient_norm)
        run.scaler.step(run.optimizer)
        run.scaler.update()
        if run.average is not None:
            run.average.update_parameters(run.model)
        epoch.note(batch, total, norm, losses, weights)

        due = time.monotonic() - saved > 60 * run.checkpoint_minutes
        looks = epoch.step % _LOOK_EVERY == 0 or epoch.step == len(rates)
        # one process stops at once; several have to agree after which batch
        stops = processes.anywhere(interrupted.is_set()) if looks or processes.processes() == 1 else False
        if due or stops or looks:
            epoch.look(len(run.history) + 1, run.files, overflow=run.scaler.is_enabled())
        if due or stops:
            epoch.seconds += time.perf_counter() - started
            run.save(epoch)
            started, saved = time.perf_counter(), time.monotonic()
        if stops:
            raise Stopped("Stopped after this batch; nothing is lost. Run the same again to go on from here.")
    epoch.seconds += time.perf_counter() - started
    rates_now = {f"learning_rate/{g['name']}": g["lr"] for g in run.optimizer.param_groups if "(" not in g["name"]}
    speed = len(epoch.positions) / epoch.seconds
    return epoch.means() | rates_now | {"images_per_second": speed, "amp": precision.dtype_name(run.dtype)}
