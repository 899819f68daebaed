"""The first test of a new network: can it learn one batch by heart?"""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn

from assignment_lib.batches.loader import Batch
from assignment_lib.progress import bar
from assignment_lib.training.optimizers import adamw


def overfit(
    model: nn.Module,
    objective: nn.Module,
    batch: Batch,
    steps: int = 60,
    learning_rate: float = 3e-3,
    progress: bool = False,
) -> pd.DataFrame:
    """Train on one batch again and again: a network that cannot learn it by heart has a fault.

    Returns one row a step: "loss", and "accuracy", the share of right attributes in that step's own output. Dropout is
    off: what is asked is whether the network can, not whether it should. Changes `model` and `objective`.
    """
    model.train()
    targets = batch.attributes
    if targets is None:
        raise ValueError("this batch has no attributes, and they are what is learned by heart here")
    for part in model.modules():
        if isinstance(part, nn.Dropout):
            part.eval()
    optimizer = adamw(model, objective, learning_rate, weight_decay=0.0)
    rows = []
    for _ in bar(range(steps), "steps", show=progress):
        output = model(batch.images)
        total, _, _ = objective(output, batch)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        optimizer.step()
        right = torch.stack([logits.argmax(1) == targets[:, i] for i, logits in enumerate(output.attributes.values())])
        rows.append({"loss": float(total.detach()), "accuracy": float(right.float().mean())})
    return pd.DataFrame(rows)
