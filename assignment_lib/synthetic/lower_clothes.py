"""Lower clothes: the legs and the seat of trousers or shorts, and the skirt of a dress."""

from __future__ import annotations

import math

from assignment_lib.synthetic.canvas import Canvas
from assignment_lib.synthetic.legs import Leg, Legs
from assignment_lib.synthetic.look import Look
from assignment_lib.synthetic.shapes import Node, along, toward
from assignment_lib.synthetic.torso import Torso


def draw_trouser_leg(canvas: Canvas, legs: Legs, leg: Leg, look: Look) -> None:
    """Draw one leg of trousers, or of shorts, over the bare one."""
    body = legs.body
    c, t, u, g = body.classes, body.traits, body.unit, legs.girth
    if c["down"] == "long":
        width = 0.034 + 0.012 * t["leg_length"]
        cuff = toward(leg.knee, leg.ankle, 0.98)
        places = [(leg.hip, 0.049), (leg.thigh, 0.051), (leg.knee, width + 0.006), (cuff, width)]
    else:
        end = toward(leg.hip, leg.knee, 0.70 + 0.35 * t["leg_length"])
        places = [(leg.hip, 0.049), (leg.thigh, 0.052), (end, 0.056)]
    cloth = [(*legs.at(place), radius * u * g) for place, radius in places]
    canvas.tube(cloth, look.down)
    if c["downcolor"] == "multicolor":
        if t["down_pattern"] < 0.6:
            count = 5 if c["down"] == "long" else 3
            for stripe in range(count):
                canvas.band(cloth, (stripe + 0.3) / count, (stripe + 0.75) / count, look.down2)
        else:
            canvas.band(cloth, 0.5, 1.0, look.down2)
    if c["down"] == "long":
        canvas.crease([along(cloth, 0.62)[:2], along(cloth, 0.72)[:2]], 0.7, 1.2)
        x, y, radius = cloth[-1]
        canvas.crease([(x - radius, y), (x + radius, y)], 0.6, 0.7)


def draw_seat_or_skirt(canvas: Canvas, torso: Torso, look: Look) -> None:
    """Draw what the lower clothes cover between the torso and the legs."""
    body = torso.body
    k, hips = body.k, torso.hips
    top = [body.level(0.575 * k, hips * 0.86, 0.056), body.level(0.53 * k, hips, 0.066)]
    if body.classes["clothes"] == "pants":
        _seat(canvas, torso, look, top)
    else:
        _skirt(canvas, torso, look, top)


def _seat(canvas: Canvas, torso: Torso, look: Look, top: list[Node]) -> None:
    body = torso.body
    k, hips, u = body.k, torso.hips, body.unit
    seat = [body.level(0.485 * k, hips * 1.0, 0.062), body.level(0.45 * k, hips * 0.86, 0.05)]
    canvas.tube([*top, *seat], look.down, upright=True)
    if body.classes["downcolor"] == "multicolor":
        x, y, reach = seat[0]
        canvas.polygon([(x - reach, y - 2), (x + reach, y - 2), (x + reach, y + 3), (x - reach, y + 3)], look.down2)
    x, y, reach = seat[-1]
    canvas.crease([(x, y - 0.03 * u), (x, y + 0.02 * u)], 0.55, 0.8)


def _skirt(canvas: Canvas, torso: Torso, look: Look, top: list[Node]) -> None:
    body = torso.body
    c, t, k, u = body.classes, body.traits, body.k, body.unit
    hem = (0.315 - 0.05 * t["leg_length"] if c["down"] == "short" else 0.095) * k
    flare = 0.105 + 0.035 * t["down_pattern"]
    sway = 0.02 * math.sin(body.pose.phase)
    rows = [*top]
    for share in (0.33, 0.66, 1.0):
        height = 0.53 * k + (hem - 0.53 * k) * share
        half = torso.hips + (flare + 0.012 - torso.hips) * share
        rows.append((*body.at(0.0, height, sway * share), body.seen_width(half, 0.068 + 0.040 * share)))
    canvas.tube(rows, look.down, upright=True)
    x, y, reach = rows[-1]
    canvas.draw.chord((x - reach, y - 0.02 * u, x + reach, y + 0.02 * u), 0, 180, (*look.down, 255))
    if c["downcolor"] == "multicolor":
        for stripe in range(4):
            a, b = along(rows[1:], stripe / 4 + 0.05), along(rows[1:], stripe / 4 + 0.16)
            corners = [(a[0] - a[2], a[1]), (a[0] + a[2], a[1]), (b[0] + b[2], b[1]), (b[0] - b[2], b[1])]
            canvas.polygon(corners, look.down2)
    for share in (-0.55, -0.1, 0.4):  # folds
        a, b = along(rows, 0.4), rows[-1]
        canvas.crease([(a[0] + share * a[2], a[1]), (b[0] + 1.1 * share * b[2], b[1])], 0.72, 0.8)
