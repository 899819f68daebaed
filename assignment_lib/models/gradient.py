"""A part of a gradient."""

from __future__ import annotations

from torch import Tensor


def scale_gradient(values: Tensor, share: float) -> Tensor:
    """`values` unchanged; the gradient that flows back through them is multiplied by `share`: 0 stops it, 1 leaves it."""
    return values if share == 1 else share * values + (1 - share) * values.detach()
