"""Attribute heads, richer embeddings and logit adjustment: the small modules on top of the shared feature map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.data.attributes import N_CLASSES


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


EMBEDDINGS = ("plain", "concatenated", "reweighted")


class RichEmbedding(nn.Module):
    """`(B, D)` embedding and the attribute logits -> `(B, D + 41)`.

    "concatenated" appends the 41 attribute probabilities. "reweighted" is the Attribute Re-weighting Module of Lin et al.
    2019 (section 3.3): the probabilities a are multiplied by confidence scores c = sigmoid(V a + b) before that, so that
    an attribute can trust another one that is easier to see.
    """

    def __init__(self, kind: str):
        super().__init__()
        if kind not in EMBEDDINGS[1:]:
            raise ValueError(f"the embedding is {', '.join(EMBEDDINGS)}, not {kind!r}")
        self.confidence = nn.Linear(N_CLASSES, N_CLASSES) if kind == "reweighted" else None

    def forward(self, embedding: Tensor, attributes: dict[str, Tensor]) -> Tensor:
        probabilities = torch.cat([logits.float().softmax(1) for logits in attributes.values()], dim=1)
        if self.confidence is not None:
            probabilities = probabilities * self.confidence(probabilities).sigmoid()
        return torch.cat([embedding, probabilities.to(embedding.dtype)], dim=1)


class LogitAdjustment(nn.Module):
    """Post-hoc logit adjustment, `f_c(x) - tau log pi_c`: Menon et al. 2021, equation 9.

    A network trained on unbalanced classes says the common ones too often; tau = 1 aims at the mean accuracy of the
    classes, 0 leaves the logits, and between them lie compromises of both. `tasks` is task -> its classes. The priors pi,
    one `(C,)` a task, and tau are buffers, so that a checkpoint carries them; until `set_priors` all classes count as
    equally common, which changes no probability. A class that training never showed keeps its logit.
    """

    def __init__(self, tasks: Mapping[str, Sequence[str]], tau: float):
        super().__init__()
        self.tau: Tensor
        self.register_buffer("tau", torch.tensor(tau))
        for task, classes in tasks.items():
            self.register_buffer(f"prior_{task}", torch.full((len(classes),), 1 / len(classes)))

    def set_priors(self, priors: Mapping[str, Tensor]) -> None:
        """Take over the share of the training images that has each class: task -> `(C,)`, each summing to 1."""
        for task, prior in priors.items():
            getattr(self, f"prior_{task}").copy_(prior)

    def forward(self, logits: dict[str, Tensor]) -> dict[str, Tensor]:
        """Task -> logits `(B, C)` -> the same, adjusted."""
        adjusted = {}
        for task, values in logits.items():
            prior = getattr(self, f"prior_{task}")
            seen = torch.where(prior > 0, prior, 1.0)  # log 0 would always choose a class that no image had
            adjusted[task] = values - self.tau * seen.log()
        return adjusted
