"""Logits freed of how common each class was in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class LogitAdjustment(nn.Module):
    """Post-hoc logit adjustment, `f_c(x) - tau log pi_c`: Menon et al. 2021, equation 9.

    A network trained on unbalanced classes says the common ones too often; tau = 1 aims at the mean accuracy of the
    classes, 0 leaves the logits, and between them lie compromises of both. `tasks` is task -> its classes. The priors pi,
    one `(C,)` a task, and tau are buffers, so that a checkpoint carries them; until `set_priors` all classes count as
    equally common, which changes no probability. A class that training never showed keeps its logit.
    """

    def __init__(self, tasks: Mapping[str, Sequence[str]], tau: float):
        super().__init__()
        self.tau: Tensor
        self.register_buffer("tau", torch.tensor(tau))
        for task, classes in tasks.items():
            self.register_buffer(f"prior_{task}", torch.full((len(classes),), 1 / len(classes)))

    def set_priors(self, priors: Mapping[str, Tensor]) -> None:
        """Take over the share of the training images that has each class: task -> `(C,)`, each summing to 1."""
        for task, prior in priors.items():
            getattr(self, f"prior_{task}").copy_(prior)

    def forward(self, logits: dict[str, Tensor]) -> dict[str, Tensor]:
        """Task -> logits `(B, C)` -> the same, adjusted."""
        adjusted = {}
        for task, values in logits.items():
            prior = getattr(self, f"prior_{task}")
            seen = torch.where(prior > 0, prior, 1.0)  # log 0 would always choose a class that no image had
            adjusted[task] = values - self.tau * seen.log()
        return adjusted
