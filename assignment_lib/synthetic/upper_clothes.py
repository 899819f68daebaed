"""Neck and upper clothes: the cloth of the torso, its print, collar or hood, and folds."""

from __future__ import annotations

import math

from assignment_lib.synthetic.canvas import Canvas
from assignment_lib.synthetic.colors import scaled
from assignment_lib.synthetic.look import Look
from assignment_lib.synthetic.prints import draw_pattern, draw_small_print
from assignment_lib.synthetic.torso import Torso


def draw_upper_clothes(canvas: Canvas, torso: Torso, look: Look) -> None:
    """Draw the neck and all that is worn above the hips but the sleeves."""
    body = torso.body
    u, k = body.unit, body.k
    neck = [
        (*body.upper(0, 0.872 * k, 0.012), (0.030 if body.female else 0.037) * u),
        (*body.upper(0, 0.81 * k, 0.0), (0.033 if body.female else 0.042) * u),
    ]
    canvas.tube(neck, look.skin, glow=0.85)
    canvas.tube(torso.levels, look.up, upright=True)
    if body.classes["upcolor"] == "multicolor":
        draw_pattern(canvas, torso, look)
    else:
        draw_small_print(canvas, torso, look)
    if body.age == "teenager" or (body.age == "young" and body.traits["detail"] > 0.5):
        _hood(canvas, torso, look)
    else:
        _collar(canvas, torso, look)
    _folds(canvas, torso)


def _hood(canvas: Canvas, torso: Torso, look: Look) -> None:
    """A hood that lies on the back, and its cords in front."""
    body = torso.body
    k, u = body.k, body.unit
    x, y = body.upper(0, 0.800 * k, -0.052)
    half = body.seen_width(0.070, 0.034)
    if body.cos < 0.25:
        canvas.ball(x, y, half, 0.036 * u, scaled(look.up, 0.92))
        canvas.crease([(x - half * 0.7, y), (x, y + 0.012 * u), (x + half * 0.7, y)], 0.6, 0.8)
    for side in (-1, 1):
        for line in torso.strap([(side * 0.22, 0.815 * k), (side * 0.2, 0.755 * k)]):
            canvas.line(line, (235, 235, 230) if sum(look.up) < 480 else (70, 70, 75), 0.5)


def _collar(canvas: Canvas, torso: Torso, look: Look) -> None:
    """A shirt's collar: two flaps over a V of skin, as far as all of each shows."""
    k = torso.body.k
    opening = [torso.surface(angle, y * k) for angle, y in ((-0.45, 0.826), (0.45, 0.826), (0.0, 0.765))]
    shown = [point for point in opening if point]
    if len(shown) == len(opening):
        canvas.polygon(shown, look.skin)
    for side in (-1, 1):
        flap = [torso.surface(side * angle, y * k) for angle, y in ((0.1, 0.775), (0.55, 0.83), (0.7, 0.785))]
        shown = [point for point in flap if point]
        if len(shown) == len(flap):
            canvas.polygon(shown, scaled(look.up, 1.25 if sum(look.up) < 600 else 0.8))


def _folds(canvas: Canvas, torso: Torso) -> None:
    """Creases that move with the step, the shadow below the bust, and the hem."""
    body = torso.body
    k = body.k
    if body.female:
        y = 0.69 * k
        left, right = [(-0.75, y), (-0.35, y - 0.012), (0, y + 0.004)], [(0, y + 0.004), (0.35, y - 0.012), (0.75, y)]
        for line in torso.strap(left) + torso.strap(right):
            canvas.crease(line, 0.72, 1.0)
    fold = 0.03 * math.sin(body.pose.phase)
    front, back = [(0.9, 0.60 * k), (0.2, (0.575 + fold) * k)], [(-2.2, 0.60 * k), (-2.9, (0.57 - fold) * k)]
    for line in torso.strap(front) + torso.strap(back):
        canvas.crease(line, 0.78, 0.9)
    x, y, reach = torso.levels[-1]
    canvas.crease([(x - reach, y), (x + reach, y)], 0.5, 0.7)
