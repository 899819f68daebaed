"""Things that stand in the places and in front of people: trees, bushes, poles, cars, bicycles, paving.

Every function draws in pixels of its sheet, and takes its random numbers in a fixed order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL.ImageDraw import ImageDraw

from assignment_lib.synthetic.colors import Color, random_color, scaled


@dataclass(frozen=True)
class Backdrop:
    """The sheet a place is drawn on, at twice its size: its width and height, the row of the horizon, the ground's colour."""

    pen: ImageDraw
    width: int
    height: int
    horizon: int
    ground: Color
    rng: np.random.Generator


def paving(view: Backdrop) -> None:
    """Draw the joints of a paved ground, closer together towards the horizon."""
    pen, width, height, horizon = view.pen, view.width, view.height, view.horizon
    color, step, y = scaled(view.ground, 0.82), 6.0, float(horizon)
    while y < height:
        pen.line((0, y, width, y), color, 1 + int(step > 14))
        y, step = y + step, step * 1.25
    for x in range(-width, 2 * width, 70):
        pen.line((width / 2 + (x - width / 2) * 0.7, horizon, x, height), color, 2)


def trees(view: Backdrop, count: int) -> None:
    """Draw trees along the horizon."""
    pen, horizon, rng = view.pen, view.horizon, view.rng
    for _ in range(count):
        x, radius = rng.uniform(0, view.width), rng.uniform(20, 60)
        green = (int(rng.uniform(40, 80)), int(rng.uniform(80, 125)), int(rng.uniform(35, 65)))
        pen.rectangle((x - 5, horizon - radius, x + 5, horizon + 6), (86, 70, 56))
        pen.ellipse((x - radius, horizon - 2.4 * radius, x + radius, horizon - 0.6 * radius), green)


def car(view: Backdrop) -> None:
    """Draw a parked car on the horizon."""
    pen, horizon = view.pen, view.horizon
    x, color = view.rng.uniform(0, view.width), random_color(view.rng, 30, 220)
    pen.rounded_rectangle((x, horizon - 42, x + 120, horizon + 8), 12, color)
    pen.rectangle((x + 20, horizon - 36, x + 100, horizon - 18), (50, 58, 66))
    for wheel in (22, 96):
        pen.ellipse((x + wheel - 11, horizon - 4, x + wheel + 11, horizon + 18), (24, 24, 26))


def bicycle(pen: ImageDraw, x: float, y: float, r: float, color: Color) -> None:
    """Draw a bicycle whose wheels have radius r and stand on y + r."""
    width = max(2, int(r / 9))
    for wheel in (x, x + 2.3 * r):
        pen.ellipse((wheel - r, y - r, wheel + r, y + r), None, (30, 30, 32), width)
    crank, seat, head = (x + r, y), (x + 0.75 * r, y - 1.1 * r), (x + 1.95 * r, y - 1.1 * r)
    pen.line([(x, y), seat, head, crank, seat], color, width)
    pen.line([(x, y), crank], color, width)
    pen.line([(x + 2.3 * r, y), head, (x + 1.85 * r, y - 1.6 * r), (x + 2.2 * r, y - 1.7 * r)], color, width)
    pen.line([(x + 0.5 * r, y - 1.25 * r), (x + 1.0 * r, y - 1.25 * r)], (25, 25, 25), width + 2)


def pole(pen: ImageDraw, height: int, rng: np.random.Generator) -> None:
    """Draw a round pole left or right of the middle, from top to bottom of a sheet 128 wide."""
    x, width = rng.choice([rng.uniform(5, 45), rng.uniform(83, 120)]), int(rng.uniform(8, 16))
    gray = int(rng.uniform(60, 190))
    for step in range(width):
        tone = int(gray * (0.6 + 0.6 * math.sin(math.pi * (step + 0.5) / width)))
        pen.line((x + step, 0, x + step, height), (tone, tone, tone), 1)


def bush(pen: ImageDraw, width: int, rng: np.random.Generator) -> None:
    """Draw a bush along the lower edge of a sheet 256 high."""
    for _ in range(60):
        x, y = rng.uniform(0, width), rng.uniform(215, 262)
        green = (int(rng.uniform(30, 80)), int(rng.uniform(70, 130)), int(rng.uniform(25, 60)))
        pen.ellipse((x - 10, y - 8, x + 10, y + 8), green)
