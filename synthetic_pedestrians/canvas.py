"""The drawing surface: outlines of rounded shapes, colour classes as RGB, flat colours with separate shading.

Coordinates are pixels of a canvas `SCALE` times as large as the 64 x 128 image; the reduction smooths the edges.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

#: A stream of random numbers.
Rng = np.random.Generator
#: A point of the canvas, (x, y).
Point = tuple[float, float]
#: A point of the body, (x, y, z): across the shoulders, up, forward.
Place = tuple[float, float, float]
#: A point of the canvas with the radius of the body there, (x, y, radius).
Node = tuple[float, float, float]
#: Red, green, blue, each 0..255.
Color = tuple[int, int, int]
#: Colours float32 `(128, 64, 3)` in 0..255 and coverage float32 `(128, 64, 1)` in 0..1.
Layer = tuple[np.ndarray, np.ndarray]

WIDTH, HEIGHT = 64, 128
SCALE = 3
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
#: All colour classes except multicolor.
COLORS = tuple(_CLASSES)


def toward(start: Place, end: Place, share: float) -> Place:
    """Interpolate from `start` (share 0) to `end` (share 1); a share above 1 extrapolates."""
    return (
        start[0] + (end[0] - start[0]) * share,
        start[1] + (end[1] - start[1]) * share,
        start[2] + (end[2] - start[2]) * share,
    )


def along(nodes: Sequence[Node], share: float) -> Node:
    """Return the node at a share 0..1 of the way along a chain; all pieces of the chain count equally."""
    position = min(max(share, 0.0), 1.0) * (len(nodes) - 1)
    index = min(int(position), len(nodes) - 2)
    return toward(nodes[index], nodes[index + 1], position - index)


def normals(nodes: Sequence[Node]) -> list[Point]:
    """Return the unit vector perpendicular to the chain at each node."""
    across = []
    for index in range(len(nodes)):
        before, after = nodes[max(index - 1, 0)], nodes[min(index + 1, len(nodes) - 1)]
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = math.hypot(dx, dy) or 1.0
        across.append((dy / length, -dx / length))
    return across


def outline(
    nodes: Sequence[Node], across: Sequence[Point], share: float, shift: float, light: float, margin: float = 0.0
) -> list[Point]:
    """Return the edge of a chain: `share` times its radius plus `margin`, moved `shift` radii towards the light."""
    left, right = [], []
    for (x, y, radius), (nx, ny) in zip(nodes, across, strict=True):
        move = shift * radius * (nx * light - 0.35 * ny)
        reach = radius * share + margin
        left.append((x + nx * (move - reach), y + ny * (move - reach)))
        right.append((x + nx * (move + reach), y + ny * (move + reach)))
    return left + right[::-1]


def visible_span(angle: float, half: float, edge: float) -> tuple[float, float] | None:
    """Return the part of `angle` +- `half` within +- `edge` of the camera direction (radians), None if there is none."""
    turned = (angle + math.pi) % (2 * math.pi) - math.pi
    low, high = max(turned - half, -edge), min(turned + half, edge)
    return (low, high) if low < high else None


def from_hsv(hue: float, saturation: float, value: float) -> Color:
    """Convert hue (degrees), saturation and value (clipped to 0..1) to RGB."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return int(255 * red), int(255 * green), int(255 * blue)


def shade(name: str, hue: float, saturation: float, value: float) -> Color:
    """Return a shade of the colour class `name`; the three numbers in [0, 1) select it within the class."""
    center, spread, low_s, high_s, low_v, high_v = _CLASSES[name]
    return from_hsv(
        center + spread * (2 * hue - 1), low_s + (high_s - low_s) * saturation, low_v + (high_v - low_v) * value
    )


def scaled(color: Color, factor: float) -> Color:
    """Make `color` darker (factor below 1) or lighter (above 1)."""
    red, green, blue = (int(min(255, channel * factor)) for channel in color)
    return red, green, blue


def random_color(rng: Rng, low: float, high: float) -> Color:
    """Draw three channels uniformly from `low`..`high`."""
    red, green, blue = (int(channel) for channel in rng.uniform(low, high, 3))
    return red, green, blue


def pick(choices: Sequence[str], number: float) -> str:
    """Select the choice that a number in [0, 1) falls on."""
    return choices[int(number * len(choices))]


class Canvas:
    """Flat colours in one image and shading in another, which is blurred before the two are multiplied.

    `light` is the direction of the light, from -1 (left) to 1 (right).
    """

    PLAIN = 190  # gray level of the shading that leaves a colour unchanged
    # Nested shapes that make a body look round: share of the radius, shift towards the light, brightness.
    ROUND = ((1.0, 0.0, 0.62), (0.82, 0.12, 0.82), (0.58, 0.24, 0.98), (0.28, 0.36, 1.12))

    def __init__(self, light: float) -> None:
        size = (WIDTH * SCALE, HEIGHT * SCALE)
        self.colors = Image.new("RGBA", size)
        self.shading = Image.new("L", size, self.PLAIN)
        self.draw = ImageDraw.Draw(self.colors)
        self.tone = ImageDraw.Draw(self.shading)
        self.light = light

    def finish(self) -> Layer:
        """Return the drawing, reduced to the size of the image."""
        colors = np.asarray(self.colors.reduce(SCALE), np.float32)
        shading = np.asarray(self.shading.reduce(SCALE).filter(ImageFilter.GaussianBlur(0.7)), np.float32) / self.PLAIN
        return np.minimum(colors[..., :3] * shading[..., None], 255), colors[..., 3:] / 255

    def polygon(self, points: Sequence[Point], color: Color, tone: float | None = None) -> None:
        """Draw a flat shape; without `tone` the shading below it stays."""
        if len(points) < 3:
            return
        self.draw.polygon(points, (*color, 255))
        if tone is not None:
            self.tone.polygon(points, int(self.PLAIN * tone))

    def line(self, points: Sequence[Point], color: Color, width: float) -> None:
        """Draw a flat line; `width` in pixels of the image."""
        if len(points) > 1:
            self.draw.line(points, (*color, 255), max(1, round(width * SCALE)), joint="curve")

    def crease(self, points: Sequence[Point], tone: float, width: float) -> None:
        """Draw a fold or seam, which changes the shading only; `width` in pixels of the image."""
        if len(points) > 1:
            self.tone.line(points, int(self.PLAIN * tone), max(1, round(width * SCALE)), joint="curve")

    def ellipse(self, x: float, y: float, rx: float, ry: float, color: Color, tone: float | None = None) -> None:
        """Draw a flat oval; without `tone` the shading below it stays."""
        box = (x - rx, y - ry, x + rx, y + ry)
        self.draw.ellipse(box, (*color, 255))
        if tone is not None:
            self.tone.ellipse(box, int(self.PLAIN * tone))

    def ball(self, x: float, y: float, rx: float, ry: float, color: Color) -> None:
        """Draw a rounded oval."""
        self.ellipse(x, y, rx, ry, color)
        for share, shift, tone in self.ROUND:
            a, b = rx * share, ry * share
            cx, cy = x + self.light * shift * rx, y - 0.5 * shift * ry
            self.tone.ellipse((cx - a, cy - b, cx + a, cy + b), int(self.PLAIN * tone))

    def tube(self, nodes: Sequence[Node], color: Color, upright: bool = False, ends: str = "", glow: float = 1) -> None:
        """Draw a rounded body along `nodes`, with brightness `glow`.

        `upright` cuts it horizontally (torso, skirt), otherwise across its axis. `ends` names the round ends, "first" and
        "last"; other ends are flat, like a hem.
        """
        across = [(1.0, 0.0)] * len(nodes) if upright else normals(nodes)
        self.tone.polygon(outline(nodes, across, 1.0, 0.0, self.light, 0.9 * SCALE), int(self.PLAIN * 0.6))
        self.draw.polygon(outline(nodes, across, 1.0, 0.0, self.light), (*color, 255))
        for name, (x, y, radius) in (("first", nodes[0]), ("last", nodes[-1])):
            if name in ends:
                self.ball(x, y, radius, radius, color)
        for share, shift, tone in self.ROUND:
            self.tone.polygon(outline(nodes, across, share, shift, self.light), int(self.PLAIN * tone * glow))

    def band(self, nodes: Sequence[Node], start: float, end: float, color: Color) -> None:
        """Recolour the stretch `start`..`end` (shares of the length) of a limb and keep its shading."""
        piece = [along(nodes, start + (end - start) * step / 3) for step in range(4)]
        self.draw.polygon(outline(piece, normals(piece), 1.0, 0.0, 0.0), (*color, 255))
