"""Checkpoints that a training resumes from: written atomically, loaded as tensors and plain types only."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import random
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.optim import AdamW

from assignment_lib import files
from assignment_lib.training import optimizers
from assignment_lib.training.history import Epoch

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

#: Increased when checkpoints of earlier code no longer load.
VERSION = 2

_Result = TypeVar("_Result")


class OtherRun(ValueError):
    """A checkpoint of a training with other settings or other data."""


class InUse(RuntimeError):
    """A folder in which another process trains."""


class Stopped(KeyboardInterrupt):
    """Raised by an interrupt during `loop.fit`, after the state was saved; a notebook shows its one sentence."""

    def _render_traceback_(self) -> list[str]:  # a hook of IPython
        return [str(self)]


@dataclass
class Run:
    """The state of a training: everything that a checkpoint holds, and the settings that a step needs."""

    model: nn.Module
    objective: nn.Module
    optimizer: AdamW
    scaler: torch.amp.GradScaler
    generators: Sequence[torch.Generator]
    dtype: torch.dtype | None  # of autocast; None is float32
    folder: Path
    fingerprint: dict[str, Any]
    image_files: Sequence[str]  # names for error messages
    checkpoint_minutes: float
    history: list[dict[str, Any]] = field(default_factory=list)

    def parts(self) -> dict[str, Any]:
        """The parts that have a `state_dict`, by their name in a checkpoint."""
        return {"model": self.model, "objective": self.objective, "optimizer": self.optimizer, "scaler": self.scaler}

    def save(self, epoch: Epoch | None) -> None:
        """Write `last.pt`, after an epoch (None) or within `epoch`."""
        progress = None
        if epoch is not None:
            progress = {name: value for name, value in vars(epoch).items() if name != "unchecked"}
        state = {name: part.state_dict() for name, part in self.parts().items()}
        state |= {"fingerprint": self.fingerprint, "history": self.history, "epoch": progress}
        state |= {"amp": optimizers.dtype_name(self.dtype), "random": random_states(self.generators)}
        save(state, self.folder / "last.pt")

    def restore(self, state: dict[str, Any], epochs: int, log: Callable[[str], None]) -> Epoch | None:
        """Load the state that `save` wrote, to train for `epochs` in all; returns the epoch in progress, if any.

        Raises `ValueError` where a part does not fit the state, or where the training has more epochs already.
        """
        done = len(state["history"])
        if done > epochs:
            raise ValueError(
                f"{self.folder} was trained for {done} epochs, more than epochs={epochs}. Remove it to train again."
            )
        for name, part in self.parts().items():
            try:
                part.load_state_dict(state[name])
            except (RuntimeError, ValueError, KeyError) as error:
                raise ValueError(
                    f"The {name} in {self.folder / 'last.pt'} does not fit this code or these settings. Remove "
                    f"{self.folder} to train again."
                ) from error
        self.history = state["history"]
        set_random_states(state["random"], self.generators)
        epoch = Epoch(**state["epoch"]) if state["epoch"] else None
        log(f"resuming after epoch {done} of {epochs}" + (f", batch {epoch.step}" if epoch else ""))
        if epoch is None:
            return None
        device = next(self.model.parameters()).device
        epoch.sums, epoch.finite_norms = epoch.sums.to(device), epoch.finite_norms.to(device)
        return epoch


@contextlib.contextmanager
def interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C or stop button sets, so that the current step can finish; a second one interrupts."""
    requested = threading.Event()
    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
        yield requested
        return
    before = signal.getsignal(signal.SIGINT)

    def note(*_: object) -> None:
        requested.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield requested
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Create `folder` and lock it against other processes while the block runs.

    The lock ends with its process, however that ends. A file system without locks does not lock. Raises `InUse` where
    another process holds the lock, `OSError` with a remedy where the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(open(folder / "lock", "w"))
        except OSError as error:
            raise OSError(
                error.errno,
                f"{folder} cannot be written: {os.strerror(error.errno or 0)}. Set the environment variable ASSIGNMENT_RUNS "
                "to a folder that you may write to",
            ) from error
        if fcntl is not None:  # not on Windows
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EACCES):
                    raise InUse(f"Another process trains in {folder}. Wait until it ends, or stop it.") from error
        yield


def save(content: dict[str, Any], path: Path) -> None:
    """Write `content` atomically with `torch.save`. Raises `OSError` naming the file where it cannot be written."""
    buffer = io.BytesIO()
    torch.save(content | {"version": VERSION}, buffer)
    with files.atomic_write(path) as file:
        file.write(buffer.getbuffer())


def load(path: Path) -> dict[str, Any]:
    """The content that `save` wrote, on the CPU.

    Raises `FileNotFoundError` or `ValueError` with one sentence for a missing or damaged file, and for one of earlier code.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. Run notebook 04 or `make train` first: it trains this network.")
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise  # a fault of the disk or the machine, not of the file
    except Exception as error:
        raise ValueError(f"{path} cannot be read ({type(error).__name__}). Remove it and train again.") from error
    if content.get("version") != VERSION:
        raise OtherRun(f"{path} was saved by an earlier version of this code. Remove {path.parent} and train again.")
    return content


def load_last(folder: Path, fingerprint: dict[str, Any]) -> dict[str, Any] | None:
    """The state in `folder/last.pt`; None where there is none.

    Raises `OtherRun` for a state of other settings, other data or earlier code, `ValueError` for a damaged file.
    """
    path = folder / "last.pt"
    if not path.exists():
        return None
    state = load(path)
    require_same(state["fingerprint"], fingerprint, folder)
    return state


def require_same(theirs: dict[str, Any], ours: dict[str, Any], folder: Path) -> None:
    """Raise `OtherRun` where the fingerprint `theirs` of the network in `folder` differs from `ours`.

    The name of the recipe may differ: two recipes with equal settings are one training, so `adapted` can continue from a
    network of `strong`. Data that differs is named as such: the data set may have been changed, or be another one of the
    same name.
    """
    # through JSON, so that a tuple equals the list it was saved as
    theirs, ours = json.loads(json.dumps(theirs)), json.loads(json.dumps(ours))
    if theirs.get("data_fingerprint") != ours.get("data_fingerprint"):
        raise OtherRun(
            f"The data changed since this network was trained: file names, image sizes or annotations differ from those "
            f"that {folder} was trained on. Restore the data, or remove that folder to train again. If this is another data "
            "set of the same name, keep the folder and rename the data set."
        )
    names = [name for name in [*ours, *(theirs.keys() - ours.keys())] if name != "name"]
    differences = [
        f"{name} was {theirs.get(name, 'missing')}, is {ours.get(name, 'missing')}"
        for name in names
        if theirs.get(name, "missing") != ours.get(name, "missing")
    ]
    if differences:
        raise OtherRun(
            f"{folder} holds a training with other settings ({'; '.join(differences)}). Restore the settings, or remove the "
            "folder to train again."
        )


def replacing_others(train: Callable[[], _Result], folder: Path, log: Callable[[str], None] = files.quiet) -> _Result:
    """The result of `train()`; a training with other settings or data that it finds in `folder` is removed and logged."""
    try:
        return train()
    except OtherRun as error:
        log(str(error))
        shutil.rmtree(folder)
        return train()


def random_states(generators: Sequence[torch.Generator]) -> dict[str, Any]:
    """States of `generators` and of Python's, NumPy's and torch's global generators, as tensors and plain types."""
    states: dict[str, Any] = {"torch": torch.get_rng_state(), "generators": [g.get_state() for g in generators]}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    version, numbers, gauss = random.getstate()
    states["python"] = [version, list(numbers), gauss]
    kind, keys, *rest = np.random.get_state()
    states["numpy"] = [kind, torch.from_numpy(np.asarray(keys, np.int64)), *rest]
    return states


def set_random_states(states: dict[str, Any], generators: Sequence[torch.Generator]) -> None:
    """Restore the states that `random_states` returned."""
    torch.set_rng_state(states["torch"])
    for generator, state in zip(generators, states["generators"], strict=True):
        generator.set_state(state)
    if torch.cuda.is_available() and "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"][: torch.cuda.device_count()])  # there may be fewer GPUs now
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
