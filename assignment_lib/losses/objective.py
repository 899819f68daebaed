"""The whole objective of a network of this project: named losses, weighted into one number."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assignment_lib.batches.loader import Batch
from assignment_lib.losses.attribute import attribute_losses
from assignment_lib.losses.identity import CentroidTripletMargin, TripletMargin, pid_cross_entropy
from assignment_lib.losses.multitask import LossBalancedMultitask, multitask
from assignment_lib.models.joint import Output


class Objective(nn.Module):
    """Attribute losses under one multi-task wrapper; that total, PID cross-entropy and an identity loss under a second.

    With the defaults this is the report's final objective (section 2.3.1). `class_weights` is task -> `(C,)` or None for a
    data set without attributes; `pid=False` leaves the PID cross-entropy out; `identity` is name -> loss on embeddings and
    PIDs, empty for none (notebook 03 has neither). `label_smoothing` is that of the PID cross-entropy, `styled_smoothing`
    that of images in another camera's look, where it is larger; the attribute total counts `attribute_scale` times, 1/12
    for the mean instead of the sum of twelve tasks. Attributes of -1 are unknown and left out of losses and accuracies.
    The wrappers' learned parameters are this module's parameters: give them to the optimiser.
    """

    def __init__(
        self,
        class_weights: dict[str, Tensor] | None,
        pid: bool = True,
        identity: dict[str, nn.Module] | None = None,
        gamma: float = 2.0,
        attribute_multitask: str = "uncertainty",
        total_multitask: str = "uncertainty",
        label_smoothing: float = 0.0,
        attribute_scale: float = 1.0,
        styled_smoothing: float = 0.1,
    ):
        super().__init__()
        self.gamma, self.pid = gamma, pid
        self.label_smoothing, self.attribute_scale = label_smoothing, attribute_scale
        self.styled_smoothing = max(label_smoothing, styled_smoothing)
        self.tasks = tuple(class_weights or {})
        for task, weights in (class_weights or {}).items():
            self.register_buffer(f"weight_{task}", weights.clone(), persistent=False)
        self.identity = nn.ModuleDict({"triplet": TripletMargin()} if identity is None else identity)
        self.attribute_weighting = multitask(attribute_multitask, self.tasks) if self.tasks else None
        names = (["attributes"] if self.tasks else []) + (["pid"] if pid else []) + list(self.identity)
        # one loss needs no weighting against others
        self.total_weighting = multitask(total_multitask if len(names) > 1 else "uniform", names)

    @property
    def needs_negatives(self) -> bool:
        """Whether a batch of one identity teaches the identity loss nothing."""
        return any(isinstance(loss, TripletMargin | CentroidTripletMargin) for loss in self.identity.values())

    def new_epoch(self) -> None:
        """To be called before each epoch: some wrappers compare losses with those at its beginning."""
        for wrapper in (self.attribute_weighting, self.total_weighting):
            if isinstance(wrapper, LossBalancedMultitask):
                wrapper.new_epoch()

    def forward(self, output: Output, batch: Batch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """An `Output` and the `Batch` it came from -> the total loss, every named loss, every named weight."""
        losses: dict[str, Tensor] = {}
        named: dict[str, Tensor] = {}
        weights: dict[str, Tensor] = {}
        accuracies: dict[str, Tensor] = {}
        penalty: Tensor | float = 0.0
        if self.attribute_weighting is not None:
            targets = _there(batch.attributes, "attributes")
            class_weights = {task: getattr(self, f"weight_{task}") for task in self.tasks}
            named = attribute_losses(output.attributes, targets, class_weights, self.gamma)
            by_task = {task: _accuracy(output.attributes[task], targets[:, i]) for i, task in enumerate(named)}
            weighted = self.attribute_weighting(named, by_task)
            # the outer weight is to judge how well the attributes are learned; the inner penalty says nothing of that
            # and, being the largest part, would only push that weight down
            losses["attributes"] = (weighted.total - weighted.penalty) * self.attribute_scale
            penalty = weighted.penalty
            accuracies["attributes"] = torch.stack(list(by_task.values())).mean()
            weights |= weighted.weights
        if self.pid:
            logits, pids = _there(output.pid, "PID logits"), _there(batch.pids, "PIDs")
            smoothing: float | Tensor = self.label_smoothing
            if batch.styled is not None:
                smoothing = torch.where(batch.styled, self.styled_smoothing, self.label_smoothing)
            losses["pid"] = pid_cross_entropy(logits, pids, smoothing)
            accuracies["pid"] = _accuracy(logits, pids)
        metric = output.embedding if output.metric is None else output.metric
        for name, loss in self.identity.items():
            losses[name] = loss(metric, batch.pids)
        weighted = self.total_weighting(losses, accuracies)
        return weighted.total + penalty, named | losses, weights | weighted.weights


def _there(values: Tensor | None, name: str) -> Tensor:
    if values is None:
        raise ValueError(f"the objective asks for {name}, which this network or batch does not have")
    return values


def _accuracy(logits: Tensor, target: Tensor) -> Tensor:
    """Among the images whose target is known; NaN where none is."""
    right = (logits.detach().argmax(1) == target).float().sum()  # no class is -1
    return right / (target >= 0).sum()
