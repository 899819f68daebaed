"""One drawn pedestrian put together: which parts there are, and what hides what."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from assignment_lib.synthetic.arms import arms, draw_arm
from assignment_lib.synthetic.bags import bag_side, draw_backpack, draw_backpack_straps, draw_bag, draw_bag_strap
from assignment_lib.synthetic.body import Body
from assignment_lib.synthetic.canvas import Canvas, Layer
from assignment_lib.synthetic.hair import draw_hair, draw_long_hair
from assignment_lib.synthetic.hats import draw_hat
from assignment_lib.synthetic.head import Head, draw_face
from assignment_lib.synthetic.legs import Leg, Legs, draw_leg
from assignment_lib.synthetic.look import Look, look_of
from assignment_lib.synthetic.lower_clothes import draw_seat_or_skirt, draw_trouser_leg
from assignment_lib.synthetic.person import Person
from assignment_lib.synthetic.pose import Pose
from assignment_lib.synthetic.torso import Torso
from assignment_lib.synthetic.upper_clothes import draw_upper_clothes

#: A part: its place in the order of drawing (0 the torso, negative behind it, later parts hide earlier ones), and how.
Part = tuple[float, Callable[[Canvas], None]]


def render(who: Person, pose: Pose) -> Layer:
    """Return the person alone: colours float32 `(128, 64, 3)` in 0..255 and coverage float32 `(128, 64, 1)` in 0..1."""
    canvas = Canvas(pose.light)
    for _, draw in sorted(_parts(Body(who, pose), look_of(who)), key=lambda part: part[0]):
        draw(canvas)
    return canvas.finish()


def _parts(body: Body, look: Look) -> list[Part]:
    c = body.classes
    torso, legs, head = Torso(body), Legs(body), Head(body)
    parts: list[Part] = [
        (0.0, partial(draw_upper_clothes, torso=torso, look=look)),
        (2.0, partial(_draw_head, head=head, look=look)),
        (-1.0, partial(draw_seat_or_skirt, torso=torso, look=look)),
    ]
    for leg in legs.pair:
        depth = body.near(leg.side * 0.05, 0.3 * (leg.knee[2] + leg.ankle[2]))
        parts.append((-1.6 + depth, partial(_draw_dressed_leg, legs=legs, leg=leg, look=look)))
    for arm in arms(torso):
        depth = body.near(arm.side * torso.shoulder, 0.25 * arm.elbow[2])
        behind = depth < -0.045
        parts.append(((-2.5 if behind else 1.0) + depth, partial(draw_arm, body=body, arm=arm, look=look)))
    if c["backpack"] == "yes":
        order = -1.9 if body.cos > 0.05 else 0.6 if body.cos > -0.3 else 1.4
        parts.append((order, partial(draw_backpack, body=body, look=look)))
        parts.append((0.3, partial(draw_backpack_straps, torso=torso, look=look)))
    if c["bag"] == "yes":
        order = 0.5 if body.near(bag_side(body) * 0.1, 0.0) > -0.04 else -1.8
        parts.append((0.35, partial(draw_bag_strap, torso=torso, look=look)))
        parts.append((order, partial(draw_bag, torso=torso, legs=legs, look=look)))
    if c["hair"] == "long":
        parts.append((-1.7 if body.cos > 0.15 else 2.4, partial(draw_long_hair, head=head, look=look)))
    return parts


def _draw_dressed_leg(canvas: Canvas, legs: Legs, leg: Leg, look: Look) -> None:
    draw_leg(canvas, legs, leg, look)
    if legs.body.classes["clothes"] == "pants":
        draw_trouser_leg(canvas, legs, leg, look)


def _draw_head(canvas: Canvas, head: Head, look: Look) -> None:
    draw_face(canvas, head, look)
    draw_hair(canvas, head, look)
    if head.body.classes["hat"] == "yes":
        draw_hat(canvas, head, look)
