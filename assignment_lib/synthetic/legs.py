"""The legs in one step: where hips, knees and ankles are, the skin, socks and shoes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assignment_lib.synthetic.body import Body
from assignment_lib.synthetic.canvas import SCALE, Canvas
from assignment_lib.synthetic.look import Look
from assignment_lib.synthetic.shapes import Place, Point


@dataclass(frozen=True)
class Leg:
    """The joints of one leg. side: -1 or 1. tilt: of the foot, radians, positive with the toe up."""

    side: int
    hip: Place
    knee: Place
    ankle: Place
    tilt: float

    @property
    def thigh(self) -> Place:
        """Half way from the hip to the knee."""
        return _mix(self.hip, self.knee, 0.5)

    @property
    def calf(self) -> Place:
        """Where the lower leg is thickest."""
        return _mix(self.knee, self.ankle, 0.3)


class Legs:
    """Both legs in one step, and how far the body sinks so that the lower foot stands on the ground."""

    def __init__(self, body: Body) -> None:
        t, k, phase, stride = body.traits, body.k, body.pose.phase, body.stride
        self.body = body
        thigh = (0.505 + 0.03 * (t["legs"] - 0.5) - 0.275) * k
        shin = 0.235 * k
        stance = 0.040 if body.female else 0.052
        knees = 0.25 if body.age == "old" else 0.08
        self.pair: list[Leg] = []
        for side in (-1, 1):
            swing = stride * math.sin(phase + (0 if side > 0 else math.pi))
            lift = max(0.0, math.cos(phase + (0 if side > 0 else math.pi)))
            flex = knees + 0.85 * stride / 0.4 * lift**2
            angle = swing + 0.3 * flex
            hip = (side * 0.047 * body.girth, body.hip, 0.0)
            knee = (side * stance, hip[1] - thigh * math.cos(angle), thigh * math.sin(angle))
            ankle = (side * stance, knee[1] - shin * math.cos(angle - flex), knee[2] + shin * math.sin(angle - flex))
            self.pair.append(Leg(side, hip, knee, ankle, 0.25 * flex - 0.2 * swing))
        self.drop = min(leg.ankle[1] for leg in self.pair) - 0.035
        #: Factor of radii: legs follow the girth of the body half.
        self.girth = 0.5 + 0.5 * body.girth

    def at(self, place: Place) -> Point:
        """A place of a leg -> sheet."""
        x, y, z = place
        return self.body.at(x, y - self.drop, z)


def draw_leg(canvas: Canvas, legs: Legs, leg: Leg, look: Look) -> None:
    """Draw one leg without trousers: shoe, skin, sock."""
    u, g, sock = legs.body.unit, legs.girth, legs.body.traits["sock"]
    places = ((leg.hip, 0.046), (leg.thigh, 0.045), (leg.knee, 0.034), (leg.calf, 0.035), (leg.ankle, 0.021))
    bare = [(*legs.at(place), radius * u * g) for place, radius in places]
    _shoe(canvas, legs, leg, look)
    canvas.tube(bare, look.skin, ends="last")
    if sock > 0.55:
        canvas.band(bare, 0.93, 1.0, (225, 225, 225) if sock > 0.75 else (40, 40, 44))


def _shoe(canvas: Canvas, legs: Legs, leg: Leg, look: Look) -> None:
    body = legs.body
    u = body.unit
    x, y, z = leg.ankle
    length = 0.085 * (0.92 if body.female else 1.0)
    heel = legs.at((x, y - 0.018, z - 0.028))
    toe = legs.at((x * 1.15, y - 0.022 + 0.10 * max(-0.25, min(0.25, leg.tilt)), z + length))
    ankle = legs.at((x, y + 0.006, z))
    canvas.tube([(*heel, 0.022 * u), (*toe, 0.018 * u)], look.shoe, ends="first last")
    canvas.ball(*ankle, 0.024 * u, 0.024 * u, look.shoe)
    if body.age in ("teenager", "young"):  # trainers: a pale sole
        sole = [(heel[0], heel[1] + 0.018 * u), (toe[0], toe[1] + 0.014 * u)]
        canvas.line(sole, (235, 235, 230), 0.010 * u / SCALE)


def _mix(start: Place, end: Place, share: float) -> Place:
    """Like `shapes.toward`, in the order of rounding that the committed figures were drawn with."""
    rest = 1 - share
    return (
        start[0] * rest + end[0] * share,
        start[1] * rest + end[1] * share,
        start[2] * rest + end[2] * share,
    )
