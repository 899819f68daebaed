"""A network whose answers can be worked out by hand."""

import torch
import torch.nn.functional as F
from torch import nn

from assignment_lib.data.attributes import TASKS
from assignment_lib.models.joint import Output


class MeanColor(nn.Module):
    """The embedding is the mean colour; every task's logits are its first numbers."""

    def __init__(self, attributes=True, pid=True):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(5.0))
        self.attributes = attributes
        self.pid_classifier = nn.Linear(3, 2) if pid else None

    def forward(self, images):
        color = images.mean(dim=(2, 3)) * self.scale
        logits = {task: F.pad(color, (0, 10))[:, : len(c)] for task, c in TASKS.items()} if self.attributes else {}
        return Output(color, logits, None)
