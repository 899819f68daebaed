"""What is carried: a handbag in the hand, a bag on a strap, a backpack with its two straps."""

from __future__ import annotations

import math

from assignment_lib.synthetic.body import Body
from assignment_lib.synthetic.canvas import SCALE, Canvas
from assignment_lib.synthetic.colors import scaled
from assignment_lib.synthetic.legs import Legs
from assignment_lib.synthetic.look import Look
from assignment_lib.synthetic.shapes import Point, along
from assignment_lib.synthetic.torso import Torso


def draw_handbag(canvas: Canvas, body: Body, hand: Point, look: Look) -> None:
    """Draw a handbag that hangs from the hand at this place of the sheet."""
    u = body.unit
    x, y = hand
    half = body.seen_width(0.038, 0.078) + 0.012 * u
    top, low = y + 0.055 * u, y + 0.170 * u
    for share in (-0.6, 0.6):
        canvas.line([(x, y), (x + share * half, top)], scaled(look.handbag, 0.6), 0.011 * u / SCALE)
    canvas.tube([(x, top, half * 0.85), (x, (top + low) / 2, half), (x, low, half)], look.handbag, upright=True)
    canvas.crease([(x - half, top + 0.03 * u), (x + half, top + 0.03 * u)], 0.6, 0.7)


def bag_side(body: Body) -> int:
    """The side a bag hangs on, -1 or 1."""
    return 1 if body.traits["bag_side"] < 0.5 else -1


def draw_bag_strap(canvas: Canvas, torso: Torso, look: Look) -> None:
    """Draw the strap of a bag: across the body, or from the shoulder on the bag's own side."""
    body = torso.body
    side, k, u = bag_side(body), body.k, body.unit
    if body.traits["bag_style"] < 0.65:
        front = [(-side * 0.45, 0.822 * k), (side * 0.25, 0.68 * k), (side * 1.2, 0.54 * k)]
        behind = side * (2 * math.pi - 2.6)
        back = [(side * 1.2 + 0.4 * side, 0.54 * k), (side * 2.9, 0.68 * k), (behind, 0.822 * k)]
    else:
        front = [(side * 0.75, 0.815 * k), (side * 1.15, 0.54 * k)]
        back = [(side * 2.4, 0.815 * k), (side * 1.9, 0.54 * k)]
    for path in (front, back):
        for line in torso.strap(path):
            canvas.crease(line, 0.7, 0.024 * u / SCALE)
            canvas.line(line, look.bag, 0.016 * u / SCALE)


def draw_bag(canvas: Canvas, torso: Torso, legs: Legs, look: Look) -> None:
    """Draw the bag that hangs at the hip."""
    body = torso.body
    k, u = body.k, body.unit
    x, y = body.at(bag_side(body) * (torso.hips + 0.022), 0.545 * k - legs.drop, 0.01)
    half = body.seen_width(0.034, 0.082) + 0.010 * u
    high = (0.13 + 0.04 * body.traits["bag_style"]) * u
    canvas.tube([(x, y, half * 0.85), (x, y + 0.3 * high, half), (x, y + high, half * 0.95)], look.bag, upright=True)
    canvas.crease([(x - half, y + 0.42 * high), (x + half, y + 0.42 * high)], 0.6, 0.8)


def draw_backpack(canvas: Canvas, body: Body, look: Look) -> None:
    """Draw a backpack behind the back, with a pocket where its back shows."""
    k, u, t = body.k, body.unit, body.traits
    wide, deep = 0.080 + 0.020 * t["pack_size"], 0.050 + 0.015 * t["pack_size"]
    low = (0.60 - 0.05 * t["pack_size"]) * k
    rows = []
    for share, width in ((0.0, 0.62), (0.12, 0.95), (0.5, 1.05), (0.85, 1.05), (1.0, 0.85)):
        height = 0.815 * k + (low - 0.815 * k) * share
        rows.append(body.level(height, wide * width, deep * width, -0.060 - deep))
    canvas.tube(rows, look.backpack, upright=True)
    if body.cos < 0.3:
        x, y, reach = along(rows, 0.62)
        x -= 0.6 * deep * body.sin * u
        if abs(body.cos) > 0.35:
            pocket = [(x - 0.62 * reach, y), (x + 0.62 * reach, y)]
            pocket += [(x + 0.6 * reach, y + 0.085 * u), (x - 0.6 * reach, y + 0.085 * u)]
            canvas.polygon(pocket, scaled(look.backpack, 0.72) if t["pack_detail"] < 0.6 else look.detail)
        canvas.crease([(x - 0.8 * reach, y - 0.02 * u), (x + 0.8 * reach, y - 0.02 * u)], 0.6, 0.8)


def draw_backpack_straps(canvas: Canvas, torso: Torso, look: Look) -> None:
    """Draw the two straps of a backpack over the shoulders."""
    k, u = torso.body.k, torso.body.unit
    for side in (-1, 1):
        path = [(side * 1.3, 0.812 * k), (side * 0.62, 0.805 * k), (side * 0.60, 0.70 * k), (side * 1.1, 0.61 * k)]
        for line in torso.strap(path):
            canvas.crease(line, 0.7, 0.034 * u / SCALE)
            canvas.line(line, look.backpack, 0.026 * u / SCALE)
