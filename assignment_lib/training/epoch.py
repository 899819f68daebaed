"""How far an epoch has come and what was measured in it: the part of a checkpoint that lies within an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from assignment_lib.batches.loader import Batch, Batches


@dataclass
class Epoch:
    """How far an epoch has come, and what was measured in it so far; a part of the checkpoint."""

    positions: Tensor  # (N,) int64: the images of the epoch in their order
    step: int = 0  # batches done
    seconds: float = 0.0
    names: list[str] = field(default_factory=list)
    sums: Tensor = field(default_factory=lambda: torch.zeros(0))  # (names,) float64
    finite_norms: Tensor = field(
        default_factory=lambda: torch.zeros(())
    )  # batches whose gradient was finite; GradScaler skips the others
    unseen: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # values and image positions since the last look

    def note(self, batch: Batch, total: Tensor, norm: Tensor, losses: dict, weights: dict) -> None:
        """Add one batch's numbers. They stay on the device: asking for one here would make a GPU wait at every step."""
        named = {"loss": total, "gradient_norm": norm}
        named |= {f"loss/{name}": value for name, value in losses.items()}
        named |= {f"weight/{name}": value for name, value in weights.items()}
        values = torch.stack([value.detach().to(total.device, torch.float64) for value in named.values()])
        self.unseen.append((values, batch.index))
        finite = values[1].isfinite()
        values = torch.cat([values[:1], values[1:2].nan_to_num(0.0, 0.0, 0.0), values[2:]])
        if not self.names:
            self.names = list(named)
            self.sums, self.finite_norms = torch.zeros_like(values), torch.zeros_like(values[1])
        self.sums = self.sums + values
        self.finite_norms = self.finite_norms + finite
        self.step += 1

    def look(self, epoch: int, files: Sequence[str], overflow: bool = False) -> None:
        """Raise FloatingPointError if a loss or the gradient since the last look was not finite, naming it and its images.

        `overflow`: a gradient may be infinite, as in float16, where the GradScaler leaves that step out.
        """
        values = torch.stack([values for values, _ in self.unseen])
        losses = [i for i, name in enumerate(self.names) if name.startswith("loss")]
        losses += [] if overflow else [self.names.index("gradient_norm")]
        bad = ~values[:, losses].isfinite()
        if bad.any():
            row = int(bad.any(1).nonzero()[0])
            names = [self.names[losses[i]].removeprefix("loss/") for i in bad[row].nonzero().flatten().tolist()]
            causes = [name for name in names if name not in ("loss", "gradient_norm")]
            what = f"the loss {', '.join(causes or ['total'])}" if "loss" in names or causes else "the gradient"
            images = [files[i] if files else f"image {i}" for i in self.unseen[row][1].tolist()]
            raise FloatingPointError(
                f"{what} is not finite in batch {self.step - len(self.unseen) + row + 1} of epoch "
                f"{epoch}; take a smaller learning_rate, or look at its images ({', '.join(images)}); the checkpoint before "
                "it is kept"
            )
        self.unseen.clear()

    def means(self) -> dict[str, float]:
        """The mean over the batches of everything noted."""
        means: list[float] = (self.sums / self.step).tolist()
        means[1] = float(self.sums[1] / self.finite_norms.clamp(min=1))
        return dict(zip(self.names, means, strict=True))


def begin_epoch(objective: Any, batches: Batches) -> Epoch:
    """Draw an epoch's images. Raises ValueError where most batches hold one identity only and the objective needs two."""
    if hasattr(objective, "new_epoch"):
        objective.new_epoch()
    positions = batches.draw()
    if getattr(objective, "needs_negatives", False) and batches.pids is not None:
        pids = batches.pids.cpu()[positions].split(batches.batch_size)
        alone = sum(bool((of_batch == of_batch[0]).all()) for of_batch in pids)
        if alone > len(pids) / 2:  # one by chance does no harm
            raise ValueError(
                f"{alone} of {len(pids)} batches hold images of one identity only, and a triplet needs a second one; take "
                'sampler="identities" or a larger batch_size in the recipe, or identity_loss="none"'
            )
    return Epoch(positions)
