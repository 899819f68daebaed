"""The network that repaints a pedestrian in the look of a camera."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Channels at full size, at a half, at a quarter and at an eighth of it.
WIDTHS = (16, 32, 64, 128)
#: Numbers a place is described by where places are compared (Park et al. 2020 have 256).
PROJECTED = 128


def with_camera(images: Tensor, cameras: Tensor, count: int) -> Tensor:
    """Images `(B, 3, H, W)` and the number of a camera each `(B,)` int64 in [0, count) -> `(B, 3 + count, H, W)`.

    A camera is a plane of ones among planes of zeros, as StarGAN tells its generator the wanted domain (Choi et al. 2018).
    """
    planes = F.one_hot(cameras, count).to(images.dtype)[:, :, None, None]
    return torch.cat([images, planes.expand(-1, -1, *images.shape[2:])], dim=1)


class Translated(NamedTuple):
    """What a `Translator` gives in training."""

    images: Tensor  # (B, 3, H, W) in [0, 1]
    before: list[Tensor]  # of each layer (B * places, PROJECTED): described places of what went in
    after: list[Tensor]  # the same places of what came out


class Generator(nn.Module):
    """A U-Net (Ronneberger et al. 2015) of about a million weights that changes an image by what it adds to it.

    Input `(B, 3 + cameras, H, W)`: RGB in [0, 1] and the planes of `with_camera`; H and W multiples of 8. Output
    `(B, 3, H, W)`, in [0, 1]. The last convolution begins at zero, so that an untrained network gives the image back:
    few steps on two CPU cores are enough where only the look has to change. Instance norms as in CycleGAN (Zhu et al.
    2017, section 7.1), but none at full size on the way down, where colour and brightness have to pass. A norm takes
    away what is the same everywhere, and so the camera: on the way up each has a scale and a shift of its own for every
    camera (Dumoulin et al. 2017, section 2.2), and the last convolution sees the planes again.
    """

    def __init__(self, cameras: int, blocks: int = 3):
        super().__init__()
        full, half, quarter, eighth = WIDTHS
        self.cameras = cameras
        self.stem = nn.Sequential(nn.Conv2d(3 + cameras, full, 3, padding=1), nn.ReLU())
        self.down = nn.ModuleList(
            _layer(small, large, stride=2) for small, large in ((full, half), (half, quarter), (quarter, eighth))
        )
        self.middle = nn.Sequential(*(Residual(eighth) for _ in range(blocks)))
        self.up = nn.ModuleList(
            Up(below + beside, out, cameras)
            for below, beside, out in ((eighth, quarter, quarter), (quarter, half, half), (half, full, full))
        )
        self.last = nn.Conv2d(full + cameras, 3, 3, padding=1)
        _zero(self.last)

    def encode(self, inputs: Tensor) -> list[Tensor]:
        """The feature maps on the way down, from full size to an eighth, the last after the residual blocks."""
        maps = [self.stem(torch.cat([2 * inputs[:, :3] - 1, inputs[:, 3:]], dim=1))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        return [*maps, self.middle(maps[-1])]

    def forward(self, inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The repainted images and the maps of `encode` that they were made from."""
        maps = self.encode(inputs)
        x = maps[-1]
        for layer, beside in zip(self.up, maps[2::-1], strict=True):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0), beside], dim=1), inputs[:, 3:, 0, 0])
        change = self.last(torch.cat([x, inputs[:, 3:].to(x.dtype)], dim=1))
        return (inputs[:, :3] + change).clamp(0, 1), maps


class Translator(nn.Module):
    """A generator, and in training the described places that the contrastive loss compares.

    In evaluation mode `(B, 3 + cameras, H, W)` -> `(B, 3, H, W)`; in training mode -> `Translated`. As in CUT (Park et al.
    2020, section 3) the generator's own way down describes both what goes in and what comes out, here at the raw pixels and
    at four depths, and a small network a layer makes places comparable.
    """

    def __init__(self, cameras: int, blocks: int = 3, places: int = 64):
        super().__init__()
        self.generator = Generator(cameras, blocks)
        self.places = places
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Linear(size, PROJECTED), nn.ReLU(), nn.Linear(PROJECTED, PROJECTED))
            for size in (3, *WIDTHS[1:], WIDTHS[-1])
        )

    def forward(self, inputs: Tensor) -> Tensor | Translated:
        images, maps = self.generator(inputs)
        if not self.training:
            return images
        again = self.generator.encode(torch.cat([images, inputs[:, 3:].to(images.dtype)], dim=1))
        before, after = [], []
        for project, one, other in zip(self.projections, [inputs[:, :3], *maps[1:]], [images, *again[1:]], strict=True):
            size = one.shape[2] * one.shape[3]
            chosen = torch.randperm(size, device=one.device)[: self.places]
            before.append(_at(one, chosen, project))
            after.append(_at(other, chosen, project))
        return Translated(images, before, after)


class Residual(nn.Module):
    """Two convolutions beside a straight line (He et al. 2016), with instance norms."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = _layer(width, width), nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.InstanceNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.second(self.first(x)))


class Up(nn.Module):
    """A convolution and an instance norm whose scale and shift hang on the camera."""

    def __init__(self, inputs: int, outputs: int, cameras: int):
        super().__init__()
        self.layer = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.InstanceNorm2d(outputs)
        self.look = nn.Linear(cameras, 2 * outputs)
        _zero(self.look)

    def forward(self, x: Tensor, camera: Tensor) -> Tensor:
        """`x` `(B, C, H, W)`, `camera` `(B, cameras)`, one of them 1."""
        scale, shift = self.look(camera)[:, :, None, None].chunk(2, dim=1)
        return F.relu(self.norm(self.layer(x)) * (1 + scale) + shift)


def _zero(layer: nn.Conv2d | nn.Linear) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.InstanceNorm2d(outputs), nn.ReLU())


def _at(maps: Tensor, places: Tensor, project: nn.Module) -> Tensor:
    """Maps `(B, C, H, W)` at the same places `(P,)` of each -> `(B * P, PROJECTED)`, image by image."""
    rows = maps.flatten(2)[:, :, places].transpose(1, 2).flatten(0, 1)
    return project(rows)
