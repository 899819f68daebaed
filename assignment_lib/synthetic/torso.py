"""The shape of the torso, and places, straps and patches on its cloth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from assignment_lib.synthetic.body import Body
from assignment_lib.synthetic.shapes import Node, Point, toward, visible_span


class Torso:
    """Cross-sections from the neck to the hem. A place on the cloth is an angle (0 in front, radians) and a height."""

    def __init__(self, body: Body) -> None:
        t, g, k, female = body.traits, body.girth, body.k, body.female
        self.body = body
        shoulder = (0.090 if female else 0.114) + 0.012 * (t["shoulders"] - 0.5) - (0.012 if body.age == "young" else 0)
        #: Half widths at the shoulders and the hips.
        self.shoulder = shoulder * (0.6 + 0.4 * g)
        waist = 0.060 if female else 0.082
        hips = 0.094 if female else 0.083
        self.hips = hips * g
        belly = {"adult": 0.010, "old": 0.012}.get(body.age, 0.0)
        chest_depth = 0.074 if female else 0.064
        hem = (0.500 if body.classes["clothes"] == "pants" else 0.555) - 0.035 * t["hem"]
        self.rows = (  # height, half width, half depth
            (0.832 * k, 0.036, 0.040),
            (0.815 * k, self.shoulder * 0.70, 0.048),
            (0.795 * k, self.shoulder * 1.02, 0.056),
            (0.755 * k, self.shoulder * 1.08, 0.064 * g),
            (0.700 * k, (0.080 if female else 0.094) * g, chest_depth * g),
            (0.615 * k, (waist + belly) * g, (0.054 + belly) * g),
            (0.555 * k, (waist * 0.3 + hips * 0.7) * g, 0.064 * g),
            (hem * k, hips * g, 0.064 * g),
        )
        self.hem = self.rows[-1][0]
        #: The rows on the sheet.
        self.levels = [body.level(*row) for row in self.rows]

    def level(self, y: float) -> Node:
        """The cross-section at height y on the sheet."""
        pieces = list(pairwise(self.rows))
        upper, lower = next((piece for piece in pieces if y >= piece[1][0]), pieces[-1])
        rest = min(max((upper[0] - y) / (upper[0] - lower[0]), 0.0), 1.0)
        return self.body.level(*toward(upper, lower, rest))

    def surface(self, angle: float, y: float) -> Point | None:
        """A point of the cloth on the sheet; None where it faces away."""
        turned = angle + self.body.pose.yaw
        if math.cos(turned) < -0.02:
            return None
        x, sheet_y, reach = self.level(y)
        return x + reach * math.sin(turned), sheet_y + 0.5 * self.body.pose.pitch * reach * math.cos(turned)

    def strap(self, path: Sequence[tuple[float, float]]) -> list[list[Point]]:
        """The visible stretches of a line on the cloth; `path` is of (angle, height)."""
        stretches: list[list[Point]] = []
        current: list[Point] = []
        for (angle, y), (angle2, y2) in pairwise(path):
            for step in range(5):
                point = self.surface(angle + (angle2 - angle) * step / 4, y + (y2 - y) * step / 4)
                if point is not None:
                    current.append(point)
                elif current:
                    stretches.append(current)
                    current = []
        return [*stretches, current] if current else stretches

    def patch(self, angle: float, half: float, top: float, bottom: float) -> list[Point]:
        """Outline of the part of the cloth within `half` of `angle` and between two heights, as far as it shows."""
        span = visible_span(angle + self.body.pose.yaw, half, 1.5)
        if half >= math.pi:
            span = -1.5, 1.5
        if span is None:
            return []
        low, high = span
        left, right = [], []
        for step in range(5):
            x, y, reach = self.level(top + (bottom - top) * step / 4)
            sag = 0.5 * self.body.pose.pitch * reach
            left.append((x + reach * math.sin(low), y + sag * math.cos(low)))
            right.append((x + reach * math.sin(high), y + sag * math.cos(high)))
        middle = left[-1][1], right[-1][1]
        bottom_edge = [((left[-1][0] + right[-1][0]) / 2, max(middle) + 0.3 * abs(middle[0] - middle[1]))]
        return left + bottom_edge + right[::-1]
