"""Attribute heads: from the shared feature map to the logits of one task."""

from __future__ import annotations

from torch import nn


def conv_head(channels: int, classes: int, hidden: int = 128, dropout: float = 0.5) -> nn.Sequential:
    """JointConvNet's head (report, section 2.2): one 2-D convolution and two linear layers.

    `(B, channels, h, w)` -> `(B, classes)`. The convolution is 1x1 where twelve heads of 3x3 on 1280 channels would
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
