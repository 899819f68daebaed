"""Which places speak for a match, and which for an attribute: the maps of `models.explanations`, for two pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from assignment_lib.evaluation.predictions import predict
from assignment_lib.models.explanations import grad_cam, match_map
from assignment_lib.models.joint import JointConvNet
from assignment_lib.models.together import one_of

#: Two images (3, H, W) uint8 -> a map (h, w) of each; an image and a task -> its map.
MatchHeat: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
AttributeHeat: TypeAlias = Callable[[Tensor, str], Tensor]


def match_heat(network: nn.Module) -> MatchHeat | None:
    """A function of two images `(3, H, W)` uint8 to a map `(h, w)` of each: what its places add to their similarity.

    The similarity is that of the embeddings without whitening and mirror images. Of networks together it is the first one's.
    None for a network that is none of this project's.
    """
    one = _one(network)
    if one is None:
        return None

    def heat(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.stack([left, right])
        maps, _ = match_map(one, both, predict(one, both).embeddings.flip(0))
        return maps[0], maps[1]

    return heat


def attribute_heat(network: nn.Module) -> AttributeHeat | None:
    """A function of an image `(3, H, W)` uint8 and a task to the map `(h, w)` of `grad_cam` for the most probable class."""
    one = _one(network)
    if one is None:
        return None
    return lambda image, task: grad_cam(one, image[None], task)[0][0]


def _one(network: nn.Module) -> JointConvNet | None:
    first = one_of(network)
    return first if isinstance(first, JointConvNet) else None
