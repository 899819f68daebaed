"""From a feature map to one vector an image: the mean, or a generalized mean whose power is learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

POOLINGS = ("mean", "gem")


class GeM(nn.Module):
    """Generalized-mean pooling, `(mean x^p)^(1/p)` over the places of a map: Radenovic et al. 2019, equation 3.

    `(B, channels, h, w)` -> `(B, channels, 1, 1)` float32. p = 1 is the mean, a large p nears the maximum; it is learned, one
    for all channels. Activations below `eps` count as `eps`, since a root of a negative number is none.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6):
        super().__init__()
        self.p, self.eps = nn.Parameter(torch.tensor(p)), eps

    def forward(self, features: Tensor) -> Tensor:
        powers = features.float().clamp(min=self.eps).pow(self.p)
        return powers.mean((2, 3), keepdim=True).pow(1 / self.p)


def pooling(kind: str) -> nn.Module:
    """The pooling a recipe names: one of `POOLINGS`."""
    if kind == "mean":
        return nn.AdaptiveAvgPool2d(1)
    if kind == "gem":
        return GeM()
    raise ValueError(f"the pooling is {', '.join(POOLINGS)}, not {kind!r}")
