"""The arms in one step: where shoulders, elbows and hands are, the skin, sleeves, and what the hands hold."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assignment_lib.synthetic.bags import draw_handbag
from assignment_lib.synthetic.body import Body
from assignment_lib.synthetic.canvas import Canvas
from assignment_lib.synthetic.look import Look
from assignment_lib.synthetic.shapes import Node, Place, toward
from assignment_lib.synthetic.torso import Torso


@dataclass(frozen=True)
class Arm:
    """The joints of one arm and what its hand holds. side: -1 or 1."""

    side: int
    shoulder: Place
    elbow: Place
    hand: Place
    handbag: bool
    cane: bool


def arms(torso: Torso) -> list[Arm]:
    """Both arms; they swing against the legs, less with a handbag, not with a cane."""
    body = torso.body
    t, k = body.traits, body.k
    handbag_side = 1 if t["handbag_side"] < 0.5 else -1
    upper, fore = 0.160 * k, 0.150 * k
    pair = []
    for side in (-1, 1):
        handbag = body.classes["handbag"] == "yes" and side == handbag_side
        cane = body.age == "old" and side == -handbag_side
        swing = -1.1 * body.stride * math.sin(body.pose.phase + (0 if side > 0 else math.pi))
        swing *= 0.35 if handbag else 1.0
        if cane:
            swing = 0.5
        out = 0.10 + 0.08 * t["spread"] + (0.08 if not body.female else 0.03)
        bent = swing + (0.15 if handbag else 0.35 + 0.3 * t["gait"])
        shoulder = (side * (torso.shoulder - 0.002), 0.780 * k, 0.0)
        elbow = (
            shoulder[0] + side * upper * math.sin(out),
            shoulder[1] - upper * math.cos(swing),
            upper * math.sin(swing),
        )
        hand = (elbow[0] + side * fore * 0.04, elbow[1] - fore * math.cos(bent), elbow[2] + fore * math.sin(bent))
        pair.append(Arm(side, shoulder, elbow, hand, handbag, cane))
    return pair


def draw_arm(canvas: Canvas, body: Body, arm: Arm, look: Look) -> None:
    """Draw one arm with its sleeve, and before it what it holds."""
    u, g = body.unit, (0.5 + 0.5 * body.girth) * (0.88 if body.female else 1.04)
    wrist = toward(arm.elbow, arm.hand, 0.9)
    bare = [
        (*body.upper(*place), radius * u * g)
        for place, radius in ((arm.shoulder, 0.029), (arm.elbow, 0.026), (wrist, 0.019))
    ]
    hand = body.upper(*arm.hand)
    if arm.cane:
        _cane(canvas, body, arm)
    if arm.handbag:
        draw_handbag(canvas, body, hand, look)
    canvas.tube(bare, look.skin, ends="first last")
    canvas.ball(*hand, 0.022 * u * g, 0.027 * u * g, look.skin)
    if body.classes["up"] == "long":
        sleeve = [(x, y, radius * (1.2 if n < 2 else 1.4)) for n, (x, y, radius) in enumerate(bare)]
    else:
        end = toward(arm.shoulder, arm.elbow, 0.62 + 0.30 * body.traits["sleeve"])
        sleeve = [(*bare[0][:2], bare[0][2] * 1.15), (*body.upper(*end), 0.036 * u * g)]
    _sleeve(canvas, body, sleeve, look)


def _sleeve(canvas: Canvas, body: Body, nodes: list[Node], look: Look) -> None:
    canvas.tube(nodes, look.up, ends="first")
    if body.classes["upcolor"] == "multicolor":
        canvas.band(nodes, 0.45, 0.75, look.up2)
    x, y, radius = nodes[-1]
    canvas.crease([(x - radius, y), (x + radius, y)], 0.6, 0.6)


def _cane(canvas: Canvas, body: Body, arm: Arm) -> None:
    u, wood = body.unit, (70, 44, 26, 255)
    x, y = body.upper(*arm.hand)
    tip = body.at(arm.hand[0] * 1.05, 0.0, body.bend(*arm.hand)[2] + 0.06)
    canvas.draw.line([(x, y), tip], wood, max(2, round(0.013 * u)))
    canvas.draw.line([(x - 0.025 * u, y - 0.005 * u), (x + 0.025 * u, y - 0.005 * u)], wood, round(0.014 * u))
