"""One readable training loop: mixed precision, early stopping, checkpoints it resumes from, TensorBoard.

Read `fit`, then `_train_epoch`: that is all. `optimizers.py` moves the weights, `checkpoints.py` writes and reads the files,
`processes.py` shares a batch between processes where there are several.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel
from torch.utils.tensorboard import SummaryWriter

from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.environment import amp_dtype
from assignment_lib.progress import bar, quiet
from assignment_lib.training import checkpoints, processes
from assignment_lib.training.optimizers import adamw, moving_average, rate_factor, set_learning_rate

_LOOK_EVERY = 20  # batches between two looks at whether the losses are finite: a GPU has to wait for each


class Stopped(KeyboardInterrupt):
    """Raised by an interrupt during `fit`, after the state was saved; a notebook shows its one sentence."""

    def _render_traceback_(self) -> list[str]:  # IPython's own hook
        return [str(self)]


def fit(
    model: nn.Module,
    objective: nn.Module,
    batches: Batches,
    validate: Callable[[nn.Module], dict],
    *,
    folder: Path,
    fingerprint: dict,
    epochs: int,
    learning_rate: float = 1e-3,
    weight_decay: float = 1e-2,
    backbone_rate: float = 1.0,
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
    validate: `validate(model)` gives a dict of scores whose "score" decides which epoch is best.
    fingerprint: plain settings (recipe, data, seed) that tell this run from another in the same folder.
    backbone_rate, schedule, warmup_epochs: see `optimizers.parameter_groups` and `optimizers.rate_factor`.
    ema_decay: validate and keep a moving average of the weights; 0 for the weights themselves.
    amp: "auto", "off", "float16" or "bfloat16". "auto" takes what a GPU has in hardware, and on a CPU bfloat16 where it is
        measured to be clearly faster.
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
    state = checkpoints.load_last(folder, fingerprint, log)
    # a resumed run stays with the precision it began with, however fast the machine is now
    dtype = _dtype(state["amp"] if state else amp, model, objective, batches, device, generators)
    run = _Run(
        model=model,
        network=processes.wrap(model),
        objective=objective,
        optimizer=adamw(model, objective, learning_rate, weight_decay, backbone_rate),
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

    with checkpoints.only_here(folder) if first else contextlib.nullcontext(), _interrupts() as interrupted:
        if first and state is None:
            _remove_older(folder)
        with _board(folder, len(run.history), first) as board:
            while len(run.history) < epochs and _epochs_without_gain(run.history) < patience:
                scores = [row["score"] for row in run.history]
                done = len(scores) * steps
                rates = [rate_factor(schedule, done + i, epochs * steps, warmup_steps, scores) for i in range(steps)]
                epoch = epoch or _begin_epoch(objective, batches)
                row = {"epoch": len(scores) + 1} | _train_epoch(run, batches, epoch, rates, interrupted)
                started = time.perf_counter()
                kept = run.average.module if run.average else model
                row |= _flatten(validate(kept)) if first else {}
                row = processes.from_first(row | {"seconds": epoch.seconds + time.perf_counter() - started})
                improved = row["score"] > max(scores, default=-math.inf)
                run.history.append(row)
                epoch = None
                if first:
                    if improved or not scores:
                        best = {"model": kept.state_dict(), "fingerprint": fingerprint, "epoch": row["epoch"]}
                        checkpoints.save(best, folder / "best.pt")
                    run.save(None)
                    _write_down(run, folder, board)
                    log(_line(row, epochs, improved))
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


def _train_epoch(run: _Run, batches: Batches, epoch: _Epoch, rates: list[float], interrupted: threading.Event) -> dict:
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
    return epoch.means() | rates_now | {"images_per_second": speed, "amp": _name(run.dtype)}


@dataclass
class _Epoch:
    """How far an epoch has come, and what was measured in it so far; a part of the checkpoint."""

    positions: Tensor  # (N,) int64: the images of the epoch in their order
    step: int = 0  # batches done
    seconds: float = 0.0
    names: list[str] = field(default_factory=list)
    sums: Tensor | None = None  # (names,) float64
    finite_norms: Tensor | None = None  # batches whose gradient was finite; GradScaler skips the others
    unseen: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # values and image positions since the last look

    def note(self, batch: Batch, total: Tensor, norm: Tensor, losses: dict, weights: dict) -> None:
        """Add one batch's numbers. They stay on the device: asking for one here would make a GPU wait at every step."""
        named = {"loss": total, "gradient_norm": norm}
        named |= {f"loss/{name}": value for name, value in losses.items()}
        named |= {f"weight/{name}": value for name, value in weights.items()}
        values = torch.stack([value.detach().to(total.device, torch.float64) for value in named.values()])
        self.unseen.append((values, batch.index))
        finite = values[1].isfinite()
        values = torch.cat([values[:1], values[1:2].nan_to_num(0.0, 0.0, 0.0), values[2:]])
        if self.sums is None:
            self.names = list(named)
            self.sums, self.finite_norms = torch.zeros_like(values), torch.zeros_like(values[1])
        self.sums = self.sums + values
        self.finite_norms = self.finite_norms + finite
        self.step += 1

    def look(self, epoch: int, files: Sequence[str], overflow: bool = False) -> None:
        """Raise FloatingPointError if a loss or the gradient since the last look was not finite, naming it and its images.

        `overflow`: a gradient may be infinite, as in float16, where the GradScaler leaves that step out.
        """
        values = torch.stack([values for values, _ in self.unseen])
        losses = [i for i, name in enumerate(self.names) if name.startswith("loss")]
        losses += [] if overflow else [self.names.index("gradient_norm")]
        bad = ~values[:, losses].isfinite()
        if bad.any():
            row = int(bad.any(1).nonzero()[0])
            names = [self.names[losses[i]].removeprefix("loss/") for i in bad[row].nonzero().flatten().tolist()]
            causes = [name for name in names if name not in ("loss", "gradient_norm")]
            what = f"the loss {', '.join(causes or ['total'])}" if "loss" in names or causes else "the gradient"
            images = [files[i] if files else f"image {i}" for i in self.unseen[row][1].tolist()]
            raise FloatingPointError(
                f"{what} is not finite in batch {self.step - len(self.unseen) + row + 1} of epoch "
                f"{epoch}; take a smaller learning_rate, or look at its images ({', '.join(images)}); the checkpoint before "
                "it is kept"
            )
        self.unseen.clear()

    def means(self) -> dict[str, float]:
        """The mean over the batches of everything noted."""
        means = (self.sums / self.step).tolist()
        means[1] = float(self.sums[1] / self.finite_norms.clamp(min=1))
        return dict(zip(self.names, means, strict=True))


def _begin_epoch(objective: nn.Module, batches: Batches) -> _Epoch:
    if hasattr(objective, "new_epoch"):
        objective.new_epoch()
    positions = batches.draw()
    if getattr(objective, "needs_negatives", False):
        pids = batches.pids.cpu()[positions].split(batches.batch_size)
        alone = sum(bool((of_batch == of_batch[0]).all()) for of_batch in pids)
        if alone > len(pids) / 2:  # one by chance does no harm
            raise ValueError(
                f"{alone} of {len(pids)} batches hold images of one identity only, and a triplet needs a second one; take "
                'sampler="identities" or a larger batch_size in the recipe, or identity_loss="none"'
            )
    return _Epoch(positions)


@dataclass
class _Run:
    """All that changes while a network learns, and what a step needs."""

    model: nn.Module
    network: nn.Module  # `model`, wrapped where several processes train it
    objective: nn.Module
    optimizer: Optimizer
    scaler: torch.amp.GradScaler
    average: AveragedModel | None
    generators: Sequence[torch.Generator]
    dtype: torch.dtype | None
    max_gradient_norm: float
    folder: Path
    fingerprint: dict
    files: Sequence[str]
    checkpoint_minutes: float
    history: list[dict] = field(default_factory=list)

    def parts(self) -> dict:
        parts = {"model": self.model, "objective": self.objective, "optimizer": self.optimizer, "scaler": self.scaler}
        return parts | ({"average": self.average} if self.average is not None else {})

    def save(self, epoch: _Epoch | None) -> None:
        """Write `last.pt`: after an epoch, or in the midst of `epoch`."""
        if processes.rank() != 0:
            return
        begun = None
        if epoch is not None:
            begun = {name: value for name, value in vars(epoch).items() if name != "unseen"}
        state = {name: part.state_dict() for name, part in self.parts().items()}
        state |= {"fingerprint": self.fingerprint, "history": self.history, "epoch": begun, "amp": _name(self.dtype)}
        state["random"] = checkpoints.random_states(self.generators)
        checkpoints.save_last(state, self.folder)

    def restore(self, state: dict) -> _Epoch | None:
        """Take over what `save` wrote; returns the epoch it was in the midst of."""
        for name, part in self.parts().items():
            try:
                part.load_state_dict(state[name])
            except (RuntimeError, ValueError, KeyError) as error:
                raise ValueError(
                    f"the {name} in {self.folder / 'last.pt'} was saved by other code than this and does not fit; remove "
                    f"{self.folder.name}/ to train anew"
                ) from error
        self.history = state["history"]
        checkpoints.set_random_states(state["random"], self.generators)
        if state["epoch"] is None:
            return None
        epoch, device = _Epoch(**state["epoch"]), next(self.model.parameters()).device
        epoch.sums, epoch.finite_norms = epoch.sums.to(device), epoch.finite_norms.to(device)
        return epoch


def overfit(
    model: nn.Module, objective: nn.Module, batch: Batch, steps: int = 60, learning_rate: float = 3e-3
) -> pd.DataFrame:
    """Train on one batch again and again: a network that cannot learn it by heart has a fault.

    Returns one row a step: "loss", and "accuracy", the share of right attributes in that step's own output. Dropout is
    off: what is asked is whether the network can, not whether it should. Changes `model` and `objective`.
    """
    model.train()
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.eval()
    optimizer = adamw(model, objective, learning_rate, weight_decay=0.0)
    rows = []
    for _ in range(steps):
        output = model(batch.images)
        total, _, _ = objective(output, batch)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        optimizer.step()
        right = torch.stack(
            [logits.argmax(1) == batch.attributes[:, i] for i, logits in enumerate(output.attributes.values())]
        )
        rows.append({"loss": float(total.detach()), "accuracy": float(right.float().mean())})
    return pd.DataFrame(rows)


@contextlib.contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, instead of breaking into the midst of a step; a second one breaks in."""
    wanted = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may ask for signals
        yield wanted
        return
    before = signal.getsignal(signal.SIGINT)

    def note(*_):
        wanted.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield wanted
    finally:
        signal.signal(signal.SIGINT, before)


def faster_dtype(step: Callable[[torch.dtype | None], None], repeats: int = 5) -> torch.dtype | None:
    """bfloat16 where `step(bfloat16)` takes less than 0.8 of the time of `step(None)` on this machine, else None.

    The two take turns and the fastest of each counts, and the margin is wide, so that other work on the machine does not
    change the choice from one run to the next.
    """
    seconds: dict[torch.dtype | None, list[float]] = {None: [], torch.bfloat16: []}
    for repeat in range(repeats + 1):
        for dtype, times in seconds.items():
            started = time.perf_counter()
            step(dtype)
            if repeat:  # the first one prepares
                times.append(time.perf_counter() - started)
    return torch.bfloat16 if min(seconds[torch.bfloat16]) < 0.8 * min(seconds[None]) else None


#: What the `amp` of a recipe and of a history means.
DTYPES = {"off": None, "float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def _name(dtype: torch.dtype | None) -> str:
    return str(dtype).removeprefix("torch.") if dtype else "float32"


def _dtype(amp, model, objective, batches, device, generators) -> torch.dtype | None:
    if amp != "auto":
        return DTYPES[amp]
    if device.type == "cuda":
        return amp_dtype(device)
    # the trial must leave no trace: running averages, gradients and random states are put back
    before = [{name: value.clone() for name, value in part.state_dict().items()} for part in (model, objective)]
    states = checkpoints.random_states(generators)
    batch = next(iter(batches))

    def step(dtype):
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            output = model(batch.images.contiguous(memory_format=torch.channels_last))
        objective(output, batch)[0].backward()

    model.train()
    dtype = faster_dtype(step)
    model.load_state_dict(before[0])
    objective.load_state_dict(before[1])
    for parameter in (*model.parameters(), *objective.parameters()):
        parameter.grad = None
    checkpoints.set_random_states(states, generators)
    return DTYPES[processes.from_first(_name(dtype))]


def _remove_older(folder: Path) -> None:
    """What a run left that cannot be gone on from; its curves would mix with the new ones."""
    shutil.rmtree(folder / "tensorboard", ignore_errors=True)
    for name in ("best.pt", "history.csv", "finished.txt"):
        (folder / name).unlink(missing_ok=True)


def _board(folder: Path, epochs_done: int, first: bool) -> contextlib.AbstractContextManager:
    if not first:
        return contextlib.nullcontext()
    return SummaryWriter(folder / "tensorboard", purge_step=epochs_done + 1)


def _write_down(run: _Run, folder: Path, board: SummaryWriter) -> None:
    pd.DataFrame(run.history).to_csv(folder / "history.csv", index=False)
    row = run.history[-1]
    for name, value in row.items():
        if isinstance(value, int | float) and name != "epoch":
            board.add_scalar(name, value, row["epoch"])
    board.flush()


def _epochs_without_gain(history: list[dict]) -> int:
    scores = [row["score"] for row in history]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def _flatten(scores: dict, prefix: str = "") -> dict:
    flat = {}
    for name, value in scores.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}/")
        else:
            flat[prefix + name] = value
    return flat


def _line(row: dict, epochs: int, improved: bool) -> str:
    parts = [f"epoch {row['epoch']:>2}/{epochs}", f"loss {row['loss']:.3f}"]
    shown = {
        "attributes/average/acc": "acc",
        "attributes/average/macc": "mAcc",
        "reid/mAP": "mAP",
        "reid/rank1": "rank-1",
    }
    parts += [f"{label} {row[name]:.3f}" for name, label in shown.items() if name in row]
    parts += [f"{row['images_per_second']:.0f} images/s", f"{row['seconds']:.1f} s", "best" if improved else ""]
    return "  ".join(parts).rstrip()
