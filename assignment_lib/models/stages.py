"""The stages of a backbone: the first ones may keep their weights, the last one may keep its map's size."""

from __future__ import annotations

from typing import Any

from torch import nn

#: Where timm keeps the stem and the stages: EfficientNet and MobileNet; ResNet.
_EFFICIENTNET, _RESNET = ("conv_stem", "bn1", "blocks"), ("conv1", "bn1", "layer1")


def stem_and_stages(network: Any) -> tuple[list[nn.Module], list[nn.Module]]:  # timm's networks share no such class
    """The modules of the stem and the stages of an EfficientNet-like or ResNet-like network of timm.

    Raises ValueError for another architecture.
    """
    if all(hasattr(network, name) for name in _EFFICIENTNET):
        return [network.conv_stem, network.bn1], list(network.blocks)
    if all(hasattr(network, name) for name in _RESNET):
        return [network.conv1, network.bn1], [network.layer1, network.layer2, network.layer3, network.layer4]
    raise ValueError(
        f"frozen_stages and last_stride know the stages of EfficientNets and ResNets, not those of a "
        f"{type(network).__name__}; take -1 and 2, or another backbone"
    )


def first_stages(network: Any, count: int) -> list[nn.Module]:
    """The stem and the first `count` stages; nothing where `count` is -1. Raises ValueError where there are fewer."""
    if count < 0:
        return []
    stem, stages = stem_and_stages(network)
    if count > len(stages):
        raise ValueError(f"frozen_stages={count}, but a {type(network).__name__} has {len(stages)} stages")
    return [*stem, *stages[:count]]


def keep_last_size(network: nn.Module) -> None:
    """Change `network` in place: the last stage that halves the map no longer does, so that it ends twice as large.

    The last stride of 1 of Sun et al. 2018 (section 3.1) and Luo et al. 2019 (section 3.4); weights stay as they are.
    Raises ValueError where something else than a convolution halves the map.
    """
    _, stages = stem_and_stages(network)
    halving = [[module for module in stage.modules() if _stride(module) == 2] for stage in stages]
    last = next(modules for modules in reversed(halving) if modules)
    convolutions = [module for module in last if isinstance(module, nn.Conv2d)]
    if len(convolutions) < len(last):
        raise ValueError(f"last_stride=1 needs a {type(network).__name__} whose convolutions alone halve the map")
    for convolution in convolutions:
        convolution.stride = (1, 1)


def _stride(module: nn.Module) -> int:
    stride: Any = 1 if list(module.children()) else getattr(module, "stride", 1)  # timm's blocks note it too
    return stride[0] if isinstance(stride, tuple) else stride
