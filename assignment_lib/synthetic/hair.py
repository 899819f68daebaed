"""Hair: on the skull, and long hair that falls over shoulders and back."""

from __future__ import annotations

import math

from assignment_lib.synthetic.canvas import Canvas
from assignment_lib.synthetic.head import Head
from assignment_lib.synthetic.look import Look


def draw_hair(canvas: Canvas, head: Head, look: Look) -> None:
    """Draw the hair on the skull; the forehead and the cheeks stay free."""
    body = head.body
    canvas.polygon(head.patch(math.pi, 1.9, 0.95, -0.30, 1.04), look.hair)
    canvas.polygon(head.patch(math.pi, 1.25, 0.6, -0.62, 1.02), look.hair)
    fringe = 0.42 + 0.18 * body.traits["hair_length"]
    canvas.polygon(head.patch(0, 4, 1.0, fringe, 1.07), look.hair)
    if body.classes["hair"] == "long":
        for side in (-1, 1):
            canvas.polygon(head.patch(side * 1.45, 0.34, 0.7, -0.95, 1.08), look.hair)


def draw_long_hair(canvas: Canvas, head: Head, look: Look) -> None:
    """Draw what falls over shoulders and back."""
    body = head.body
    x, y, reach, high = head.x, head.y, head.reach, head.high
    low = (0.745 - 0.075 * body.traits["hair_length"]) * body.k
    back_x, back_y = body.upper(0.0, low, -0.050)
    half = body.seen_width(0.062, 0.028)
    nodes = [
        (x - 0.25 * reach * body.sin, y - 0.35 * high, reach * 0.95),
        (x - 0.5 * reach * body.sin, y + 0.5 * high, reach * 1.0),
        (back_x, (back_y + y + high) / 2, half * 1.05),
        (back_x, back_y, half * 0.8),
    ]
    if abs(body.cos) < 0.8:  # seen from the side the face stays free
        nodes = [(nx - 0.35 * reach * body.sin, ny, r * (0.62 + 0.4 * abs(body.cos))) for nx, ny, r in nodes]
    canvas.tube(nodes, look.hair, upright=True)
    for share in (-0.4, 0.2):
        a, b = nodes[1], nodes[-1]
        canvas.crease([(a[0] + share * a[2], a[1]), (b[0] + share * b[2], b[1])], 1.25, 0.6)
