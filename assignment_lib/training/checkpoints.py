"""Files a training goes on from: written whole or not at all, loaded as tensors and plain types only."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from assignment_lib.files import new_file

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]


class OtherRun(ValueError):
    """A checkpoint that belongs to a run with other settings."""


class InUse(RuntimeError):
    """A folder in which another process trains."""


@contextlib.contextmanager
def only_here(folder: Path) -> Iterator[None]:
    """Keeps other processes out of `folder` for as long as the block runs; raises `InUse` where one is in it already.

    The lock ends with its process, however that ends. Where the file system has no locks, nothing is kept out.
    """
    if fcntl is None:  # Windows
        yield
        return
    with open(folder / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                raise InUse(f"another process trains in {folder}; wait for it, or stop it first") from error
        yield


def save(content: dict, path: Path) -> None:
    """`torch.save` into a `new_file`.

    Raises OSError with one sentence where the disk is full or read-only; nothing half-written is left.
    """
    buffer = io.BytesIO()
    torch.save(content, buffer)
    try:
        with new_file(path) as file:
            file.write(buffer.getbuffer())
    except OSError as error:
        raise OSError(
            error.errno,
            f"{path} ({len(buffer.getbuffer()) / 1e6:.0f} MB) cannot be written: {os.strerror(error.errno or 0)}; make room "
            "and run the same again, it goes on from the checkpoint before this one",
        ) from error


def load(path: Path) -> dict:
    """What `save` wrote, tensors and plain types only, on the CPU.

    Raises `FileNotFoundError` or `ValueError` with one sentence for a missing or damaged file.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; run notebook 04 first, it trains this network")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise  # the disk's or the machine's fault, not the file's
    except Exception as error:
        raise ValueError(f"{path} cannot be read ({type(error).__name__}); remove it and train again") from error


def save_last(content: dict, folder: Path) -> None:
    """Write `last.pt`; the one before stays as `previous.pt`."""
    last = folder / "last.pt"
    new = folder / "next.pt"
    save(content, new)
    if last.exists():
        last.replace(folder / "previous.pt")
    new.replace(last)


def load_last(
    folder: Path, fingerprint: dict, log: Callable[[str], None] = print, defaults: dict | None = None
) -> dict | None:
    """The newest readable checkpoint in `folder`: `last.pt`, or `previous.pt` where that is damaged; None without any.

    `defaults` are what settings were before they existed: an earlier version's checkpoint does not name them.
    Raises `OtherRun` where it belongs to a run with another `fingerprint`, naming the settings that differ, and ValueError
    where there are checkpoints but none can be read.
    """
    paths = [path for path in (folder / "last.pt", folder / "previous.pt") if path.exists()]
    for path in paths:
        try:
            state = load(path)
        except ValueError:
            log(f"{path.name} is damaged" + (", going on from previous.pt" if path != paths[-1] else ""))
            continue
        differing = _differing((defaults or {}) | state["fingerprint"], fingerprint)
        if differing:
            raise OtherRun(
                f"{path} belongs to a run with other settings ({', '.join(differing)}); remove {folder.name}/ to train "
                "anew, or set back what was changed"
            )
        return state
    if paths:
        raise ValueError(f"no checkpoint in {folder} can be read; remove the folder to train anew")
    return None


def random_states(generators: Sequence[torch.Generator]) -> dict:
    """States of `generators` and of Python's, NumPy's and torch's own generators, as tensors and plain types."""
    states = {"torch": torch.get_rng_state(), "generators": [generator.get_state() for generator in generators]}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    version, numbers, gauss = random.getstate()
    states["python"] = [version, list(numbers), gauss]
    kind, keys, *rest = np.random.get_state()
    states["numpy"] = [kind, torch.from_numpy(np.asarray(keys, np.int64)), *rest]
    return states


def set_random_states(states: dict, generators: Sequence[torch.Generator]) -> None:
    """Put back what `random_states` gave."""
    torch.set_rng_state(states["torch"])
    for generator, state in zip(generators, states["generators"], strict=True):
        generator.set_state(state)
    if torch.cuda.is_available() and "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"][: torch.cuda.device_count()])  # there may be fewer GPUs now
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))


def _differing(theirs: dict, ours: dict) -> list[str]:
    # through JSON, so that a tuple and the list it was saved as are the same
    theirs, ours = json.loads(json.dumps(theirs)), json.loads(json.dumps(ours))
    missing = object()
    names = [n for n in (*ours, *(theirs.keys() - ours.keys())) if theirs.get(n, missing) != ours.get(n, missing)]
    return [f"{name} was {theirs.get(name, 'not there')}, is {ours.get(name, 'not there')}" for name in names]
