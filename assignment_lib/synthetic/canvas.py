"""The sheet a person is drawn on: rounded bodies, bands and folds in flat colours, with light and shadow apart.

Places are in pixels of a sheet `SCALE` times as large as the 64 x 128 picture; reducing it smooths the edges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from assignment_lib.synthetic.colors import Color
from assignment_lib.synthetic.shapes import Node, Point, along, normals, outline

WIDTH, HEIGHT = 64, 128
SCALE = 3

#: Colours float32 `(128, 64, 3)` in 0..255 and coverage float32 `(128, 64, 1)` in 0..1.
Layer = tuple[np.ndarray, np.ndarray]


class Canvas:
    """Flat colours on one sheet, light and shadow on another; the second is softened before they are multiplied.

    `light`: where it comes from, -1 the left, 1 the right.
    """

    PLAIN = 190  # gray level of the shade sheet that leaves a colour as it is
    # A round body as nested shapes: share of the radius, shift towards the light, brightness.
    ROUND = ((1.0, 0.0, 0.62), (0.82, 0.12, 0.82), (0.58, 0.24, 0.98), (0.28, 0.36, 1.12))

    def __init__(self, light: float) -> None:
        size = (WIDTH * SCALE, HEIGHT * SCALE)
        self.sheet = Image.new("RGBA", size)
        self.shade = Image.new("L", size, self.PLAIN)
        self.draw = ImageDraw.Draw(self.sheet)
        self.tone = ImageDraw.Draw(self.shade)
        self.light = light

    def finish(self) -> Layer:
        """What was drawn, reduced to the size of the picture."""
        colors = np.asarray(self.sheet.reduce(SCALE), np.float32)
        shade = np.asarray(self.shade.reduce(SCALE).filter(ImageFilter.GaussianBlur(0.7)), np.float32) / self.PLAIN
        return np.minimum(colors[..., :3] * shade[..., None], 255), colors[..., 3:] / 255

    def polygon(self, points: Sequence[Point], color: Color, tone: float | None = None) -> None:
        """A flat shape; without `tone` it takes over the shading of what it lies on."""
        if len(points) < 3:
            return
        self.draw.polygon(points, (*color, 255))
        if tone is not None:
            self.tone.polygon(points, int(self.PLAIN * tone))

    def line(self, points: Sequence[Point], color: Color, width: float) -> None:
        """A flat line; `width` in pixels of the picture."""
        if len(points) > 1:
            self.draw.line(points, (*color, 255), max(1, round(width * SCALE)), joint="curve")

    def crease(self, points: Sequence[Point], tone: float, width: float) -> None:
        """A fold or seam: touches the shading only. `width` in pixels of the picture."""
        if len(points) > 1:
            self.tone.line(points, int(self.PLAIN * tone), max(1, round(width * SCALE)), joint="curve")

    def ellipse(
        self, x: float, y: float, half_width: float, half_height: float, color: Color, tone: float | None = None
    ) -> None:
        """A flat oval; without `tone` it takes over the shading of what it lies on."""
        box = (x - half_width, y - half_height, x + half_width, y + half_height)
        self.draw.ellipse(box, (*color, 255))
        if tone is not None:
            self.tone.ellipse(box, int(self.PLAIN * tone))

    def ball(self, x: float, y: float, half_width: float, half_height: float, color: Color) -> None:
        """A rounded oval."""
        self.ellipse(x, y, half_width, half_height, color)
        for share, shift, tone in self.ROUND:
            a, b = half_width * share, half_height * share
            cx, cy = x + self.light * shift * half_width, y - 0.5 * shift * half_height
            self.tone.ellipse((cx - a, cy - b, cx + a, cy + b), int(self.PLAIN * tone))

    def tube(
        self, nodes: Sequence[Node], color: Color, upright: bool = False, ends: str = "", glow: float = 1.0
    ) -> None:
        """A rounded body along `nodes`, `glow` times as bright as others.

        `upright`: cut level (torso, skirt); else across its own axis. `ends`: which ends are round, of "first" and "last";
        the others are cut flat, as a hem is.
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
        """Paint the stretch `start`..`end` (shares of the way along) of a limb in another colour, shading kept."""
        piece = [along(nodes, start + (end - start) * step / 3) for step in range(4)]
        self.draw.polygon(outline(piece, normals(piece), 1.0, 0.0, 0.0), (*color, 255))
