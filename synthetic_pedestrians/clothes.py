"""Torso, arms, legs, clothes and bags of one person.

A point of the torso's surface is an angle (0 in front, radians) and a height; other lengths are those of `person.Body`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from synthetic_pedestrians.canvas import SCALE, Canvas, Node, Place, Point, along, scaled, toward, visible_span
from synthetic_pedestrians.person import Body

_ALL_ROUND = 4.0  # half the angle of a patch around the whole torso, larger than pi


class Torso:
    """Cross-sections from the neck to the hem, and lines and patches on the surface."""

    def __init__(self, body: Body) -> None:
        t, g, k, female = body.traits, body.girth, body.k, body.female
        self.body = body
        shoulder = (0.090 if female else 0.114) + 0.012 * (t["shoulders"] - 0.5) - (0.012 if body.age == "young" else 0)
        #: Half widths at the shoulders and the hips.
        self.shoulder = shoulder * (0.6 + 0.4 * g)
        waist, hips, chest_depth = (0.060, 0.094, 0.074) if female else (0.082, 0.083, 0.064)
        self.hips = hips * g
        belly = {"adult": 0.010, "old": 0.012}.get(body.age, 0.0)
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
        #: The side a bag hangs on, -1 or 1.
        self.bag_side = 1 if t["bag_side"] < 0.5 else -1
        #: The rows on the canvas.
        self.levels = [body.level(*row) for row in self.rows]

    def level(self, y: float) -> Node:
        """Return the cross-section at height y on the canvas."""
        pieces = list(pairwise(self.rows))
        upper, lower = next((piece for piece in pieces if y >= piece[1][0]), pieces[-1])
        rest = min(max((upper[0] - y) / (upper[0] - lower[0]), 0.0), 1.0)
        return self.body.level(*toward(upper, lower, rest))

    def surface(self, angle: float, y: float) -> Point | None:
        """Project a point of the surface to the canvas; None if it faces away from the camera."""
        turned = angle + self.body.pose.yaw
        if math.cos(turned) < -0.02:
            return None
        x, canvas_y, reach = self.level(y)
        return x + reach * math.sin(turned), canvas_y + 0.5 * self.body.pose.pitch * reach * math.cos(turned)

    def strap(self, *path: tuple[float, float]) -> list[list[Point]]:
        """Return the visible stretches of a line through these points (angle, height) of the surface."""
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
        """Return the outline of the visible surface within `half` of `angle` and between two heights."""
        span = (-1.5, 1.5) if half >= math.pi else visible_span(angle + self.body.pose.yaw, half, 1.5)
        if span is None:
            return []
        left, right = [], []
        for step in range(5):
            x, y, reach = self.level(top + (bottom - top) * step / 4)
            sag = 0.5 * self.body.pose.pitch * reach
            left.append((x + reach * math.sin(span[0]), y + sag * math.cos(span[0])))
            right.append((x + reach * math.sin(span[1]), y + sag * math.cos(span[1])))
        middle = left[-1][1], right[-1][1]
        bottom_edge = ((left[-1][0] + right[-1][0]) / 2, max(middle) + 0.3 * abs(middle[0] - middle[1]))
        return [*left, bottom_edge, *right[::-1]]


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
    """Return both arms; they swing opposite to the legs, less with a handbag, not with a cane."""
    body = torso.body
    t, k = body.traits, body.k
    handbag_side = 1 if t["handbag_side"] < 0.5 else -1
    upper, fore = 0.160 * k, 0.150 * k
    pair = []
    for side in (-1, 1):
        handbag = body.classes["handbag"] == "yes" and side == handbag_side
        cane = body.age == "old" and side == -handbag_side
        swing = -1.1 * body.stride * math.sin(body.pose.phase + (0 if side > 0 else math.pi))
        swing = 0.5 if cane else swing * (0.35 if handbag else 1.0)
        out = 0.10 + 0.08 * t["spread"] + (0.08 if not body.female else 0.03)
        bent = swing + (0.15 if handbag else 0.35 + 0.3 * t["gait"])
        shoulder = (side * (torso.shoulder - 0.002), 0.780 * k, 0.0)
        elbow_x = shoulder[0] + side * upper * math.sin(out)
        elbow = (elbow_x, shoulder[1] - upper * math.cos(swing), upper * math.sin(swing))
        hand = (elbow[0] + side * fore * 0.04, elbow[1] - fore * math.cos(bent), elbow[2] + fore * math.sin(bent))
        pair.append(Arm(side, shoulder, elbow, hand, handbag, cane))
    return pair


def draw_arm(canvas: Canvas, body: Body, arm: Arm) -> None:
    """Draw what the hand holds, then the arm with its sleeve."""
    u, g = body.unit, (0.5 + 0.5 * body.girth) * (0.88 if body.female else 1.04)
    wrist = toward(arm.elbow, arm.hand, 0.9)
    joints = ((arm.shoulder, 0.029), (arm.elbow, 0.026), (wrist, 0.019))
    bare = [(*body.upper(*place), radius * u * g) for place, radius in joints]
    hand = body.upper(*arm.hand)
    if arm.cane:
        x, y = hand
        tip, wood = body.at(arm.hand[0] * 1.05, 0.0, body.bend(*arm.hand)[2] + 0.06), (70, 44, 26, 255)
        canvas.draw.line([hand, tip], wood, max(2, round(0.013 * u)))
        canvas.draw.line([(x - 0.025 * u, y - 0.005 * u), (x + 0.025 * u, y - 0.005 * u)], wood, round(0.014 * u))
    if arm.handbag:
        _draw_handbag(canvas, body, hand)
    canvas.tube(bare, body.palette["skin"], ends="first last")
    canvas.ball(*hand, 0.022 * u * g, 0.027 * u * g, body.palette["skin"])
    if body.classes["up"] == "long":
        sleeve = [(x, y, radius * (1.2 if n < 2 else 1.4)) for n, (x, y, radius) in enumerate(bare)]
    else:
        end = toward(arm.shoulder, arm.elbow, 0.62 + 0.30 * body.traits["sleeve"])
        sleeve = [(*bare[0][:2], bare[0][2] * 1.15), (*body.upper(*end), 0.036 * u * g)]
    canvas.tube(sleeve, body.palette["up"], ends="first")
    if body.classes["upcolor"] == "multicolor":
        canvas.band(sleeve, 0.45, 0.75, body.palette["up2"])
    x, y, radius = sleeve[-1]
    canvas.crease([(x - radius, y), (x + radius, y)], 0.6, 0.6)


@dataclass(frozen=True)
class Leg:
    """The joints of one leg. side: -1 or 1. calf: where it is thickest. tilt: of the foot, radians, toe up is positive."""

    side: int
    hip: Place
    thigh: Place
    knee: Place
    calf: Place
    ankle: Place
    tilt: float


class Legs:
    """Both legs in one step; `drop` lowers the body so that the lower foot stands on the ground."""

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
            tilt = 0.25 * flex - 0.2 * swing
            self.pair.append(Leg(side, hip, _mix(hip, knee, 0.5), knee, _mix(knee, ankle, 0.3), ankle, tilt))
        self.drop = min(leg.ankle[1] for leg in self.pair) - 0.035
        #: Factor of radii: legs follow the girth of the body by half.
        self.girth = 0.5 + 0.5 * body.girth

    def at(self, place: Place) -> Point:
        """Project a point of a leg to the canvas."""
        x, y, z = place
        return self.body.at(x, y - self.drop, z)


def draw_leg(canvas: Canvas, legs: Legs, leg: Leg) -> None:
    """Draw one leg: shoe, skin, sock, and trousers or shorts."""
    body, u, g, sock = legs.body, legs.body.unit, legs.girth, legs.body.traits["sock"]
    places = ((leg.hip, 0.046), (leg.thigh, 0.045), (leg.knee, 0.034), (leg.calf, 0.035), (leg.ankle, 0.021))
    bare = [(*legs.at(place), radius * u * g) for place, radius in places]
    _draw_shoe(canvas, legs, leg)
    canvas.tube(bare, body.palette["skin"], ends="last")
    if sock > 0.55:
        canvas.band(bare, 0.93, 1.0, (225, 225, 225) if sock > 0.75 else (40, 40, 44))
    if body.classes["clothes"] == "pants":
        _draw_trouser_leg(canvas, legs, leg)


def _draw_shoe(canvas: Canvas, legs: Legs, leg: Leg) -> None:
    body, u = legs.body, legs.body.unit
    x, y, z = leg.ankle
    length = 0.085 * (0.92 if body.female else 1.0)
    heel = legs.at((x, y - 0.018, z - 0.028))
    toe = legs.at((x * 1.15, y - 0.022 + 0.10 * max(-0.25, min(0.25, leg.tilt)), z + length))
    ankle = legs.at((x, y + 0.006, z))
    canvas.tube([(*heel, 0.022 * u), (*toe, 0.018 * u)], body.palette["shoe"], ends="first last")
    canvas.ball(*ankle, 0.024 * u, 0.024 * u, body.palette["shoe"])
    if body.age in ("teenager", "young"):  # trainers: a light sole
        sole = [(heel[0], heel[1] + 0.018 * u), (toe[0], toe[1] + 0.014 * u)]
        canvas.line(sole, (235, 235, 230), 0.010 * u / SCALE)


def _mix(start: Place, end: Place, share: float) -> Place:
    """Interpolate like `canvas.toward`, but with the rounding that the images depend on."""
    x, y, z = (a * (1 - share) + b * share for a, b in zip(start, end, strict=True))
    return x, y, z


def _draw_trouser_leg(canvas: Canvas, legs: Legs, leg: Leg) -> None:
    c, t, u, g = legs.body.classes, legs.body.traits, legs.body.unit, legs.girth
    palette = legs.body.palette
    if c["down"] == "long":
        width = 0.034 + 0.012 * t["leg_length"]
        cuff = toward(leg.knee, leg.ankle, 0.98)
        places = [(leg.hip, 0.049), (leg.thigh, 0.051), (leg.knee, width + 0.006), (cuff, width)]
    else:
        end = toward(leg.hip, leg.knee, 0.70 + 0.35 * t["leg_length"])
        places = [(leg.hip, 0.049), (leg.thigh, 0.052), (end, 0.056)]
    cloth = [(*legs.at(place), radius * u * g) for place, radius in places]
    canvas.tube(cloth, palette["down"])
    if c["downcolor"] == "multicolor":
        count = 5 if c["down"] == "long" else 3
        stripes = [((index + 0.3) / count, (index + 0.75) / count) for index in range(count)]
        for stripe in stripes if t["down_pattern"] < 0.6 else [(0.5, 1.0)]:
            canvas.band(cloth, *stripe, palette["down2"])
    if c["down"] == "long":
        canvas.crease([along(cloth, 0.62)[:2], along(cloth, 0.72)[:2]], 0.7, 1.2)
        x, y, radius = cloth[-1]
        canvas.crease([(x - radius, y), (x + radius, y)], 0.6, 0.7)


def draw_seat_or_skirt(canvas: Canvas, torso: Torso) -> None:
    """Draw the lower clothes between the torso and the legs."""
    body, hips, palette = torso.body, torso.hips, torso.body.palette
    c, t, k, u = body.classes, body.traits, body.k, body.unit
    top = [body.level(0.575 * k, hips * 0.86, 0.056), body.level(0.53 * k, hips, 0.066)]
    if c["clothes"] == "pants":
        seat = [body.level(0.485 * k, hips * 1.0, 0.062), body.level(0.45 * k, hips * 0.86, 0.05)]
        canvas.tube([*top, *seat], palette["down"], upright=True)
        (x, y, reach), (low_x, low_y, _) = seat
        if c["downcolor"] == "multicolor":
            corners = [(x - reach, y - 2), (x + reach, y - 2), (x + reach, y + 3), (x - reach, y + 3)]
            canvas.polygon(corners, palette["down2"])
        canvas.crease([(low_x, low_y - 0.03 * u), (low_x, low_y + 0.02 * u)], 0.55, 0.8)
        return
    hem = (0.315 - 0.05 * t["leg_length"] if c["down"] == "short" else 0.095) * k
    flare = 0.105 + 0.035 * t["down_pattern"]
    sway = 0.02 * math.sin(body.pose.phase)
    rows = [*top]
    for share in (0.33, 0.66, 1.0):
        height = 0.53 * k + (hem - 0.53 * k) * share
        half = hips + (flare + 0.012 - hips) * share
        rows.append((*body.at(0.0, height, sway * share), body.seen_width(half, 0.068 + 0.040 * share)))
    canvas.tube(rows, palette["down"], upright=True)
    x, y, reach = rows[-1]
    canvas.draw.chord((x - reach, y - 0.02 * u, x + reach, y + 0.02 * u), 0, 180, (*palette["down"], 255))
    if c["downcolor"] == "multicolor":
        for stripe in range(4):
            a, b = along(rows[1:], stripe / 4 + 0.05), along(rows[1:], stripe / 4 + 0.16)
            corners = [(a[0] - a[2], a[1]), (a[0] + a[2], a[1]), (b[0] + b[2], b[1]), (b[0] - b[2], b[1])]
            canvas.polygon(corners, palette["down2"])
    for share in (-0.55, -0.1, 0.4):  # folds
        a, b = along(rows, 0.4), rows[-1]
        canvas.crease([(a[0] + share * a[2], a[1]), (b[0] + 1.1 * share * b[2], b[1])], 0.72, 0.8)


def draw_upper_clothes(canvas: Canvas, torso: Torso) -> None:
    """Draw the neck and the upper clothes without sleeves."""
    body, palette = torso.body, torso.body.palette
    u, k = body.unit, body.k
    radii = (0.030, 0.033) if body.female else (0.037, 0.042)
    neck = [(*body.upper(0, 0.872 * k, 0.012), radii[0] * u), (*body.upper(0, 0.81 * k, 0.0), radii[1] * u)]
    canvas.tube(neck, palette["skin"], glow=0.85)
    canvas.tube(torso.levels, palette["up"], upright=True)
    if body.classes["upcolor"] == "multicolor":
        _draw_pattern(canvas, torso)
    else:
        _draw_small_print(canvas, torso)
    if body.age == "teenager" or (body.age == "young" and body.traits["detail"] > 0.5):
        _draw_hood(canvas, torso)
    else:
        _draw_collar(canvas, torso)
    if body.female:  # shadow below the bust
        y = 0.69 * k
        for side in ([(-0.75, y), (-0.35, y - 0.012), (0, y + 0.004)], [(0, y + 0.004), (0.35, y - 0.012), (0.75, y)]):
            for line in torso.strap(*side):
                canvas.crease(line, 0.72, 1.0)
    fold = 0.03 * math.sin(body.pose.phase)
    front = torso.strap((0.9, 0.60 * k), (0.2, (0.575 + fold) * k))
    for line in front + torso.strap((-2.2, 0.60 * k), (-2.9, (0.57 - fold) * k)):
        canvas.crease(line, 0.78, 0.9)
    x, y, reach = torso.levels[-1]
    canvas.crease([(x - reach, y), (x + reach, y)], 0.5, 0.7)


def _draw_hood(canvas: Canvas, torso: Torso) -> None:
    """Draw a hood on the back, and its cords in front."""
    body, up = torso.body, torso.body.palette["up"]
    k, u = body.k, body.unit
    x, y = body.upper(0, 0.800 * k, -0.052)
    half = body.seen_width(0.070, 0.034)
    if body.cos < 0.25:
        canvas.ball(x, y, half, 0.036 * u, scaled(up, 0.92))
        canvas.crease([(x - half * 0.7, y), (x, y + 0.012 * u), (x + half * 0.7, y)], 0.6, 0.8)
    for side in (-1, 1):
        for line in torso.strap((side * 0.22, 0.815 * k), (side * 0.2, 0.755 * k)):
            canvas.line(line, (235, 235, 230) if sum(up) < 480 else (70, 70, 75), 0.5)


def _draw_collar(canvas: Canvas, torso: Torso) -> None:
    """Draw a shirt's collar, two flaps over a V of skin; each part only if it is fully visible."""
    k, palette = torso.body.k, torso.body.palette
    parts = [(((-0.45, 0.826), (0.45, 0.826), (0.0, 0.765)), palette["skin"])]
    for side in (-1, 1):
        flap = ((side * 0.1, 0.775), (side * 0.55, 0.83), (side * 0.7, 0.785))
        parts.append((flap, scaled(palette["up"], 1.25 if sum(palette["up"]) < 600 else 0.8)))
    for corners, color in parts:
        visible = [point for angle, y in corners if (point := torso.surface(angle, y * k))]
        if len(visible) == len(corners):
            canvas.polygon(visible, color)


def _draw_pattern(canvas: Canvas, torso: Torso) -> None:
    """Draw stripes, blocks, checks or flowers in three colours."""
    body, up2, up3 = torso.body, torso.body.palette["up2"], torso.body.palette["up3"]
    k, kind = body.k, body.traits["pattern"]
    top, bottom = 0.80 * k, torso.hem
    if kind < 0.4:  # horizontal stripes
        count = 4 + int(kind * 7)
        step = (top - bottom) / count
        for stripe in range(count):
            y = top - step * (stripe + 0.3)
            canvas.polygon(torso.patch(0, _ALL_ROUND, y, y - 0.5 * step), up2 if stripe % 2 else up3)
    elif kind < 0.65:  # three blocks
        canvas.polygon(torso.patch(0, _ALL_ROUND, 0.74 * k, 0.66 * k), up2)
        canvas.polygon(torso.patch(0, _ALL_ROUND, 0.66 * k, bottom), up3)
    elif kind < 0.85:  # checks
        for stripe in range(4):
            y = top - (top - bottom) * (stripe + 0.4) / 4
            canvas.polygon(torso.patch(0, _ALL_ROUND, y, y - 0.025), up2)
        for turn in range(-4, 5):
            canvas.polygon(torso.patch(turn * 0.72, 0.13, top, bottom), up3)
    else:  # flowers
        size = 0.016 * body.unit
        for row in range(7):
            for turn in range(-5, 6):
                point = torso.surface(turn * 0.6 + 0.3 * (row % 2), top - (top - bottom) * (row + 0.5) / 7)
                if point is not None:
                    canvas.ellipse(*point, size, size, up2 if (row + turn) % 2 else up3)


def _draw_small_print(canvas: Canvas, torso: Torso) -> None:
    """Draw a small individual print, zip or stripe that keeps the colour class; a third of the people have none."""
    k, kind, palette = torso.body.k, torso.body.traits["detail"], torso.body.palette
    patches = (  # lower and upper limit of the trait, then the patch
        (0.00, 0.18, (0, 0.35, 0.74 * k, 0.68 * k)),  # on the chest
        (0.18, 0.30, (math.pi, 0.5, 0.75 * k, 0.67 * k)),  # on the back
        (0.30, 0.40, (0.45, 0.14, 0.745 * k, 0.715 * k)),  # a badge
        (0.52, 0.60, (0, _ALL_ROUND, 0.725 * k, 0.705 * k)),  # a stripe across the chest
        (0.60, 0.68, (0, _ALL_ROUND, torso.hem + 0.02, torso.hem)),  # a border at the hem
    )
    for low, high, patch in patches:
        if low <= kind < high:
            canvas.polygon(torso.patch(*patch), palette["detail"])
    if 0.40 <= kind < 0.52:
        for line in torso.strap((0, 0.81 * k), (0, torso.hem)):  # a zip
            canvas.line(line, scaled(palette["up"], 0.55), 0.7)


def _draw_handbag(canvas: Canvas, body: Body, hand: Point) -> None:
    u, color = body.unit, body.palette["handbag"]
    x, y = hand
    half = body.seen_width(0.038, 0.078) + 0.012 * u
    top, low = y + 0.055 * u, y + 0.170 * u
    for share in (-0.6, 0.6):
        canvas.line([(x, y), (x + share * half, top)], scaled(color, 0.6), 0.011 * u / SCALE)
    canvas.tube([(x, top, half * 0.85), (x, (top + low) / 2, half), (x, low, half)], color, upright=True)
    canvas.crease([(x - half, top + 0.03 * u), (x + half, top + 0.03 * u)], 0.6, 0.7)


def draw_bag_strap(canvas: Canvas, torso: Torso) -> None:
    """Draw the strap of a bag: across the body, or from the shoulder on the bag's side."""
    body = torso.body
    side, k, u = torso.bag_side, body.k, body.unit
    if body.traits["bag_style"] < 0.65:
        front = [(-side * 0.45, 0.822 * k), (side * 0.25, 0.68 * k), (side * 1.2, 0.54 * k)]
        back = [(side * 1.6, 0.54 * k), (side * 2.9, 0.68 * k), (side * (2 * math.pi - 2.6), 0.822 * k)]
    else:
        front = [(side * 0.75, 0.815 * k), (side * 1.15, 0.54 * k)]
        back = [(side * 2.4, 0.815 * k), (side * 1.9, 0.54 * k)]
    for line in torso.strap(*front) + torso.strap(*back):
        canvas.crease(line, 0.7, 0.024 * u / SCALE)
        canvas.line(line, body.palette["bag"], 0.016 * u / SCALE)


def draw_bag(canvas: Canvas, torso: Torso, legs: Legs) -> None:
    """Draw the bag at the hip."""
    body, color = torso.body, torso.body.palette["bag"]
    k, u = body.k, body.unit
    x, y = body.at(torso.bag_side * (torso.hips + 0.022), 0.545 * k - legs.drop, 0.01)
    half = body.seen_width(0.034, 0.082) + 0.010 * u
    high = (0.13 + 0.04 * body.traits["bag_style"]) * u
    canvas.tube([(x, y, half * 0.85), (x, y + 0.3 * high, half), (x, y + high, half * 0.95)], color, upright=True)
    canvas.crease([(x - half, y + 0.42 * high), (x + half, y + 0.42 * high)], 0.6, 0.8)


def draw_backpack(canvas: Canvas, body: Body) -> None:
    """Draw a backpack, with a pocket where its outside is visible."""
    k, u, t, palette = body.k, body.unit, body.traits, body.palette
    wide, deep = 0.080 + 0.020 * t["pack_size"], 0.050 + 0.015 * t["pack_size"]
    low = (0.60 - 0.05 * t["pack_size"]) * k
    rows = []
    for share, width in ((0.0, 0.62), (0.12, 0.95), (0.5, 1.05), (0.85, 1.05), (1.0, 0.85)):
        height = 0.815 * k + (low - 0.815 * k) * share
        rows.append(body.level(height, wide * width, deep * width, -0.060 - deep))
    canvas.tube(rows, palette["backpack"], upright=True)
    if body.cos < 0.3:
        x, y, reach = along(rows, 0.62)
        x -= 0.6 * deep * body.sin * u
        if abs(body.cos) > 0.35:
            pocket = [(x - 0.62 * reach, y), (x + 0.62 * reach, y)]
            pocket += [(x + 0.6 * reach, y + 0.085 * u), (x - 0.6 * reach, y + 0.085 * u)]
            canvas.polygon(pocket, scaled(palette["backpack"], 0.72) if t["pack_detail"] < 0.6 else palette["detail"])
        canvas.crease([(x - 0.8 * reach, y - 0.02 * u), (x + 0.8 * reach, y - 0.02 * u)], 0.6, 0.8)


def draw_backpack_straps(canvas: Canvas, torso: Torso) -> None:
    """Draw the two straps of a backpack over the shoulders."""
    k, u = torso.body.k, torso.body.unit
    for side in (-1, 1):
        path = ((1.3, 0.812), (0.62, 0.805), (0.60, 0.70), (1.1, 0.61))
        for line in torso.strap(*((side * angle, y * k) for angle, y in path)):
            canvas.crease(line, 0.7, 0.034 * u / SCALE)
            canvas.line(line, torso.body.palette["backpack"], 0.026 * u / SCALE)
