"""The colour classes of the clothes as RGB: a shade within a class, and lighter or darker than another."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")
#: Red, green, blue, each 0..255.
Color = tuple[int, int, int]

#: Colour class -> hue and its spread (degrees), lowest and highest saturation, lowest and highest value.
_CLASSES = {
    "black": (230, 40, 0.05, 0.30, 0.08, 0.17),
    "white": (60, 60, 0.00, 0.06, 0.88, 0.98),
    "red": (356, 9, 0.72, 0.92, 0.58, 0.86),
    "purple": (282, 14, 0.45, 0.70, 0.38, 0.66),
    "yellow": (50, 6, 0.65, 0.90, 0.82, 0.96),
    "gray": (220, 40, 0.00, 0.08, 0.40, 0.58),
    "blue": (216, 13, 0.50, 0.85, 0.36, 0.78),
    "green": (128, 28, 0.42, 0.75, 0.32, 0.66),
    "pink": (340, 9, 0.32, 0.52, 0.88, 0.98),
    "brown": (26, 6, 0.42, 0.62, 0.28, 0.46),
}
#: The names of all colour classes but multicolor.
NAMES = tuple(_CLASSES)


def from_hsv(hue: float, saturation: float, value: float) -> Color:
    """Hue in degrees, saturation and value in 0..1 (cut off there) -> RGB."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return int(255 * red), int(255 * green), int(255 * blue)


def shade(name: str, hue: float, saturation: float, value: float) -> Color:
    """A shade of the colour class `name`; the three numbers in [0, 1) choose within the class."""
    center, spread, low_s, high_s, low_v, high_v = _CLASSES[name]
    return from_hsv(
        center + spread * (2 * hue - 1), low_s + (high_s - low_s) * saturation, low_v + (high_v - low_v) * value
    )


def scaled(color: Color, factor: float) -> Color:
    """`color` made darker (below 1) or lighter (above 1)."""
    red, green, blue = (int(min(255, channel * factor)) for channel in color)
    return red, green, blue


def random_color(rng: np.random.Generator, low: float, high: float) -> Color:
    """Three channels drawn from `low`..`high`."""
    red, green, blue = (int(channel) for channel in rng.uniform(low, high, 3))
    return red, green, blue


def pick(choices: Sequence[Choice], number: float) -> Choice:
    """The choice that a number in [0, 1) falls on."""
    return choices[int(number * len(choices))]
