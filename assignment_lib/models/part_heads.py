"""Attribute heads that look at stripes of the feature map: hats are above, shoes below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PartHeads(nn.Module):
    """All tasks at once: the whole map (mean and maximum) and horizontal stripes of it -> one linear map to all logits.

    `(B, channels, h, w)` -> task -> `(B, C)`. `tasks` is task -> its classes. The stripes are pooled as in PCB (Sun et al.
    2018, section 3.1), after a 1x1 convolution to `hidden` channels; their number is that of people's parts, not of the
    map's rows, so that any image size works.
    """

    def __init__(
        self,
        channels: int,
        tasks: Mapping[str, Sequence[str]],
        hidden: int = 256,
        dropout: float = 0.3,
        stripes: int = 4,
    ):
        super().__init__()
        self.sizes, self.stripes = {task: len(classes) for task, classes in tasks.items()}, stripes
        width = 2 * channels + stripes * hidden
        self.reduce = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True)
        )
        self.norm, self.dropout = nn.BatchNorm1d(width), nn.Dropout(dropout)
        self.linear = nn.Linear(width, sum(self.sizes.values()))
        nn.init.normal_(self.linear.weight, std=0.005)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        stripes = F.adaptive_avg_pool2d(self.reduce(features), (self.stripes, 1)).flatten(1)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3)), stripes], dim=1)
        logits = self.linear(self.dropout(self.norm(pooled)))
        return dict(zip(self.sizes, logits.split(list(self.sizes.values()), dim=1), strict=True))
