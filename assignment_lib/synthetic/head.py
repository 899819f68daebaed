"""The head: where it is, and the face."""

from __future__ import annotations

import math

from assignment_lib.synthetic.body import Body
from assignment_lib.synthetic.canvas import Canvas
from assignment_lib.synthetic.look import Look
from assignment_lib.synthetic.shapes import Point, visible_span


class Head:
    """Middle (`x`, `y`) and half extents (`reach` across, `high` up) of the head on the sheet."""

    def __init__(self, body: Body) -> None:
        self.body = body
        half = body.head / 2
        self.x, self.y = body.upper(0.0, 1.0 - half - 0.004, 0.022 + (0.03 if body.age == "old" else 0.0))
        wide = half * (0.74 if body.female else 0.78)
        self.reach = body.seen_width(wide, wide * 1.12)
        self.high = body.unit * half

    def patch(self, angle: float, half: float, top: float, bottom: float, swell: float = 1.0) -> list[Point]:
        """Outline of the part within `half` of `angle` (0 the face) and between two heights, 1 (top) to -1 (chin).

        `swell`: how far above the skin it lies, as a factor of the head's size.
        """
        span = visible_span(angle + self.body.pose.yaw, half, 1.55)
        if span is None:
            return []
        left, right = [], []
        for step in range(7):
            level = top + (bottom - top) * step / 6
            radius = math.sqrt(max(0.0, 1 - min(abs(level), 1.0) ** 2.2)) * self.reach * swell
            left.append((self.x + radius * math.sin(span[0]), self.y - level * self.high * swell))
            right.append((self.x + radius * math.sin(span[1]), self.y - level * self.high * swell))
        return left + right[::-1]


def draw_face(canvas: Canvas, head: Head, look: Look) -> None:
    """Draw the skin of the head, and as far as they show a beard, eyes, glasses, mouth and nose."""
    body = head.body
    x, y, high = head.x, head.y, head.high
    canvas.ball(x, y, head.reach, high, look.skin)
    if body.traits["beard"] > 0.75 and not body.female and body.age in ("adult", "old"):
        canvas.polygon(head.patch(0, 1.0, -0.45, -0.95), look.hair)
    for side in (-1, 1):
        _eye(canvas, head, side * 0.42 + body.pose.yaw)
    if body.cos > 0.2:
        mouth = x + head.reach * math.sin(body.pose.yaw)
        color = (176, 62, 66) if body.female else (150, 92, 80)
        canvas.ellipse(mouth, y + 0.55 * high, 0.22 * high, 0.07 * high, color)
        canvas.crease([(mouth, y), (mouth + 0.05 * high, y + 0.28 * high)], 0.75, 0.5)


def _eye(canvas: Canvas, head: Head, turned: float) -> None:
    """One eye with its brow and, for some people, glasses; `turned`: its angle from the camera."""
    if math.cos(turned) <= 0.25:
        return
    y, high = head.y, head.high
    eye = head.x + 0.9 * head.reach * math.sin(turned)
    canvas.ellipse(eye, y - 0.02 * high, 0.09 * high, 0.075 * high, (45, 34, 32))
    canvas.crease([(eye - 0.16 * high, y - 0.2 * high), (eye + 0.16 * high, y - 0.2 * high)], 0.6, 0.5)
    if head.body.traits["glasses"] > 0.8:
        box = (eye - 0.24 * high, y - 0.2 * high, eye + 0.24 * high, y + 0.18 * high)
        canvas.draw.ellipse(box, None, (25, 25, 25, 255), 1)
