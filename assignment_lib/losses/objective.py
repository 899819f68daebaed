"""The whole objective of a network of this project: named losses, weighted into one number."""

from __future__ import annotations

from torch import Tensor, nn

from assignment_lib.images import Batch
from assignment_lib.losses.attribute import attribute_losses
from assignment_lib.losses.identity import TripletMargin, pid_cross_entropy
from assignment_lib.losses.multitask import multitask
from assignment_lib.models.joint import Output


class Objective(nn.Module):
    """Attribute losses under one multi-task wrapper; that total, PID cross-entropy and triplet under a second one.

    This is the report's final objective (section 2.3.1). `class_weights` is task -> `(C,)` or None for a data set
    without attributes; `identity=False` leaves the PID and triplet losses out (notebook 03). The wrappers' learned
    parameters are this module's parameters: give them to the optimiser.
    """

    def __init__(
        self,
        class_weights: dict[str, Tensor] | None,
        identity: bool = True,
        gamma: float = 2.0,
        attribute_multitask: str = "uncertainty",
        total_multitask: str = "uncertainty",
        triplet_margin: float = 0.3,
        triplet_mining: str = "all",
    ):
        super().__init__()
        self.gamma = gamma
        self.tasks = tuple(class_weights or {})
        for task, weights in (class_weights or {}).items():
            self.register_buffer(f"weight_{task}", weights.clone(), persistent=False)
        self.triplet = TripletMargin(triplet_margin, triplet_mining) if identity else None
        self.attribute_weighting = multitask(attribute_multitask, self.tasks) if self.tasks else None
        names = (["attributes"] if self.tasks else []) + (["pid", "triplet"] if identity else [])
        # one loss needs no weighting against others
        self.total_weighting = multitask(total_multitask if len(names) > 1 else "uniform", names)

    def forward(self, output: Output, batch: Batch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """An `Output` and the `Batch` it came from -> the total loss, every named loss, every named weight."""
        losses, named, weights, penalty = {}, {}, {}, 0.0
        if self.tasks:
            class_weights = {task: getattr(self, f"weight_{task}") for task in self.tasks}
            by_task = attribute_losses(output.attributes, batch.attributes, class_weights, self.gamma)
            weighted = self.attribute_weighting(by_task)
            # the outer weight is to judge how well the attributes are learned; the inner penalty says nothing of that
            # and, being the largest part, would only push that weight down
            losses["attributes"], penalty = weighted.total - weighted.penalty, weighted.penalty
            named |= by_task
            weights |= weighted.weights
        if self.triplet is not None:
            losses["pid"] = pid_cross_entropy(output.pid, batch.pids)
            losses["triplet"] = self.triplet(output.embedding, batch.pids)
        weighted = self.total_weighting(losses)
        return weighted.total + penalty, named | losses, weights | weighted.weights
