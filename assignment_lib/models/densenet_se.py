"""MultiHead DenseNet with squeeze-and-excitation, trained from scratch: the report's first attempt (section 2.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assignment_lib.data.attributes import TASKS
from assignment_lib.models.joint import Output


class SqueezeExcitation(nn.Module):
    """Channel attention of Hu et al. 2018 (equations 2 to 4): each channel is scaled by a number between 0 and 1.

    `(B, channels, h, w)` -> the same shape.
    """

    def __init__(self, channels: int, reduction: int = 8):
        super().__init__()
        hidden = max(1, channels // reduction)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        return features * self.gate(features)


class DenseLayer(nn.Module):
    """BN, ReLU, 3x3 convolution; its `growth` new channels are concatenated to the input (Huang et al. 2017)."""

    def __init__(self, channels: int, growth: int):
        super().__init__()
        self.layer = nn.Sequential(
            nn.BatchNorm2d(channels), nn.ReLU(inplace=True), nn.Conv2d(channels, growth, 3, padding=1, bias=False)
        )

    def forward(self, features: Tensor) -> Tensor:
        return torch.cat([features, self.layer(features)], dim=1)


def dense_block(channels: int, layers: int, growth: int, squeeze_excitation: bool = True) -> nn.Sequential:
    """`layers` dense layers: `(B, channels, h, w)` -> `(B, channels + layers * growth, h, w)`, then channel attention."""
    block = nn.Sequential(*[DenseLayer(channels + i * growth, growth) for i in range(layers)])
    if squeeze_excitation:
        block.append(SqueezeExcitation(channels + layers * growth))
    return block


def transition(channels: int, out_channels: int) -> nn.Sequential:
    """BN, ReLU, 1x1 convolution, 2x2 average pooling: `(B, channels, h, w)` -> `(B, out_channels, h/2, w/2)`."""
    return nn.Sequential(
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, out_channels, 1, bias=False),
        nn.AvgPool2d(2),
    )


class MultiHeadDenseNet(nn.Module):
    """Shared DenseBlocks, and per task a DenseBlock head that ends in a linear layer.

    The three shared blocks have three dense layers each, a head has two; a layer adds `growth` channels. `forward(images)`
    takes float images `(B, 3, H, W)` in [0, 1], H and W multiples of 16, and returns an `Output` whose `pid` is None: this
    network recognises attributes only. Its embedding is the average of the shared feature map.
    """

    def __init__(self, growth: int = 12, squeeze_excitation: bool = True, dropout: float = 0.2):
        super().__init__()
        channels = 2 * growth
        self.stem = nn.Sequential(
            nn.Conv2d(3, channels, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
        )
        self.shared = nn.Sequential()
        for _ in range(3):
            self.shared.append(dense_block(channels, 3, growth, squeeze_excitation))
            channels += 3 * growth
            self.shared.append(transition(channels, channels // 2))
            channels //= 2
        self.heads = nn.ModuleDict()
        for task, classes in TASKS.items():
            self.heads[task] = nn.Sequential(
                dense_block(channels, 2, growth, squeeze_excitation),
                nn.BatchNorm2d(channels + 2 * growth),
                nn.ReLU(inplace=True),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Dropout(dropout),
                nn.Linear(channels + 2 * growth, len(classes)),
            )
        self.embedding_size = channels

    def forward(self, images: Tensor) -> Output:
        features = self.shared(self.stem(images * 2 - 1))
        embedding = features.mean(dim=(2, 3))
        return Output(embedding, {task: head(features) for task, head in self.heads.items()}, None)
