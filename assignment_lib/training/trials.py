"""Short trials of a recipe on a device: does mixed precision compute the same, does a training that was broken off?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from assignment_lib.progress import quiet
from assignment_lib.training import assembly, checkpoints
from assignment_lib.training.assembly import Split
from assignment_lib.training.loop import fit
from assignment_lib.training.made_up import repeated
from assignment_lib.training.optimizers import adamw
from assignment_lib.training.precision import dtype_name
from assignment_lib.training.recipes import Recipe, changed
from assignment_lib.training.speed import step

#: Small enough that no gradient overflows: a step left out would be a difference of another kind.
_LOSS_SCALE = 256.0


class _Broken(Exception):
    """What a broken-off training ends with."""


def losses(
    split: Split, recipe: Recipe, device: torch.device, dtype: torch.dtype | None, steps: int = 10
) -> list[float]:
    """The total losses of the first `steps` steps in `dtype` (None: float32), always from the same weights and batches.

    Without dropout, whose masks may hang on the dtype.
    """
    batch_size = recipe.training.batch_size
    training = assembly.joint(repeated(split, steps * batch_size), changed(recipe, dropout=0.0), device)
    network = training.network.to(memory_format=torch.channels_last).train()
    optimizer = adamw(network, training.objective, recipe.training.learning_rate / 10)
    scaler = torch.amp.GradScaler(device.type, init_scale=_LOSS_SCALE, enabled=dtype == torch.float16)
    found: list[Tensor] = []
    for batch in training.batches:
        batch = batch._replace(images=batch.images.contiguous(memory_format=torch.channels_last))
        found.append(step(network, training.objective, batch, dtype, optimizer, scaler))
        if len(found) == steps:
            break
    return [float(loss) for loss in found]


def largest_relative(ours: list[float], wanted: list[float]) -> float:
    """The largest `|ours - wanted| / |wanted|`; not a number where one of them is not finite."""
    a, b = torch.tensor(ours, dtype=torch.float64), torch.tensor(wanted, dtype=torch.float64)
    return float(((a - b).abs() / b.abs()).max())


def resumed(
    split: Split, recipe: Recipe, device: torch.device, dtype: torch.dtype | None, folder: Path, batches: int = 4
) -> dict[str, float]:
    """How far a training that was broken off and taken up again ends from one that was not: `{"resumed", "again"}`.

    Two epochs of `batches` batches each; it breaks in the midst of the second, between two batches. "resumed" is the
    distance of the weights at the end over their length, "again" that of a second unbroken training: what the device
    itself does not repeat, 0 on a CPU.
    """
    few = repeated(split, batches * recipe.training.batch_size)

    def train(name: str, break_at: int = 0) -> Tensor:
        training = assembly.joint(few, recipe, device)
        options: dict[str, Any] = training.options | {"epochs": 2, "patience": 3, "amp": dtype_name(dtype)}
        generator = training.batches.generator
        seen = 0

        def count(*_: Any) -> None:
            nonlocal seen
            seen += 1
            if seen == break_at:
                raise _Broken

        training.network.register_forward_pre_hook(count)
        fit(
            training.network, training.objective, training.batches, lambda model: {"score": 0.0}, folder=folder / name,
            fingerprint={}, generators=[generator] if generator else [], log=quiet,
            checkpoint_minutes=0.0 if break_at else 10.0, **options,
        )  # fmt: skip
        last = checkpoints.load(folder / name / "last.pt")["model"]
        return torch.cat([value.double().flatten() for value in last.values()])

    whole, again = train("whole"), train("again")
    try:
        train("broken", break_at=3 * batches // 2 + 1)
    except _Broken:
        parts = train("broken")
    return {
        "resumed": float((parts - whole).norm() / whole.norm()),
        "again": float((again - whole).norm() / whole.norm()),
    }
