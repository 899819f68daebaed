"""Head, face, hair and hat, and the whole person put together from all parts in the order of occlusion."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from synthetic_pedestrians import clothes
from synthetic_pedestrians.canvas import SCALE, Canvas, Layer, Point, scaled, visible_span
from synthetic_pedestrians.person import Body, Person, Pose

#: A part: its depth (0 the torso, negative behind it; larger depths are drawn later) and the function that draws it.
Part = tuple[float, Callable[[Canvas], None]]


def render_person(person: Person, pose: Pose) -> Layer:
    """Return the person alone: colours float32 `(128, 64, 3)` in 0..255 and coverage float32 `(128, 64, 1)` in 0..1."""
    body = Body(person, pose)
    c = body.classes
    torso, legs, head = clothes.Torso(body), clothes.Legs(body), Head(body)
    parts: list[Part] = [
        (0.0, partial(clothes.draw_upper_clothes, torso=torso)),
        (2.0, partial(_draw_head, head=head)),
        (-1.0, partial(clothes.draw_seat_or_skirt, torso=torso)),
    ]
    for leg in legs.pair:
        depth = body.near(leg.side * 0.05, 0.3 * (leg.knee[2] + leg.ankle[2]))
        parts.append((-1.6 + depth, partial(clothes.draw_leg, legs=legs, leg=leg)))
    for arm in clothes.arms(torso):
        depth = body.near(arm.side * torso.shoulder, 0.25 * arm.elbow[2])
        parts.append(((-2.5 if depth < -0.045 else 1.0) + depth, partial(clothes.draw_arm, body=body, arm=arm)))
    if c["backpack"] == "yes":
        depth = -1.9 if body.cos > 0.05 else 0.6 if body.cos > -0.3 else 1.4
        parts.append((depth, partial(clothes.draw_backpack, body=body)))
        parts.append((0.3, partial(clothes.draw_backpack_straps, torso=torso)))
    if c["bag"] == "yes":
        depth = 0.5 if body.near(torso.bag_side * 0.1, 0.0) > -0.04 else -1.8
        parts.append((0.35, partial(clothes.draw_bag_strap, torso=torso)))
        parts.append((depth, partial(clothes.draw_bag, torso=torso, legs=legs)))
    if c["hair"] == "long":
        parts.append((-1.7 if body.cos > 0.15 else 2.4, partial(_draw_long_hair, head=head)))
    canvas = Canvas(pose.light)
    for _, draw in sorted(parts, key=lambda part: part[0]):
        draw(canvas)
    return canvas.finish()


class Head:
    """Centre (`x`, `y`) and half extents (`reach` across, `high` up) of the head on the canvas."""

    def __init__(self, body: Body) -> None:
        self.body = body
        half = body.head / 2
        self.x, self.y = body.upper(0.0, 1.0 - half - 0.004, 0.022 + (0.03 if body.age == "old" else 0.0))
        wide = half * (0.74 if body.female else 0.78)
        self.reach = body.seen_width(wide, wide * 1.12)
        self.high = body.unit * half

    def patch(self, angle: float, half: float, top: float, bottom: float, swell: float = 1.0) -> list[Point]:
        """Return the outline of the surface within `half` of `angle` (0 the face), between two heights, 1 (top) to -1 (chin).

        `swell` is the size of the patch as a factor of the head's size.
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


def _draw_head(canvas: Canvas, head: Head) -> None:
    """Draw skin, beard, eyes, mouth and nose as far as they are visible, then hair and hat."""
    body, palette = head.body, head.body.palette
    x, y, high = head.x, head.y, head.high
    canvas.ball(x, y, head.reach, high, palette["skin"])
    if body.traits["beard"] > 0.75 and not body.female and body.age in ("adult", "old"):
        canvas.polygon(head.patch(0, 1.0, -0.45, -0.95), palette["hair"])
    for side in (-1, 1):
        _draw_eye(canvas, head, side * 0.42 + body.pose.yaw)
    if body.cos > 0.2:
        mouth = x + head.reach * math.sin(body.pose.yaw)
        color = (176, 62, 66) if body.female else (150, 92, 80)
        canvas.ellipse(mouth, y + 0.55 * high, 0.22 * high, 0.07 * high, color)
        canvas.crease([(mouth, y), (mouth + 0.05 * high, y + 0.28 * high)], 0.75, 0.5)
    canvas.polygon(head.patch(math.pi, 1.9, 0.95, -0.30, 1.04), palette["hair"])
    canvas.polygon(head.patch(math.pi, 1.25, 0.6, -0.62, 1.02), palette["hair"])
    fringe = 0.42 + 0.18 * body.traits["hair_length"]
    canvas.polygon(head.patch(0, 4, 1.0, fringe, 1.07), palette["hair"])
    if body.classes["hair"] == "long":
        for side in (-1, 1):
            canvas.polygon(head.patch(side * 1.45, 0.34, 0.7, -0.95, 1.08), palette["hair"])
    if body.classes["hat"] == "yes":
        _draw_hat(canvas, head)


def _draw_eye(canvas: Canvas, head: Head, turned: float) -> None:
    """Draw one eye with its brow and, for some people, glasses; `turned` is its angle to the camera."""
    if math.cos(turned) <= 0.25:
        return
    y, high = head.y, head.high
    eye = head.x + 0.9 * head.reach * math.sin(turned)
    canvas.ellipse(eye, y - 0.02 * high, 0.09 * high, 0.075 * high, (45, 34, 32))
    canvas.crease([(eye - 0.16 * high, y - 0.2 * high), (eye + 0.16 * high, y - 0.2 * high)], 0.6, 0.5)
    if head.body.traits["glasses"] > 0.8:
        box = (eye - 0.24 * high, y - 0.2 * high, eye + 0.24 * high, y + 0.18 * high)
        canvas.draw.ellipse(box, None, (25, 25, 25, 255), 1)


def _draw_long_hair(canvas: Canvas, head: Head) -> None:
    """Draw the hair over shoulders and back."""
    body, color = head.body, head.body.palette["hair"]
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
    if abs(body.cos) < 0.8:  # keeps the face visible from the side
        nodes = [(nx - 0.35 * reach * body.sin, ny, r * (0.62 + 0.4 * abs(body.cos))) for nx, ny, r in nodes]
    canvas.tube(nodes, color, upright=True)
    for share in (-0.4, 0.2):
        a, b = nodes[1], nodes[-1]
        canvas.crease([(a[0] + share * a[2], a[1]), (b[0] + share * b[2], b[1])], 1.25, 0.6)


def _draw_hat(canvas: Canvas, head: Head) -> None:
    """Draw a cap with a peak in the direction of the face, or a sun hat with a brim and a ribbon."""
    body, color = head.body, head.body.palette["hat"]
    x, reach, high, u = head.x, head.reach, head.high, body.unit
    brow = head.y - 0.42 * high
    canvas.polygon(head.patch(0, 4, 1.0, 0.36, 1.14), color, 0.95)
    if body.traits["hat_style"] >= 0.65:
        canvas.ellipse(x, brow, reach * 1.75, 0.24 * high + 0.010 * u, scaled(color, 0.9), 0.9)
        canvas.polygon(head.patch(0, 4, 1.0, 0.45, 1.14), color, 1.05)
        ribbon = [(x - reach * 0.98, brow - 0.1 * high), (x + reach * 0.98, brow - 0.1 * high)]
        canvas.line(ribbon, body.palette["detail"], 0.018 * u / SCALE)
    elif body.cos > -0.35:
        tip = x + (reach + 0.055 * u) * body.sin * 1.05
        edge = brow + 0.028 * u * max(body.cos, 0.0) + 0.012 * u
        half = reach * (0.35 + 0.6 * abs(body.cos))
        middle = x + reach * 0.8 * body.sin
        peak = [(middle - half, brow), (middle + half, brow), (tip + 0.6 * half, edge), (tip - 0.6 * half, edge)]
        canvas.polygon(peak, scaled(color, 0.75), 0.9)
