"""The optimiser, the learning-rate schedule, and mixed precision."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import AdamW

from assignment_lib import environment

SCHEDULES = ("constant", "cosine")
#: `amp` of a recipe and of a history -> the autocast dtype; None is plain float32.
DTYPES = {"off": None, "float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


def adamw(
    model: nn.Module,
    objective: nn.Module,
    learning_rate: float,
    weight_decay: float = 1e-2,
    betas: tuple[float, float] = (0.9, 0.999),
) -> AdamW:
    """AdamW (Loshchilov & Hutter 2019) over the trainable parameters of a network and of its objective.

    Weight decay applies to the network's weights only, not to norms and biases (parameters of fewer than two dimensions;
    He et al. 2019, section 3.1) and not to the objective. The fused implementation updates all weights in one pass.
    """
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in model.parameters():
        if parameter.requires_grad:
            (decayed if parameter.ndim > 1 else others).append(parameter)
    others += [parameter for parameter in objective.parameters() if parameter.requires_grad]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return AdamW([group for group in groups if group["params"]], lr=learning_rate, betas=betas, fused=True)


def rate_factor(schedule: str, step: int, steps: int, warmup_steps: int = 0) -> float:
    """The factor on the learning rate at batch `step` (from 0) of the `steps` batches of a whole training.

    "constant" is 1. "cosine" falls from 1 to 0, `(1 + cos(pi t)) / 2` with t from 0 to 1 after the warm-up (Loshchilov &
    Hutter 2017, equation 5, one period). In both, the first `warmup_steps` batches rise linearly (Goyal et al. 2017,
    section 2.2). It depends on its arguments only, so a resumed training needs no scheduler state.

    Raises `ValueError` for an unknown schedule.
    """
    if schedule not in SCHEDULES:
        raise ValueError(f"schedule={schedule!r} is unknown. Choose one of {', '.join(SCHEDULES)}.")
    warmup = min(1.0, (step + 1) / (warmup_steps + 1))
    if schedule == "constant":
        return warmup
    progress = max(0, step - warmup_steps) / max(1, steps - warmup_steps)
    return warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def amp_dtype(amp: str, device: torch.device) -> torch.dtype | None:
    """The autocast dtype for a recipe's `amp`: "off", "float16", "bfloat16" or "auto"; None is plain float32.

    "auto" is what a GPU has in hardware (`environment.amp_dtype`), and float32 on the CPU, where the speed of bfloat16
    depends on the network and the processor. Raises `ValueError` for another value.
    """
    if amp == "auto":
        return environment.amp_dtype(device)
    if amp not in DTYPES:
        raise ValueError(f'amp={amp!r} is unknown. Choose "auto", "off", "float16" or "bfloat16".')
    return DTYPES[amp]


def dtype_name(dtype: torch.dtype | None) -> str:
    """ "float32", "bfloat16" or "float16", as a history and a checkpoint record it."""
    return str(dtype).removeprefix("torch.") if dtype else "float32"
