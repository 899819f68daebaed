"""The objective of a network: named losses, weighted into one total."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.batches.loader import Batch
from assignment_lib.losses.attribute import attribute_losses
from assignment_lib.losses.identity import CentroidTripletMargin, TripletMargin, identity_loss
from assignment_lib.losses.multitask import LossBalancedMultitask, multitask
from assignment_lib.models.joint import Output


@dataclass(frozen=True)
class ObjectiveSettings:
    """The objective of a recipe. The defaults are the report's final objective (section 2.3.1)."""

    attribute_losses: bool = True  # False: re-identification only
    gamma: float = 2.0  # of the focal loss; 0 is the weighted cross-entropy
    class_weighting: float = 1.0  # power of the class weights; 0: unweighted
    attribute_scale: float = 1.0  # factor of the sum of the attribute losses; 1/12 makes it their mean
    multitask: str = "uncertainty"  # among attributes and in the total; or "uniform", "balanced", "priority"
    pid_loss: bool = True
    label_smoothing: float = 0.0  # of the PID loss
    identity_loss: str = "triplet"  # or "centroid", "center", "island", "none" (identity.py)
    triplet_mining: str = "all"  # or "hard", "semihard"


class Objective(nn.Module):
    """Attribute losses under one multi-task weighting; their total, the PID loss and an identity loss under a second one.

    `class_weights` is task -> `(C,)`, or None for data without attributes. `n_pids` and `embedding_size` are the network's;
    with `n_pids=0` only attributes are learned (notebook 03). Attributes of -1 are unknown and excluded. The learned weights
    are parameters of this module: pass them to the optimiser. Raises `ValueError` for an unknown weighting or loss.
    """

    def __init__(
        self,
        settings: ObjectiveSettings,
        class_weights: dict[str, Tensor] | None,
        n_pids: int = 0,
        embedding_size: int = 0,
    ):
        super().__init__()
        self.settings = settings
        self.pid = bool(n_pids) and settings.pid_loss
        weights = class_weights if class_weights and settings.attribute_losses else {}
        self.tasks = tuple(weights)
        for task, values in weights.items():
            self.register_buffer(f"weight_{task}", values**settings.class_weighting, persistent=False)
        kind = settings.identity_loss if n_pids else "none"
        loss = identity_loss(kind, n_pids, embedding_size, settings.triplet_mining)
        self.identity = nn.ModuleDict({} if loss is None else {kind: loss})
        self.attribute_weighting = multitask(settings.multitask, self.tasks) if self.tasks else None
        names = (["attributes"] if self.tasks else []) + (["pid"] if self.pid else []) + list(self.identity)
        # A single loss needs no weight.
        self.total_weighting = multitask(settings.multitask if len(names) > 1 else "uniform", names)

    @property
    def needs_negatives(self) -> bool:
        """Whether the identity loss learns nothing from a batch of one identity."""
        return any(isinstance(loss, TripletMargin | CentroidTripletMargin) for loss in self.identity.values())

    def new_epoch(self) -> None:
        """Call before each epoch: loss-balanced weighting compares losses with those of the epoch's first batch."""
        for weighting in (self.attribute_weighting, self.total_weighting):
            if isinstance(weighting, LossBalancedMultitask):
                weighting.new_epoch()

    def forward(self, output: Output, batch: Batch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """The total loss, every named loss and every named weight of an `Output` and its `Batch`; all scalars."""
        task_losses: dict[str, Tensor] = {}
        losses: dict[str, Tensor] = {}
        weights: dict[str, Tensor] = {}
        accuracies: dict[str, Tensor] = {}
        penalty: Tensor | float = 0.0
        if self.attribute_weighting is not None:
            targets = _required(batch.attributes, "attributes")
            class_weights = {task: getattr(self, f"weight_{task}") for task in self.tasks}
            task_losses = attribute_losses(output.attributes, targets, class_weights, self.settings.gamma)
            by_task = {task: _accuracy(output.attributes[task], targets[:, i]) for i, task in enumerate(task_losses)}
            weighted = self.attribute_weighting(task_losses, by_task)
            # The outer weight depends on how well attributes are learned. The inner penalty does not, and as the largest
            # term it would only lower that weight.
            losses["attributes"] = (weighted.total - weighted.penalty) * self.settings.attribute_scale
            penalty = weighted.penalty
            accuracies["attributes"] = torch.stack(list(by_task.values())).mean()
            weights |= weighted.weights
        if self.pid:
            logits, pids = _required(output.pid, "PID logits"), _required(batch.pids, "PIDs")
            losses["pid"] = F.cross_entropy(logits.float(), pids, label_smoothing=self.settings.label_smoothing)
            accuracies["pid"] = _accuracy(logits, pids)
        metric = output.embedding if output.metric is None else output.metric
        for name, loss in self.identity.items():
            losses[name] = loss(metric, batch.pids)
        weighted = self.total_weighting(losses, accuracies)
        return weighted.total + penalty, task_losses | losses, weights | weighted.weights


def _required(values: Tensor | None, name: str) -> Tensor:
    if values is None:
        raise ValueError(f"the objective needs {name}, but the network or batch has none; change the recipe")
    return values


def _accuracy(logits: Tensor, target: Tensor) -> Tensor:
    """Among the images with a known target; NaN where there is none."""
    correct = (logits.detach().argmax(1) == target).float().sum()  # no class is -1
    return correct / (target >= 0).sum()
