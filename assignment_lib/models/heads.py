"""Attribute heads, richer embeddings and logit adjustment: the modules on top of the shared feature map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.data.attributes import N_CLASSES


def fc_head(channels: int, classes: int, hidden: int = 128, dropout: float = 0.5) -> nn.Sequential:
    """JointNet's head, the report's first: two linear layers on the averaged map, `(B, channels, h, w)` -> `(B, classes)`."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(channels, hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


def conv_head(channels: int, classes: int, hidden: int = 128, dropout: float = 0.5) -> nn.Sequential:
    """JointConvNet's head (report, section 2.2): a convolution, the average of the map and two linear layers.

    `(B, channels, h, w)` -> `(B, classes)`. The convolution is 1x1, since twelve heads of 3x3 on 1280 channels would have
    more parameters than the backbone.
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
    """Self-attention between the positions of the feature map before they are averaged (report, conclusions).

    `(B, channels, h, w)` -> `(B, classes)`. The tokens are the positions after a 1x1 convolution to `hidden` channels.
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
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2) between the positions of a feature map, with a residual.

    `(B, channels, h, w)` -> the same shape. The learned position embedding is an 8 x 4 map that is resized, so any image
    size works. The last projection starts at zero, so an untrained module returns its input.
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
        tokens = self.norm((self.into(features) + position).flatten(2).transpose(1, 2))  # (B, h * w, width)
        attended, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return features + self.out(attended.transpose(1, 2).reshape(batch, -1, height, width))


#: The values of a recipe's `head`, apart from "parts" (`PartHeads`).
HEADS = {"conv": conv_head, "fc": fc_head, "attention": attention_head}


#: Horizontal stripes of `PartHeads`.
STRIPES = 4


class PartHeads(nn.Module):
    """All tasks in one linear layer on the mean and the maximum of the whole map and on horizontal stripes of it.

    `(B, channels, h, w)` -> task -> `(B, C)`. `tasks` is task -> its classes. The four stripes are pooled as in PCB (Sun et
    al. 2018, section 3.1), after a 1x1 convolution to `hidden` channels; maps of any height have four.
    """

    def __init__(self, channels: int, tasks: Mapping[str, Sequence[str]], hidden: int = 256, dropout: float = 0.3):
        super().__init__()
        self.sizes = {task: len(classes) for task, classes in tasks.items()}
        width = 2 * channels + STRIPES * hidden
        self.reduce = nn.Sequential(
            nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU(inplace=True)
        )
        self.norm, self.dropout = nn.BatchNorm1d(width), nn.Dropout(dropout)
        self.linear = nn.Linear(width, sum(self.sizes.values()))
        nn.init.normal_(self.linear.weight, std=0.005)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> dict[str, Tensor]:
        stripes = F.adaptive_avg_pool2d(self.reduce(features), (STRIPES, 1)).flatten(1)
        pooled = torch.cat([features.mean((2, 3)), features.amax((2, 3)), stripes], dim=1)
        logits = self.linear(self.dropout(self.norm(pooled)))
        return dict(zip(self.sizes, logits.split(list(self.sizes.values()), dim=1), strict=True))


#: The values of a recipe's `embedding`.
EMBEDDINGS = ("plain", "concatenated", "reweighted")


class RichEmbedding(nn.Module):
    """`(B, D)` embedding and the attribute logits -> `(B, D + 41)`.

    "concatenated" appends the 41 attribute probabilities. "reweighted" is the Attribute Re-weighting Module of Lin et al.
    2019 (section 3.3), which first multiplies the probabilities a by confidence scores c = sigmoid(V a + b).
    Raises `ValueError` for another `kind`.
    """

    def __init__(self, kind: str):
        super().__init__()
        if kind not in EMBEDDINGS[1:]:
            raise ValueError(f"embedding={kind!r} is unknown; pass one of {', '.join(EMBEDDINGS)}")
        self.confidence = nn.Linear(N_CLASSES, N_CLASSES) if kind == "reweighted" else None

    def forward(self, embedding: Tensor, attributes: dict[str, Tensor]) -> Tensor:
        probabilities = torch.cat([logits.float().softmax(1) for logits in attributes.values()], dim=1)
        if self.confidence is not None:
            probabilities = probabilities * self.confidence(probabilities).sigmoid()
        return torch.cat([embedding, probabilities.to(embedding.dtype)], dim=1)


class LogitAdjustment(nn.Module):
    """Post-hoc logit adjustment, `f_c(x) - tau log pi_c`: Menon et al. 2021, equation 9.

    A network trained on unbalanced classes predicts the common ones too often. tau = 1 optimises the mean accuracy of the
    classes, tau = 0 keeps the logits. `tasks` is task -> its classes. The priors pi, task -> `(C,)`, are the class shares of
    the training images; without them all are equal, which changes no probability. tau and pi are buffers, so a checkpoint
    carries them. A class without training images keeps its logit.
    """

    def __init__(self, tasks: Mapping[str, Sequence[str]], tau: float, priors: Mapping[str, Tensor] | None = None):
        super().__init__()
        self.tau: Tensor
        self.register_buffer("tau", torch.tensor(tau))
        for task, classes in tasks.items():
            prior = torch.full((len(classes),), 1 / len(classes)) if priors is None else priors[task].clone()
            self.register_buffer(f"prior_{task}", prior)

    def forward(self, logits: dict[str, Tensor]) -> dict[str, Tensor]:
        """Task -> logits `(B, C)`; returns adjusted logits of the same shapes."""
        adjusted = {}
        for task, values in logits.items():
            prior = getattr(self, f"prior_{task}").to(values.device)  # predictions on the CPU may be adjusted, too
            prior = torch.where(prior > 0, prior, 1.0)  # -log 0 would make a class without images win always
            adjusted[task] = values - self.tau.to(values.device) * prior.log()
        return adjusted
