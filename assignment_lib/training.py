"""One readable training loop: mixed precision, early stopping, checkpoints it resumes from, TensorBoard."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from assignment_lib.environment import amp_dtype
from assignment_lib.images import Batch
from assignment_lib.progress import bar


def fit(
    model: nn.Module,
    objective: nn.Module,
    batches: Iterable[Batch],
    validate: Callable[[nn.Module], dict],
    *,
    folder: Path,
    fingerprint: dict,
    epochs: int,
    learning_rate: float = 5e-4,
    weight_decay: float = 1e-2,
    patience: int = 5,
    max_gradient_norm: float = 5.0,
    amp: str = "auto",
    generators: Sequence[torch.Generator] = (),
    log: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train `model` until `epochs` are done or `patience` epochs in a row brought no better validation score.

    `objective(output, batch)` returns the total loss, named losses and named weights (`losses.objective.Objective`); its
    parameters are trained too, without weight decay. `validate(model)` returns a dict of scores whose "score" decides
    which epoch is best. `generators` are those that the sampler and the augmentation draw from.

    After every epoch `folder/last.pt` holds all that it takes to go on, and a second call with the same `fingerprint`
    (plain settings: recipe, data, seed) goes on from there; with another one it raises `ValueError`. `folder` also gets
    `best.pt` (the weights of the best epoch), `history.csv` and TensorBoard's event files.

    Returns the history, one row an epoch. On return `model` holds the weights of the best epoch, in evaluation mode.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(model.parameters()).device
    model.to(memory_format=torch.channels_last)
    state = _checkpoint(folder / "last.pt", fingerprint)
    history = state["history"] if state else []
    # a resumed run stays with the precision it began with, however fast the machine is now
    amp = history[-1]["amp"] if history else amp
    dtype = _chosen_dtype(amp, model, objective, batches, device, generators)
    optimizer = torch.optim.AdamW(
        [{"params": model.parameters()}, {"params": objective.parameters(), "weight_decay": 0.0}],
        lr=learning_rate,
        weight_decay=weight_decay,
    )
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    if state:
        for part, name in ((model, "model"), (objective, "objective"), (optimizer, "optimizer"), (scaler, "scaler")):
            part.load_state_dict(state[name])
        _set_random_states(state["random"], generators)
        log(f"going on after epoch {len(history)} of {epochs}")
    else:
        shutil.rmtree(folder / "tensorboard", ignore_errors=True)  # curves of an older run in the same folder
    best = max((row["score"] for row in history), default=float("-inf"))

    with SummaryWriter(folder / "tensorboard", purge_step=len(history) + 1) as board:
        for epoch in range(len(history), epochs):
            if _epochs_without_gain(history) >= patience:
                log(f"no better score for {patience} epochs: stopped early")
                break
            started = time.perf_counter()
            row = {"epoch": epoch + 1}
            row |= _train_epoch(model, objective, batches, optimizer, scaler, dtype, max_gradient_norm)
            row |= {"amp": str(dtype).removeprefix("torch.") if dtype else "float32"}
            row |= _flatten(validate(model))
            row["seconds"] = time.perf_counter() - started
            improved = row["score"] > best
            history.append(row)
            if improved:
                best = row["score"]
                save({"model": model.state_dict(), "fingerprint": fingerprint}, folder / "best.pt")
            _save_state(folder / "last.pt", fingerprint, model, objective, optimizer, scaler, generators, history)
            pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
            for name, value in row.items():
                if isinstance(value, int | float) and name != "epoch":
                    board.add_scalar(name, value, epoch + 1)
            log(_line(row, epochs, improved))

    model.load_state_dict(load(folder / "best.pt")["model"])
    model.eval()
    best_row = max(history, key=lambda row: row["score"])
    (folder / "finished.txt").write_text(f"{len(history)} epochs, best after {best_row['epoch']}\n")
    return pd.DataFrame(history)


def _train_epoch(model, objective, batches, optimizer, scaler, dtype, max_gradient_norm) -> dict[str, float]:
    device = next(model.parameters()).device
    model.train()
    objective.train()
    if hasattr(objective, "new_epoch"):
        objective.new_epoch()
    sums: dict[str, torch.Tensor] = {}
    images, started = 0, time.perf_counter()
    for batch in bar(batches, "batches"):
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            output = model(batch.images.contiguous(memory_format=torch.channels_last))
        total, losses, weights = objective(output, batch)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(total).backward()
        # gradients must be in their true scale before their norm means anything
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_gradient_norm)
        scaler.step(optimizer)
        scaler.update()
        measured = {"loss": total, "gradient_norm": norm}
        measured |= {f"loss/{name}": value for name, value in losses.items()}
        measured |= {f"weight/{name}": value for name, value in weights.items()}
        for name, value in measured.items():
            # summed where they were computed: asking for the number here would make a GPU wait at every step
            sums[name] = sums.get(name, 0) + value.detach().float()
        images += len(batch.images)
    means = {name: float(value) / len(batches) for name, value in sums.items()}
    return means | {"images_per_second": images / (time.perf_counter() - started)}


def faster_dtype(step: Callable[[torch.dtype | None], None], repeats: int = 3) -> torch.dtype | None:
    """bfloat16 where `step(bfloat16)` takes less than 0.8 of the time of `step(None)` on this machine, else None.

    A wide margin, so that other work on the machine does not change the choice from one run to the next.
    """

    def seconds(dtype):
        step(dtype)
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            step(dtype)
            times.append(time.perf_counter() - started)
        return min(times)

    return torch.bfloat16 if seconds(torch.bfloat16) < 0.8 * seconds(None) else None


def _chosen_dtype(amp, model, objective, batches, device, generators) -> torch.dtype | None:
    if amp != "auto":
        return {"off": None, "float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}[amp]
    if device.type == "cuda":
        return amp_dtype(device)
    # the trial must leave no trace: running averages, gradients and random states are put back
    before = [{name: value.clone() for name, value in part.state_dict().items()} for part in (model, objective)]
    states = _random_states(generators)
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
    _set_random_states(states, generators)
    return dtype


def save(content: dict, path: Path) -> None:
    """`torch.save` to a temporary file that is then moved into place: `path` is whole or not there."""
    part = path.with_suffix(path.suffix + ".part")
    torch.save(content, part)
    part.replace(path)


def load(path: Path) -> dict:
    """What `save` wrote, tensors and plain types only, on the CPU.

    Raises `FileNotFoundError` or `ValueError` with one sentence for a missing or damaged file.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; run notebook 04 first, it trains this network")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} cannot be read ({type(error).__name__}); remove it and train again") from error


def _save_state(path, fingerprint, model, objective, optimizer, scaler, generators, history) -> None:
    state = {
        "fingerprint": json.dumps(fingerprint, sort_keys=True),
        "model": model.state_dict(),
        "objective": objective.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
        "history": history,
        "random": _random_states(generators),
    }
    save(state, path)


def _checkpoint(path, fingerprint) -> dict | None:
    if not path.exists():
        return None
    state = load(path)
    if state["fingerprint"] != json.dumps(fingerprint, sort_keys=True):
        raise ValueError(
            f"{path} belongs to a run with other settings; remove {path.parent.name}/ to train anew, "
            "or set back what was changed"
        )
    return state


def _random_states(generators) -> dict:
    states = {"torch": torch.get_rng_state(), "generators": [generator.get_state() for generator in generators]}
    if torch.cuda.is_available():
        states["cuda"] = torch.cuda.get_rng_state_all()
    version, numbers, gauss = random.getstate()
    states["python"] = [version, list(numbers), gauss]
    kind, keys, *rest = np.random.get_state()
    states["numpy"] = [kind, torch.from_numpy(keys.astype(np.int64)), *rest]
    return states


def _set_random_states(states, generators) -> None:
    torch.set_rng_state(states["torch"])
    for generator, state in zip(generators, states["generators"], strict=True):
        generator.set_state(state)
    if torch.cuda.is_available() and "cuda" in states:
        torch.cuda.set_rng_state_all(states["cuda"])
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))


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
