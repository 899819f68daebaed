"""All that changes while a network learns: what a checkpoint holds and a resumed training takes over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel

from assignment_lib.training import checkpoints, precision, processes
from assignment_lib.training.epoch import Epoch


@dataclass
class Run:
    """All that changes while a network learns, and what a step needs."""

    model: nn.Module
    network: nn.Module  # `model`, wrapped where several processes train it
    objective: nn.Module
    optimizer: AdamW
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

    def parts(self) -> dict[str, Any]:
        """What has a `state_dict`, by the name it has in a checkpoint."""
        parts = {"model": self.model, "objective": self.objective, "optimizer": self.optimizer, "scaler": self.scaler}
        return parts | ({"average": self.average} if self.average is not None else {})

    def save(self, epoch: Epoch | None) -> None:
        """Write `last.pt`: after an epoch, or in the midst of `epoch`."""
        if processes.rank() != 0:
            return
        begun = None
        if epoch is not None:
            begun = {name: value for name, value in vars(epoch).items() if name != "unseen"}
        state = {name: part.state_dict() for name, part in self.parts().items()}
        state |= {
            "fingerprint": self.fingerprint,
            "history": self.history,
            "epoch": begun,
            "amp": precision.dtype_name(self.dtype),
        }
        state["random"] = checkpoints.random_states(self.generators)
        checkpoints.save_last(state, self.folder)

    def restore(self, state: dict) -> Epoch | None:
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
        epoch, device = Epoch(**state["epoch"]), next(self.model.parameters()).device
        epoch.sums, epoch.finite_norms = epoch.sums.to(device), epoch.finite_norms.to(device)
        return epoch
