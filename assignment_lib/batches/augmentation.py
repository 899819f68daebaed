"""How often and how far each of the seven random transforms goes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

#: The seven, in the report's order; each is also the name of its probability in `Augmentation`.
TRANSFORMS = ("rotation", "color_jitter", "flip", "erasing", "affine", "perspective", "sharpness")


@dataclass(frozen=True)
class Augmentation:
    """How often and how far each transform goes. A field named like a transform is its probability; 0 switches it off.

    Ranges follow torchvision: `degrees` and `shear` in degrees either way, `translate` in shares of width and height,
    `brightness`, `contrast`, `saturation` as factors in 1 ± x, `hue` in turns either way (small, since colours are
    labels), `distortion` as the share of the half side by which a corner moves inwards, `erasing_scale` the erased share
    of the area and `erasing_ratio` its height divided by its width. The defaults are mild, for upright people in 128x64.

    Raises ValueError, in one sentence, where a value is out of its range.
    """

    rotation: float = 1.0
    degrees: float = 10.0
    color_jitter: float = 1.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.2
    hue: float = 0.02
    flip: float = 0.5
    erasing: float = 0.3
    erasing_scale: tuple[float, float] = (0.02, 0.2)
    erasing_ratio: tuple[float, float] = (0.3, 3.3)
    affine: float = 1.0
    translate: tuple[float, float] = (0.05, 0.05)
    scale: tuple[float, float] = (0.9, 1.1)
    shear: float = 5.0
    perspective: float = 0.3
    distortion: float = 0.2
    sharpness: float = 0.3
    sharpness_range: tuple[float, float] = (0.5, 2.0)

    def __post_init__(self) -> None:
        for field in fields(self):  # lists, as they come back from JSON, become tuples: equality and hash stay
            if isinstance(getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(getattr(self, field.name)))
        for name in TRANSFORMS:
            _require(0 <= getattr(self, name) <= 1, f"{name}={getattr(self, name)} is a probability, between 0 and 1")
        for name in ("brightness", "contrast", "saturation"):
            _require(getattr(self, name) >= 0, f"{name}={getattr(self, name)} must not be negative")
        _require(0 <= self.hue <= 0.5, f"hue={self.hue} is in turns, between 0 and 0.5")
        _require(0 <= self.distortion <= 1, f"distortion={self.distortion} is a share, between 0 and 1")
        _require(abs(self.shear) < 90, f"shear={self.shear} degrees must stay below 90")
        _require(all(0 <= share <= 1 for share in self.translate), f"translate={self.translate} are shares, 0 to 1")
        for name, least in (("scale", 1e-3), ("erasing_scale", 0), ("erasing_ratio", 1e-3), ("sharpness_range", 0)):
            low, high = getattr(self, name)
            _require(least <= low <= high, f"{name}={low, high} must be (low, high) with low at least {least:g}")


def only(name: str, settings: Augmentation | None = None) -> Augmentation:
    """`settings` (the defaults where None) with the transform `name` certain and the six others off.

    Raises ValueError where `name` is none of `TRANSFORMS`.
    """
    _require(name in TRANSFORMS, f"{name!r} is none of the transforms {', '.join(TRANSFORMS)}")
    probabilities: dict[str, Any] = {other: float(other == name) for other in TRANSFORMS}
    return replace(settings or Augmentation(), **probabilities)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
