"""Which floating-point type the forward pass computes in (automatic mixed precision, report section 3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from assignment_lib.batches.loader import Batches
from assignment_lib.environment import amp_dtype
from assignment_lib.training import checkpoints, processes

#: What the `amp` of a recipe and of a history means.
DTYPES = {"off": None, "float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def dtype_name(dtype: torch.dtype | None) -> str:
    """ "float32", "bfloat16" or "float16": how a history and a checkpoint note it."""
    return str(dtype).removeprefix("torch.") if dtype else "float32"


def choose(
    amp: str,
    model: nn.Module,
    objective: nn.Module,
    batches: Batches,
    device: torch.device,
    generators: Sequence[torch.Generator],
) -> torch.dtype | None:
    """The autocast dtype for `amp`: "off", a name of `DTYPES`, or "auto"; None is plain float32.

    "auto" takes what a GPU has in hardware, and on a CPU bfloat16 where it is measured to be clearly faster.
    """
    if amp != "auto":
        return DTYPES[amp]
    if device.type == "cuda":
        return amp_dtype(device)
    # the trial must leave no trace: running averages, gradients and random states are put back
    before = [{name: value.clone() for name, value in part.state_dict().items()} for part in (model, objective)]
    states = checkpoints.random_states(generators)
    batch = next(iter(batches))

    def step(dtype: torch.dtype | None) -> None:
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
    return DTYPES[processes.from_first(dtype_name(dtype))]


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
