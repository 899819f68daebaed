"""What moves the weights: parameter groups, the learning rate's schedule, and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel

SCHEDULES = ("constant", "cosine", "plateau")


def parameter_groups(
    model: nn.Module, learning_rate: float, weight_decay: float, backbone_rate: float = 1.0
) -> list[dict]:
    """The trainable parameters of `model` in at most four groups, each with its name, learning rate and weight decay.

    Norms and biases (all parameters of fewer than two dimensions) are not decayed: pulling them to zero does not simplify
    a network (He et al. 2019, section 3.1). The backbone, the parameters under `features.`, learns at `backbone_rate`
    times `learning_rate`: pretrained weights may need smaller steps than heads that begin at random.
    """
    groups: dict[str, dict] = {}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        backbone, decayed = name.startswith("features."), parameter.ndim > 1
        label = f"{'backbone' if backbone else 'heads'}{'' if decayed else ' (norms, biases)'}"
        rate = learning_rate * (backbone_rate if backbone else 1.0)
        group = {"name": label, "params": [], "lr": rate, "weight_decay": weight_decay if decayed else 0.0}
        groups.setdefault(label, group)["params"].append(parameter)
    return list(groups.values())


def adamw(
    model: nn.Module,
    objective: nn.Module,
    learning_rate: float,
    weight_decay: float = 1e-2,
    backbone_rate: float = 1.0,
    betas: tuple[float, float] = (0.9, 0.999),
) -> AdamW:
    """AdamW (Loshchilov & Hutter 2019) over a network and its objective's own parameters, which are never decayed.

    The fused form does the same update in one pass over the weights.
    """
    groups = parameter_groups(model, learning_rate, weight_decay, backbone_rate)
    of_objective = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    if of_objective:
        groups.append({"name": "objective", "params": of_objective, "lr": learning_rate, "weight_decay": 0.0})
    for group in groups:
        group["initial_lr"] = group["lr"]  # where torch's own schedulers keep it too
    return AdamW(groups, betas=betas, fused=True)


def set_learning_rate(optimizer: AdamW, factor: float) -> None:
    """Every group's learning rate to `factor` times the one it was made with."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def rate_factor(
    kind: str, step: int, steps: int, warmup_steps: int = 0, scores: Sequence[float] = (), patience: int = 2
) -> float:
    """What the learning rate is multiplied by at batch `step` (from 0) of `steps` in the whole training.

    "constant" is 1. "cosine" falls from 1 to 0, `(1 + cos(pi t)) / 2` with t from 0 to 1 after the warm-up (Loshchilov &
    Hutter 2017, equation 5, one period). "plateau" is a tenth for every time that more than `patience` epochs in a row
    brought no better score, `scores` being those of the epochs so far (torch's ReduceLROnPlateau with threshold 0). In
    all three the first `warmup_steps` batches rise linearly (Goyal et al. 2017, section 2.2).

    A function of what has happened and nothing else, so that a resumed run needs no scheduler's state.
    """
    if kind not in SCHEDULES:
        raise ValueError(f"the schedule is {', '.join(SCHEDULES)}, not {kind!r}")
    warmup = min(1.0, (step + 1) / (warmup_steps + 1))
    if kind == "cosine":
        done = max(0, step - warmup_steps) / max(1, steps - warmup_steps)
        return warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    if kind == "plateau":
        return warmup * 0.1 ** _plateaus(scores, patience)
    return warmup


def _plateaus(scores: Sequence[float], patience: int) -> int:
    plateaus, waited, best = 0, 0, -math.inf
    for score in scores:
        best, waited = (score, 0) if score > best else (best, waited + 1)
        if waited > patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus


class MovingAverage(AveragedModel):
    """torch's, in a form that no GPU is waited for: torch sends the count of updates there, which this average ignores."""

    def __init__(self, model: nn.Module, decay: float):
        super().__init__(model, use_buffers=True)
        self.decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take over `model` at the first call, and a part of it, 1 - decay, at each later one. Counts are taken over whole."""
        share = 1.0 if self.n_averaged == 0 else 1 - self.decay  # the count is on the CPU, wherever the network is
        ours = [*self.module.parameters(), *self.module.buffers()]
        pairs = list(zip(ours, [*model.parameters(), *model.buffers()], strict=True))
        averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([own for own, _ in averaged], [new for _, new in averaged], share)
        for own, new in pairs:
            if not own.is_floating_point():
                own.copy_(new)
        self.n_averaged += 1


def moving_average(model: nn.Module, decay: float) -> MovingAverage:
    """A copy of `model` whose weights and running statistics follow it: `average = decay * average + (1 - decay) * model`.

    Call its `update_parameters(model)` after every step; `.module` is the averaged network.
    """
    return MovingAverage(model, decay)
