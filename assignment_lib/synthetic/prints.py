"""What is printed on the upper clothes: patterns of a multicolor top, small prints and zips of a plain one."""

from __future__ import annotations

import math

from assignment_lib.synthetic.canvas import Canvas
from assignment_lib.synthetic.colors import scaled
from assignment_lib.synthetic.look import Look
from assignment_lib.synthetic.torso import Torso

_ALL_ROUND = 4.0  # half the angle of a patch, above pi


def draw_pattern(canvas: Canvas, torso: Torso, look: Look) -> None:
    """Stripes, blocks, checks or flowers in three colours."""
    body = torso.body
    k, kind = body.k, body.traits["pattern"]
    top, bottom = 0.80 * k, torso.hem
    if kind < 0.4:  # stripes across
        count = 4 + int(kind * 7)
        step = (top - bottom) / count
        for stripe in range(count):
            y = top - step * (stripe + 0.3)
            canvas.polygon(torso.patch(0, _ALL_ROUND, y, y - 0.5 * step), look.up2 if stripe % 2 else look.up3)
    elif kind < 0.65:  # three blocks
        canvas.polygon(torso.patch(0, _ALL_ROUND, 0.74 * k, 0.66 * k), look.up2)
        canvas.polygon(torso.patch(0, _ALL_ROUND, 0.66 * k, bottom), look.up3)
    elif kind < 0.85:  # checks
        for stripe in range(4):
            y = top - (top - bottom) * (stripe + 0.4) / 4
            canvas.polygon(torso.patch(0, _ALL_ROUND, y, y - 0.025), look.up2)
        for turn in range(-4, 5):
            canvas.polygon(torso.patch(turn * 0.72, 0.13, top, bottom), look.up3)
    else:  # flowers
        for row in range(7):
            for turn in range(-5, 6):
                point = torso.surface(turn * 0.6 + 0.3 * (row % 2), top - (top - bottom) * (row + 0.5) / 7)
                if point is not None:
                    size = 0.016 * body.unit
                    canvas.ellipse(*point, size, size, look.up2 if (row + turn) % 2 else look.up3)


def draw_small_print(canvas: Canvas, torso: Torso, look: Look) -> None:
    """A print, zip or stripe: small, so that the colour class stays, yet the person's own; a third have none."""
    k, kind = torso.body.k, torso.body.traits["detail"]
    if kind < 0.18:  # on the chest
        canvas.polygon(torso.patch(0, 0.35, 0.74 * k, 0.68 * k), look.detail)
    elif kind < 0.30:  # on the back
        canvas.polygon(torso.patch(math.pi, 0.5, 0.75 * k, 0.67 * k), look.detail)
    elif kind < 0.40:  # a badge
        canvas.polygon(torso.patch(0.45, 0.14, 0.745 * k, 0.715 * k), look.detail)
    elif kind < 0.52:  # a zip
        for line in torso.strap([(0, 0.81 * k), (0, torso.hem)]):
            canvas.line(line, scaled(look.up, 0.55), 0.7)
    elif kind < 0.60:  # a stripe across the chest
        canvas.polygon(torso.patch(0, _ALL_ROUND, 0.725 * k, 0.705 * k), look.detail)
    elif kind < 0.68:  # a border at the hem
        canvas.polygon(torso.patch(0, _ALL_ROUND, torso.hem + 0.02, torso.hem), look.detail)
