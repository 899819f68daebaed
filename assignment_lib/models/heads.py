"""Attribute heads: from the shared feature map to the logits of one task. Each is a function of the same form."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def fc_head(channels: int, classes: int, hidden: int = 128, dropout: float = 0.5) -> nn.Sequential:
    """JointNet's head, the report's first: fully connected layers on the averaged feature map.

    `(B, channels, h, w)` -> `(B, classes)`.
    """
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


def conv_head(channels: int, classes: int, hidden: int = 128, dropout: float = 0.5) -> nn.Sequential:
    """JointConvNet's head (report, section 2.2): one 2-D convolution and two linear layers.

    `(B, channels, h, w)` -> `(B, classes)`. The convolution is 1x1, since twelve heads of 3x3 on 1280 channels would
    outweigh the backbone; the map is averaged between the convolution and the linear layers.
    """
    return nn.Sequential(
        nn.Conv2d(channels, hidden, kernel_size=1, bias=False),
        nn.BatchNorm2d(hidden),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(hidden, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


def attention_head(channels: int, classes: int, hidden: int = 128, dropout: float = 0.5) -> nn.Sequential:
    """Self-attention over the feature map's places before they are averaged: the report's idea in its conclusions.

    `(B, channels, h, w)` -> `(B, classes)`. A 1x1 convolution makes tokens of `hidden` numbers, `SelfAttention` lets each
    place look at all others.
    """
    return nn.Sequential(
        nn.Conv2d(channels, hidden, kernel_size=1),
        SelfAttention(hidden),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2) between the places of a feature map, and a residual.

    `(B, channels, h, w)` -> the same shape. A learned position is added to each place, since a hat is not told from a shoe
    by its look alone; it is kept as an 8 x 4 map and resized, so that any image size works. The last projection starts at
    zero: an untrained module passes the map on unchanged, which leaves a pretrained backbone in peace.
    """

    def __init__(self, channels: int, heads: int = 4, width: int = 128):
        super().__init__()
        self.into = nn.Conv2d(channels, width, 1)
        self.position = nn.Parameter(0.02 * torch.randn(1, width, 8, 4))
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.out = nn.Conv2d(width, channels, 1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, features: Tensor) -> Tensor:
        batch, _, height, width = features.shape
        position = F.interpolate(self.position, (height, width), mode="bilinear", align_corners=False)
        tokens = (self.into(features) + position).flatten(2).transpose(1, 2)  # (B, h * w, width)
        tokens = self.norm(tokens)
        attended, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return features + self.out(attended.transpose(1, 2).reshape(batch, -1, height, width))


#: What a recipe can name.
HEADS = {"conv": conv_head, "fc": fc_head, "attention": attention_head}
