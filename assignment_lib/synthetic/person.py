"""One drawn pedestrian: a small jointed body in three dimensions, dressed by its attributes, seen from any side.

Lengths of the body are in units of its height (ground 0, top of the head 1); x runs across the shoulders, y up, z the way
the person faces. Turning by `yaw` (0: faces the camera) and tilting by the camera's pitch gives the picture, so that front,
side and back views agree: straps in front, the bulge of a backpack behind, one arm hidden by the body. Everything is drawn
on a sheet `SCALE` times too large and reduced, which smooths the edges.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assignment_lib.data.attributes import TASKS
from assignment_lib.synthetic.canvas import SCALE, WIDTH, Canvas, along

#: Colour class -> hue and its spread (degrees), lowest and highest saturation, lowest and highest value.
_COLORS = {
    "black": (230, 40, 0.05, 0.30, 0.08, 0.17),
    "white": (60, 60, 0.00, 0.06, 0.88, 0.98),
    "red": (356, 9, 0.72, 0.92, 0.58, 0.86),
    "purple": (282, 14, 0.45, 0.70, 0.38, 0.66),
    "yellow": (50, 6, 0.65, 0.90, 0.82, 0.96),
    "gray": (220, 40, 0.00, 0.08, 0.40, 0.58),
    "blue": (216, 13, 0.50, 0.85, 0.36, 0.78),
    "green": (128, 28, 0.42, 0.75, 0.32, 0.66),
    "pink": (340, 9, 0.32, 0.52, 0.88, 0.98),
    "brown": (26, 6, 0.42, 0.62, 0.28, 0.46),
}
_SHOES = ("white", "white", "black", "gray", "red", "blue")
_BAGS = ("black", "black", "brown", "red", "blue", "gray", "pink", "green")
#: What makes a person different from others with the same attributes; each a number in [0, 1).
# fmt: off
_TRAITS = (
    "height", "girth", "legs", "shoulders", "skin", "hair", "hair_value", "hair_length", "hue", "saturation",
    "value", "hue2", "color2", "color3", "down_hue", "down_saturation", "down_value", "down_color2", "pattern",
    "down_pattern", "detail", "detail_color", "sleeve", "hem", "leg_length", "shoe", "shoe_value", "sock",
    "bag_color", "bag_value", "bag_side", "bag_style", "pack_color", "pack_value", "pack_size", "pack_detail",
    "handbag_color", "handbag_side", "hat_style", "hat_color", "beard", "gait", "spread", "glasses",
)
# fmt: on


@dataclass(frozen=True)
class Person:
    """`classes`: task -> class name. `traits`: trait -> number in [0, 1), constant over all pictures of the person."""

    classes: dict[str, str]
    traits: dict[str, float]


@dataclass(frozen=True)
class Pose:
    """How a person stands in one picture.

    yaw: radians, 0 faces the camera, pi shows the back. phase: of the step, radians. pitch: of the camera, radians.
    light: -1 from the left, 1 from the right. x, y: of the feet, pixels of the 64 x 128 picture. size: pixels from the
    ground to the head of a grown person.
    """

    yaw: float
    phase: float = 0.0
    pitch: float = 0.12
    light: float = -0.5
    x: float = WIDTH / 2
    y: float = 122.0
    size: float = 112.0


def person(targets: np.ndarray | list[int], rng: np.random.Generator) -> Person:
    """A person with these twelve classes (indices in task order) and traits from `rng`.

    The same state of `rng` gives the same traits whatever the classes are, so one attribute can be changed alone.
    """
    classes = {task: names[int(index)] for (task, names), index in zip(TASKS.items(), targets, strict=True)}
    return Person(classes, dict(zip(_TRAITS, rng.random(len(_TRAITS)).tolist(), strict=True)))


def render(who: Person, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """The person alone: colours float32 `(128, 64, 3)` in 0..255 and coverage float32 `(128, 64, 1)` in 0..1."""
    figure = _Figure(who, pose)
    canvas = Canvas(pose.light)
    for _, part in sorted(figure.parts(canvas), key=lambda item: item[0]):
        part()
    return canvas.finish()


# --- colours ---------------------------------------------------------------------------------------------------------


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """Hue in degrees, the others in 0..1 -> 0..255 each."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 360 / 360, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return int(255 * red), int(255 * green), int(255 * blue)


def _cloth(name: str, hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    """A shade of the colour class; the three numbers in [0, 1) choose within the class."""
    center, spread, low_s, high_s, low_v, high_v = _COLORS[name]
    return _rgb(
        center + spread * (2 * hue - 1), low_s + (high_s - low_s) * saturation, low_v + (high_v - low_v) * value
    )


def _pick(choices, number: float):
    return choices[int(number * len(choices))]


def _darker(color, share: float) -> tuple[int, int, int]:
    return tuple(int(min(255, channel * share)) for channel in color)


# --- the body --------------------------------------------------------------------------------------------------------


class _Figure:
    """Where the parts of one person in one pose lie, and how each is drawn."""

    def __init__(self, who: Person, pose: Pose):
        self.c, self.t, self.pose = who.classes, who.traits, pose
        t = self.t
        self.age = self.c["age"]
        self.female = self.c["gender"] == "female"
        self.head = {"young": 0.225, "teenager": 0.152, "adult": 0.143, "old": 0.148}[self.age]
        # Heights below are those of a grown body; a child's large head presses the rest down.
        self.k = (1 - self.head) / 0.862
        self.unit = pose.size * SCALE * (0.95 + 0.07 * t["height"]) * {"young": 0.84, "old": 0.97}.get(self.age, 1.0)
        plump = {"young": 1.08, "teenager": 0.97, "adult": 1.12, "old": 1.08}[self.age]
        self.girth = plump * (0.88 + 0.26 * t["girth"])
        self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)
        self.hip = (0.505 + 0.03 * (t["legs"] - 0.5)) * self.k
        self.lean = 0.34 if self.age == "old" else 0.03 + 0.04 * t["gait"]
        self._color()
        self._torso()
        self._limbs()

    def _color(self) -> None:
        t, c = self.t, self.c
        self.skin = _rgb(22 + 6 * t["skin"], 0.50 - 0.22 * t["skin"], 0.62 + 0.30 * t["skin"])
        gray_hair = _rgb(40, 0.03, 0.66 + 0.26 * t["hair_value"])
        dark_hair = _rgb(20 + 12 * t["hair"], 0.25 + 0.4 * t["hair"], 0.07 + 0.22 * t["hair_value"] ** 2)
        self.hair = gray_hair if self.age == "old" else dark_hair
        self.up, self.up2, self.up3 = self._clothes(
            c["upcolor"], t["hue"], t["saturation"], t["value"], t["color2"], t["color3"]
        )
        self.down, self.down2, _ = self._clothes(
            c["downcolor"], t["down_hue"], t["down_saturation"], t["down_value"], t["down_color2"], t["hue2"]
        )
        self.detail = _cloth(_pick(tuple(_COLORS), t["detail_color"]), t["hue2"], 0.7, 0.7)
        self.shoe = _cloth(_pick(_SHOES, t["shoe"]), 0.5, 0.6, t["shoe_value"])
        if self.age in ("adult", "old"):
            self.shoe = _rgb(20 + 15 * t["shoe"], 0.35 + 0.3 * t["shoe"], 0.10 + 0.16 * t["shoe_value"])
        self.bag = _cloth(_pick(_BAGS, t["bag_color"]), 0.5, 0.5, t["bag_value"])
        self.pack = _cloth(_pick(_BAGS, t["pack_color"]), 0.5, 0.6, t["pack_value"])
        self.handbag = _cloth(_pick(_BAGS, t["handbag_color"]), 0.5, 0.6, 0.6)
        self.hat = _cloth(_pick(("red", "white", "blue", "black", "yellow", "green"), t["hat_color"]), 0.5, 0.6, 0.6)

    @staticmethod
    def _clothes(name, hue, saturation, value, second, third) -> tuple:
        """Main colour and two more; they differ in kind only for multicolor."""
        if name != "multicolor":
            main = _cloth(name, hue, saturation, value)
            return main, main, main
        names = [color for color in _COLORS if color not in ("brown", "gray")]
        first = names.pop(int(hue * len(names)))
        other = names.pop(int(second * len(names)))
        return tuple(_cloth(color, 0.5, saturation, value) for color in (first, other, _pick(names, third)))

    # Places: of the body, on the sheet.

    def at(self, x: float, y: float, z: float) -> tuple[float, float]:
        """A point of the upright body -> sheet, in pixels of the sheet."""
        pose = self.pose
        across = x * self.cos + z * self.sin
        near = z * self.cos - x * self.sin
        return (
            pose.x * SCALE + across * self.unit,
            pose.y * SCALE - self.unit * (y * math.cos(pose.pitch) - near * math.sin(pose.pitch)),
        )

    def near(self, x: float, z: float) -> float:
        return z * self.cos - x * self.sin

    def bend(self, x: float, y: float, z: float) -> tuple[float, float, float]:
        """The stoop: what lies above the hips turns forward about them."""
        if y <= self.hip:
            return x, y, z
        # The back rounds: the higher, the more it leans.
        angle = self.lean * min(1.0, 0.5 + (y - self.hip) / self.k)
        rise = y - self.hip
        return x, self.hip + rise * math.cos(angle) - z * math.sin(angle), z * math.cos(angle) + rise * math.sin(angle)

    def upper(self, x: float, y: float, z: float) -> tuple[float, float]:
        return self.at(*self.bend(x, y, z))

    def level(self, y: float, half_width: float, half_depth: float, z: float = 0.0) -> tuple[float, float, float]:
        """An oval cross-section at height y -> its middle and half extent on the sheet."""
        x, sheet_y = self.upper(0.0, y, z)
        return x, sheet_y, self.unit * math.hypot(half_width * self.cos, half_depth * self.sin)

    def _torso(self) -> None:
        t, g, k, female = self.t, self.girth, self.k, self.female
        shoulder = (0.090 if female else 0.114) + 0.012 * (t["shoulders"] - 0.5) - (0.012 if self.age == "young" else 0)
        self.shoulder = shoulder * (0.6 + 0.4 * g)
        waist = 0.060 if female else 0.082
        hips = 0.094 if female else 0.083
        belly = {"adult": 0.010, "old": 0.012}.get(self.age, 0.0)
        chest_depth = 0.074 if female else 0.064
        hem = (0.500 if self.c["clothes"] == "pants" else 0.555) - 0.035 * t["hem"]
        self.rows = [  # height, half width, half depth
            (0.832 * k, 0.036, 0.040),
            (0.815 * k, self.shoulder * 0.70, 0.048),
            (0.795 * k, self.shoulder * 1.02, 0.056),
            (0.755 * k, self.shoulder * 1.08, 0.064 * g),
            (0.700 * k, (0.080 if female else 0.094) * g, chest_depth * g),
            (0.615 * k, (waist + belly) * g, (0.054 + belly) * g),
            (0.555 * k, (waist * 0.3 + hips * 0.7) * g, 0.064 * g),
            (hem * k, hips * g, 0.064 * g),
        ]
        self.hips = hips * g
        self.torso_levels = [self.level(*row) for row in self.rows]

    def surface(self, angle: float, y: float) -> tuple[float, float] | None:
        """A point of the torso's cloth at `angle` round the body (0 in front) and height y; None where it faces away."""
        turned = angle + self.pose.yaw
        if math.cos(turned) < -0.02:
            return None
        x, sheet_y, reach = self._torso_level(y)
        return x + reach * math.sin(turned), sheet_y + 0.5 * self.pose.pitch * reach * math.cos(turned)

    def _torso_level(self, y: float) -> tuple[float, float, float]:
        rows = self.rows
        for upper, lower in pairwise(rows):
            if y >= lower[0] or lower is rows[-1]:
                rest = min(max((upper[0] - y) / (upper[0] - lower[0]), 0.0), 1.0)
                return self.level(*(a + (b - a) * rest for a, b in zip(upper, lower, strict=True)))
        raise AssertionError("unreachable")

    def strap(self, path) -> list[list[tuple[float, float]]]:
        """The visible stretches of a line on the torso; `path` is of (angle, height)."""
        stretches, current = [], []
        for (angle, y), (angle2, y2) in pairwise(path):
            for step in range(5):
                point = self.surface(angle + (angle2 - angle) * step / 4, y + (y2 - y) * step / 4)
                if point is not None:
                    current.append(point)
                elif current:
                    stretches.append(current)
                    current = []
        return [*stretches, current] if current else stretches

    def patch(self, angle: float, half: float, top: float, bottom: float) -> list[tuple[float, float]]:
        """Outline of the part of the torso within `half` of `angle` and between two heights, as far as it shows."""
        turned = (angle + self.pose.yaw + math.pi) % (2 * math.pi) - math.pi
        low, high = max(turned - half, -1.5), min(turned + half, 1.5)
        if half >= math.pi:
            low, high = -1.5, 1.5
        if low >= high:
            return []
        left, right = [], []
        for step in range(5):
            x, y, reach = self._torso_level(top + (bottom - top) * step / 4)
            sag = 0.5 * self.pose.pitch * reach
            left.append((x + reach * math.sin(low), y + sag * math.cos(low)))
            right.append((x + reach * math.sin(high), y + sag * math.cos(high)))
        middle = left[-1][1], right[-1][1]
        bottom_edge = [((left[-1][0] + right[-1][0]) / 2, max(middle) + 0.3 * abs(middle[0] - middle[1]))]
        return left + bottom_edge + right[::-1]

    def _limbs(self) -> None:
        t, k, pose = self.t, self.k, self.pose
        stride = {"young": 0.44, "old": 0.24}.get(self.age, 0.36 + 0.12 * t["gait"])
        if self.c["clothes"] == "dress" and self.c["down"] == "long":
            stride *= 0.6
        thigh = (0.505 + 0.03 * (t["legs"] - 0.5) - 0.275) * k
        shin = 0.235 * k
        stance = 0.040 if self.female else 0.052
        knees = 0.25 if self.age == "old" else 0.08
        self.legs, lowest = [], 1.0
        for side in (-1, 1):
            swing = stride * math.sin(pose.phase + (0 if side > 0 else math.pi))
            lift = max(0.0, math.cos(pose.phase + (0 if side > 0 else math.pi)))
            flex = knees + 0.85 * stride / 0.4 * lift**2
            angle = swing + 0.3 * flex
            hip = (side * 0.047 * self.girth, self.hip, 0.0)
            knee = (side * stance, hip[1] - thigh * math.cos(angle), thigh * math.sin(angle))
            ankle = (side * stance, knee[1] - shin * math.cos(angle - flex), knee[2] + shin * math.sin(angle - flex))
            lowest = min(lowest, ankle[1])
            self.legs.append((side, hip, knee, ankle, 0.25 * flex - 0.2 * swing))
        drop = lowest - 0.035
        self.drop = drop
        self.arms = []
        for side in (-1, 1):
            holds = self.c["handbag"] == "yes" and side == self.handbag_side
            cane = self.age == "old" and side == -self.handbag_side
            swing = -1.1 * stride * math.sin(pose.phase + (0 if side > 0 else math.pi)) * (0.35 if holds else 1.0)
            out = 0.10 + 0.08 * t["spread"] + (0.08 if not self.female else 0.03)
            if cane:
                swing = 0.5
            shoulder = (side * (self.shoulder - 0.002), 0.780 * k, 0.0)
            upper, fore = 0.160 * k, 0.150 * k
            elbow = (
                shoulder[0] + side * upper * math.sin(out),
                shoulder[1] - upper * math.cos(swing),
                upper * math.sin(swing),
            )
            bent = swing + (0.15 if holds else 0.35 + 0.3 * t["gait"])
            hand = (
                elbow[0] + side * fore * 0.04,
                elbow[1] - fore * math.cos(bent),
                elbow[2] + fore * math.sin(bent),
            )
            self.arms.append((side, shoulder, elbow, hand, holds, cane))

    @property
    def handbag_side(self) -> int:
        return 1 if self.t["handbag_side"] < 0.5 else -1

    # Parts: (order, function), the lowest order drawn first.

    def parts(self, canvas: Canvas) -> list:
        """All parts with the place in the order they are drawn in: 0 the torso, negative behind it."""
        self.canvas = canvas
        front = self.cos
        parts = [(0.0, self.draw_torso), (2.0, self.draw_head), (-1.0, self.draw_lower)]
        for index, (side, _hip, knee, ankle, _) in enumerate(self.legs):
            depth = self.near(side * 0.05, 0.3 * (knee[2] + ankle[2]))
            parts.append((-1.6 + depth, lambda index=index: self.draw_leg(index)))
        for index, (side, _shoulder, elbow, _hand, _, _) in enumerate(self.arms):
            depth = self.near(side * self.shoulder, 0.25 * elbow[2])
            parts.append(((-2.5 if depth < -0.045 else 1.0) + depth, lambda index=index: self.draw_arm(index)))
        if self.c["backpack"] == "yes":
            parts.append((-1.9 if front > 0.05 else 0.6 if front > -0.3 else 1.4, self.draw_backpack))
            parts.append((0.3, self.draw_backpack_straps))
        if self.c["bag"] == "yes":
            side = self.bag_side
            parts.append((0.35, self.draw_bag_strap))
            parts.append((0.5 if self.near(side * 0.1, 0.0) > -0.04 else -1.8, self.draw_bag))
        if self.c["hair"] == "long":
            parts.append((-1.7 if front > 0.15 else 2.4, self.draw_long_hair))
        return parts

    def draw_leg(self, index: int) -> None:
        _, hip, knee, ankle, tilt = self.legs[index]
        c, u, g, canvas = self.c, self.unit, 0.5 + 0.5 * self.girth, self.canvas
        shift = self.drop

        def sheet(point):
            return self.at(point[0], point[1] - shift, point[2])

        middle = tuple((a + b) / 2 for a, b in zip(hip, knee, strict=True))
        calf = tuple(a * 0.7 + b * 0.3 for a, b in zip(knee, ankle, strict=True))
        bare = [
            (*sheet(p), r * u * g)
            for p, r in ((hip, 0.046), (middle, 0.045), (knee, 0.034), (calf, 0.035), (ankle, 0.021))
        ]
        self.draw_foot(sheet, ankle, tilt)
        canvas.tube(bare, self.skin, ends="last")
        if self.t["sock"] > 0.55:
            canvas.band(bare, 0.93, 1.0, (225, 225, 225) if self.t["sock"] > 0.75 else (40, 40, 44))
        if c["clothes"] == "dress":
            return
        if c["down"] == "long":
            width = 0.034 + 0.012 * self.t["leg_length"]
            cuff = tuple(a + (b - a) * 0.98 for a, b in zip(knee, ankle, strict=True))
            cloth = [
                (*sheet(p), r * u * g) for p, r in ((hip, 0.049), (middle, 0.051), (knee, width + 0.006), (cuff, width))
            ]
        else:
            share = 0.70 + 0.35 * self.t["leg_length"]
            end = tuple(a + (b - a) * share for a, b in zip(hip, knee, strict=True))
            cloth = [(*sheet(p), r * u * g) for p, r in ((hip, 0.049), (middle, 0.052), (end, 0.056))]
        canvas.tube(cloth, self.down)
        if self.c["downcolor"] == "multicolor":
            if self.t["down_pattern"] < 0.6:
                count = 5 if c["down"] == "long" else 3
                for stripe in range(count):
                    canvas.band(cloth, (stripe + 0.3) / count, (stripe + 0.75) / count, self.down2)
            else:
                canvas.band(cloth, 0.5, 1.0, self.down2)
        if c["down"] == "long":
            canvas.crease([along(cloth, 0.62)[:2], along(cloth, 0.72)[:2]], 0.7, 1.2)
            x, y, radius = cloth[-1]
            canvas.crease([(x - radius, y), (x + radius, y)], 0.6, 0.7)

    def draw_foot(self, sheet, ankle, tilt) -> None:
        u, canvas = self.unit, self.canvas
        x, y, z = ankle
        long = 0.085 * (0.92 if self.female else 1.0)
        heel = (x, y - 0.018, z - 0.028)
        toe = (x * 1.15, y - 0.022 + 0.10 * max(-0.25, min(0.25, tilt)), z + long)
        a, b, ankle_at = sheet(heel), sheet(toe), sheet((x, y + 0.006, z))
        nodes = [(*ankle_at, 0.024 * u), (*a, 0.022 * u), (*b, 0.018 * u)]
        canvas.tube(nodes[1:], self.shoe, ends="first last")
        canvas.ball(*ankle_at, 0.024 * u, 0.024 * u, self.shoe)
        if self.age in ("teenager", "young"):  # trainers: a pale sole
            sole = [(a[0], a[1] + 0.018 * u), (b[0], b[1] + 0.014 * u)]
            canvas.line(sole, (235, 235, 230), 0.010 * u / SCALE)

    def draw_lower(self) -> None:
        """The seat of the trousers, or the skirt."""
        c, u, canvas, k = self.c, self.unit, self.canvas, self.k
        top = [self.level(0.575 * k, self.hips * 0.86, 0.056), self.level(0.53 * k, self.hips, 0.066)]
        if c["clothes"] == "pants":
            seat = [self.level(0.485 * k, self.hips * 1.0, 0.062), self.level(0.45 * k, self.hips * 0.86, 0.05)]
            canvas.tube([*top, *seat], self.down, upright=True)
            if self.c["downcolor"] == "multicolor":
                x, y, reach = seat[0]
                canvas.polygon(
                    [(x - reach, y - 2), (x + reach, y - 2), (x + reach, y + 3), (x - reach, y + 3)], self.down2
                )
            x, y, reach = seat[-1]
            canvas.crease([(x, y - 0.03 * u), (x, y + 0.02 * u)], 0.55, 0.8)
            return
        hem = (0.315 - 0.05 * self.t["leg_length"] if c["down"] == "short" else 0.095) * k
        flare = 0.105 + 0.035 * self.t["down_pattern"]
        sway = 0.02 * math.sin(self.pose.phase)
        rows = [*top]
        for share in (0.33, 0.66, 1.0):
            y = 0.53 * k + (hem - 0.53 * k) * share
            half = self.hips + (flare + 0.012 - self.hips) * share
            x, sheet_y = self.at(0.0, y, sway * share)
            rows.append((x, sheet_y, u * math.hypot(half * self.cos, (0.068 + 0.040 * share) * self.sin)))
        canvas.tube(rows, self.down, upright=True)
        x, y, reach = rows[-1]
        canvas.draw.chord((x - reach, y - 0.02 * u, x + reach, y + 0.02 * u), 0, 180, (*self.down, 255))
        if self.c["downcolor"] == "multicolor":
            for stripe in range(4):
                a, b = along(rows[1:], stripe / 4 + 0.05), along(rows[1:], stripe / 4 + 0.16)
                canvas.polygon(
                    [(a[0] - a[2], a[1]), (a[0] + a[2], a[1]), (b[0] + b[2], b[1]), (b[0] - b[2], b[1])], self.down2
                )
        for share in (-0.55, -0.1, 0.4):  # folds
            a, b = along(rows, 0.4), rows[-1]
            canvas.crease([(a[0] + share * a[2], a[1]), (b[0] + 1.1 * share * b[2], b[1])], 0.72, 0.8)

    def draw_torso(self) -> None:
        canvas, u, k = self.canvas, self.unit, self.k
        neck = [(*self.upper(0, 0.872 * k, 0.012), (0.030 if self.female else 0.037) * u)]
        neck.append((*self.upper(0, 0.81 * k, 0.0), (0.033 if self.female else 0.042) * u))
        canvas.tube(neck, self.skin, glow=0.85)
        canvas.tube(self.torso_levels, self.up, upright=True)
        if self.c["upcolor"] == "multicolor":
            self._pattern()
        else:
            self._plain_details()
        self._collar()
        if self.female:  # the bust: a soft shadow below it
            y = 0.69 * k
            for line in self.strap([(-0.75, y), (-0.35, y - 0.012), (0, y + 0.004)]) + self.strap(
                [(0, y + 0.004), (0.35, y - 0.012), (0.75, y)]
            ):
                canvas.crease(line, 0.72, 1.0)
        fold = 0.03 * math.sin(self.pose.phase)
        for line in self.strap([(0.9, 0.60 * k), (0.2, (0.575 + fold) * k)]) + self.strap(
            [(-2.2, 0.60 * k), (-2.9, (0.57 - fold) * k)]
        ):
            canvas.crease(line, 0.78, 0.9)
        x, y, reach = self.torso_levels[-1]
        canvas.crease([(x - reach, y), (x + reach, y)], 0.5, 0.7)

    def _pattern(self) -> None:
        canvas, k, kind = self.canvas, self.k, self.t["pattern"]
        top, bottom = 0.80 * k, self.rows[-1][0]
        if kind < 0.4:  # stripes across
            count = 4 + int(kind * 7)
            step = (top - bottom) / count
            for stripe in range(count):
                y = top - step * (stripe + 0.3)
                canvas.polygon(self.patch(0, 4, y, y - 0.5 * step), self.up2 if stripe % 2 else self.up3)
        elif kind < 0.65:  # three blocks
            canvas.polygon(self.patch(0, 4, 0.74 * k, 0.66 * k), self.up2)
            canvas.polygon(self.patch(0, 4, 0.66 * k, bottom), self.up3)
        elif kind < 0.85:  # checks
            for stripe in range(4):
                y = top - (top - bottom) * (stripe + 0.4) / 4
                canvas.polygon(self.patch(0, 4, y, y - 0.025), self.up2)
            for turn in range(-4, 5):
                canvas.polygon(self.patch(turn * 0.72, 0.13, top, bottom), self.up3)
        else:  # flowers
            for row in range(7):
                for turn in range(-5, 6):
                    point = self.surface(turn * 0.6 + 0.3 * (row % 2), top - (top - bottom) * (row + 0.5) / 7)
                    if point is not None:
                        size = 0.016 * self.unit
                        canvas.ellipse(*point, size, size, self.up2 if (row + turn) % 2 else self.up3)

    def _plain_details(self) -> None:
        """Prints and zips: small, so that the colour class stays, yet one's own."""
        canvas, k, kind = self.canvas, self.k, self.t["detail"]
        if kind < 0.18:
            canvas.polygon(self.patch(0, 0.35, 0.74 * k, 0.68 * k), self.detail)
        elif kind < 0.30:
            canvas.polygon(self.patch(math.pi, 0.5, 0.75 * k, 0.67 * k), self.detail)
        elif kind < 0.40:
            canvas.polygon(self.patch(0.45, 0.14, 0.745 * k, 0.715 * k), self.detail)
        elif kind < 0.52:
            for line in self.strap([(0, 0.81 * k), (0, self.rows[-1][0])]):
                canvas.line(line, _darker(self.up, 0.55), 0.7)
        elif kind < 0.60:
            canvas.polygon(self.patch(0, 4, 0.725 * k, 0.705 * k), self.detail)
        elif kind < 0.68:
            canvas.polygon(self.patch(0, 4, self.rows[-1][0] + 0.02, self.rows[-1][0]), self.detail)

    def _collar(self) -> None:
        canvas, k, u = self.canvas, self.k, self.unit
        if self.age == "teenager" or (self.age == "young" and self.t["detail"] > 0.5):  # a hood lies on the back
            x, y = self.upper(0, 0.800 * k, -0.052)
            half = u * math.hypot(0.070 * self.cos, 0.034 * self.sin)
            if self.cos < 0.25:
                canvas.ball(x, y, half, 0.036 * u, _darker(self.up, 0.92))
                canvas.crease([(x - half * 0.7, y), (x, y + 0.012 * u), (x + half * 0.7, y)], 0.6, 0.8)
            for side in (-1, 1):  # its cords
                for line in self.strap([(side * 0.22, 0.815 * k), (side * 0.2, 0.755 * k)]):
                    canvas.line(line, (235, 235, 230) if sum(self.up) < 480 else (70, 70, 75), 0.5)
            return
        # A shirt's collar: two pale flaps over a V of skin.
        opening = [self.surface(-0.45, 0.826 * k), self.surface(0.45, 0.826 * k), self.surface(0.0, 0.765 * k)]
        if all(opening):
            canvas.polygon(opening, self.skin)
        for side in (-1, 1):
            flap = [self.surface(side * a, y * k) for a, y in ((0.1, 0.775), (0.55, 0.83), (0.7, 0.785))]
            if all(flap):
                canvas.polygon(flap, _darker(self.up, 1.25 if sum(self.up) < 600 else 0.8))

    def draw_arm(self, index: int) -> None:
        _, shoulder, elbow, hand, holds, cane = self.arms[index]
        c, u, canvas = self.c, self.unit, self.canvas
        g = (0.5 + 0.5 * self.girth) * (0.88 if self.female else 1.04)
        wrist = tuple(a + (b - a) * 0.9 for a, b in zip(elbow, hand, strict=True))
        bare = [(*self.upper(*p), r * u * g) for p, r in ((shoulder, 0.029), (elbow, 0.026), (wrist, 0.019))]
        hand_at = self.upper(*hand)
        if cane:
            x, y = hand_at
            tip = self.at(hand[0] * 1.05, 0.0, self.bend(*hand)[2] + 0.06)
            canvas.draw.line([(x, y), tip], (70, 44, 26, 255), max(2, round(0.013 * u)))
            canvas.draw.line(
                [(x - 0.025 * u, y - 0.005 * u), (x + 0.025 * u, y - 0.005 * u)], (70, 44, 26, 255), round(0.014 * u)
            )
        if holds:
            self.draw_handbag(hand, hand_at)
        canvas.tube(bare, self.skin, ends="first last")
        canvas.ball(*hand_at, 0.022 * u * g, 0.027 * u * g, self.skin)
        if c["up"] == "long":
            sleeve = [(x, y, r * (1.2 if n < 2 else 1.4)) for n, (x, y, r) in enumerate(bare)]
        else:
            end = tuple(a + (b - a) * (0.62 + 0.30 * self.t["sleeve"]) for a, b in zip(shoulder, elbow, strict=True))
            sleeve = [(*bare[0][:2], bare[0][2] * 1.15), (*self.upper(*end), 0.036 * u * g)]
        canvas.tube(sleeve, self.up, ends="first")
        if c["upcolor"] == "multicolor":
            canvas.band(sleeve, 0.45, 0.75, self.up2)
        x, y, radius = sleeve[-1]
        canvas.crease([(x - radius, y), (x + radius, y)], 0.6, 0.6)

    def draw_handbag(self, hand, hand_at) -> None:
        canvas, u = self.canvas, self.unit
        x, y = hand_at
        half = u * math.hypot(0.038 * self.cos, 0.078 * self.sin) + 0.012 * u
        top, low = y + 0.055 * u, y + 0.170 * u
        for share in (-0.6, 0.6):
            canvas.line([(x, y), (x + share * half, top)], _darker(self.handbag, 0.6), 0.011 * u / SCALE)
        canvas.tube([(x, top, half * 0.85), (x, (top + low) / 2, half), (x, low, half)], self.handbag, upright=True)
        canvas.crease([(x - half, top + 0.03 * u), (x + half, top + 0.03 * u)], 0.6, 0.7)

    @property
    def bag_side(self) -> int:
        return 1 if self.t["bag_side"] < 0.5 else -1

    def draw_bag_strap(self) -> None:
        side, k = self.bag_side, self.k
        if self.t["bag_style"] < 0.65:  # across the body, from the other shoulder
            front = [(-side * 0.45, 0.822 * k), (side * 0.25, 0.68 * k), (side * 1.2, 0.54 * k)]
            back = [
                (side * 1.2 + 0.4 * side, 0.54 * k),
                (side * 2.9, 0.68 * k),
                (side * (2 * math.pi - 2.6), 0.822 * k),
            ]
        else:  # from the shoulder on its own side
            front = [(side * 0.75, 0.815 * k), (side * 1.15, 0.54 * k)]
            back = [(side * 2.4, 0.815 * k), (side * 1.9, 0.54 * k)]
        for path in (front, back):
            for line in self.strap(path):
                self.canvas.crease(line, 0.7, 0.024 * self.unit / SCALE)
                self.canvas.line(line, self.bag, 0.016 * self.unit / SCALE)

    def draw_bag(self) -> None:
        side, k, u, canvas = self.bag_side, self.k, self.unit, self.canvas
        x, y = self.at(side * (self.hips + 0.022), 0.545 * k - self.drop, 0.01)
        half = u * math.hypot(0.034 * self.cos, 0.082 * self.sin) + 0.010 * u
        high = (0.13 + 0.04 * self.t["bag_style"]) * u
        canvas.tube(
            [(x, y, half * 0.85), (x, y + 0.3 * high, half), (x, y + high, half * 0.95)], self.bag, upright=True
        )
        canvas.crease([(x - half, y + 0.42 * high), (x + half, y + 0.42 * high)], 0.6, 0.8)

    def draw_backpack(self) -> None:
        k, u, canvas, t = self.k, self.unit, self.canvas, self.t
        wide, deep = 0.080 + 0.020 * t["pack_size"], 0.050 + 0.015 * t["pack_size"]
        low = (0.60 - 0.05 * t["pack_size"]) * k
        rows = []
        for share, width in ((0.0, 0.62), (0.12, 0.95), (0.5, 1.05), (0.85, 1.05), (1.0, 0.85)):
            y = 0.815 * k + (low - 0.815 * k) * share
            rows.append(self.level(y, wide * width, deep * width, -0.060 - deep))
        canvas.tube(rows, self.pack, upright=True)
        if self.cos < 0.3:
            x, y, reach = along(rows, 0.62)
            pocket = _darker(self.pack, 0.72) if t["pack_detail"] < 0.6 else self.detail
            x -= 0.6 * deep * self.sin * u
            if abs(self.cos) > 0.35:
                canvas.polygon(
                    [
                        (x - 0.62 * reach, y),
                        (x + 0.62 * reach, y),
                        (x + 0.6 * reach, y + 0.085 * u),
                        (x - 0.6 * reach, y + 0.085 * u),
                    ],
                    pocket,
                )
            canvas.crease([(x - 0.8 * reach, y - 0.02 * u), (x + 0.8 * reach, y - 0.02 * u)], 0.6, 0.8)

    def draw_backpack_straps(self) -> None:
        k, u = self.k, self.unit
        for side in (-1, 1):
            path = [(side * 1.3, 0.812 * k), (side * 0.62, 0.805 * k), (side * 0.60, 0.70 * k), (side * 1.1, 0.61 * k)]
            for line in self.strap(path):
                self.canvas.crease(line, 0.7, 0.034 * u / SCALE)
                self.canvas.line(line, self.pack, 0.026 * u / SCALE)

    # Head, hair, hat.

    def _head_at(self) -> tuple[float, float, float, float]:
        """Middle and half extents of the head on the sheet."""
        half = self.head / 2
        x, y = self.upper(0.0, 1.0 - half - 0.004, 0.022 + (0.03 if self.age == "old" else 0.0))
        wide = half * (0.74 if self.female else 0.78)
        return x, y, self.unit * math.hypot(wide * self.cos, wide * 1.12 * self.sin), self.unit * half

    def _head_patch(self, angle: float, half: float, top: float, bottom: float, swell: float = 1.0) -> list:
        """Outline of part of the head; heights from 1 (top) to -1 (chin)."""
        x, y, reach, high = self._head_at()
        turned = (angle + self.pose.yaw + math.pi) % (2 * math.pi) - math.pi
        low, top_angle = max(turned - half, -1.55), min(turned + half, 1.55)
        if low >= top_angle:
            return []
        left, right = [], []
        for step in range(7):
            level = top + (bottom - top) * step / 6
            round_ = math.sqrt(max(0.0, 1 - min(abs(level), 1.0) ** 2.2)) * reach * swell
            left.append((x + round_ * math.sin(low), y - level * high * swell))
            right.append((x + round_ * math.sin(top_angle), y - level * high * swell))
        return left + right[::-1]

    def draw_head(self) -> None:
        x, y, reach, high = self._head_at()
        canvas, t = self.canvas, self.t
        canvas.ball(x, y, reach, high, self.skin)
        if t["beard"] > 0.75 and not self.female and self.age != "young" and self.age != "teenager":
            canvas.polygon(self._head_patch(0, 1.0, -0.45, -0.95), self.hair)
        self._face(x, y, reach, high)
        # Hair covers the skull; the forehead and the cheeks stay free.
        canvas.polygon(self._head_patch(math.pi, 1.9, 0.95, -0.30, 1.04), self.hair)
        canvas.polygon(self._head_patch(math.pi, 1.25, 0.6, -0.62, 1.02), self.hair)
        fringe = 0.42 + 0.18 * t["hair_length"]
        canvas.polygon(self._head_patch(0, 4, 1.0, fringe, 1.07), self.hair)
        if self.c["hair"] == "long":
            for side in (-1, 1):
                canvas.polygon(self._head_patch(side * 1.45, 0.34, 0.7, -0.95, 1.08), self.hair)
        if self.c["hat"] == "yes":
            self._hat(x, y, reach, high)

    def _face(self, x, y, reach, high) -> None:
        canvas = self.canvas
        for side in (-1, 1):
            turned = side * 0.42 + self.pose.yaw
            if math.cos(turned) > 0.25:
                eye = x + 0.9 * reach * math.sin(turned)
                canvas.ellipse(eye, y - 0.02 * high, 0.09 * high, 0.075 * high, (45, 34, 32))
                canvas.crease([(eye - 0.16 * high, y - 0.2 * high), (eye + 0.16 * high, y - 0.2 * high)], 0.6, 0.5)
                if self.t["glasses"] > 0.8:
                    box = (eye - 0.24 * high, y - 0.2 * high, eye + 0.24 * high, y + 0.18 * high)
                    canvas.draw.ellipse(box, None, (25, 25, 25, 255), 1)
        if self.cos > 0.2:
            mouth = x + reach * math.sin(self.pose.yaw)
            color = (176, 62, 66) if self.female else (150, 92, 80)
            canvas.ellipse(mouth, y + 0.55 * high, 0.22 * high, 0.07 * high, color)
            canvas.crease([(mouth, y), (mouth + 0.05 * high, y + 0.28 * high)], 0.75, 0.5)

    def draw_long_hair(self) -> None:
        """What falls over shoulders and back."""
        k, canvas, t = self.k, self.canvas, self.t
        low = (0.745 - 0.075 * t["hair_length"]) * k
        x, y, reach, high = self._head_at()
        back_x, back_y = self.upper(0.0, low, -0.050)
        half = self.unit * math.hypot(0.062 * self.cos, 0.028 * self.sin)
        nodes = [
            (x - 0.25 * reach * self.sin, y - 0.35 * high, reach * 0.95),
            (x - 0.5 * reach * self.sin, y + 0.5 * high, reach * 1.0),
        ]
        nodes += [(back_x, (back_y + y + high) / 2, half * 1.05), (back_x, back_y, half * 0.8)]
        if abs(self.cos) < 0.8:  # seen from the side the face stays free
            nodes = [(nx - 0.35 * reach * self.sin, ny, r * (0.62 + 0.4 * abs(self.cos))) for nx, ny, r in nodes]
        canvas.tube(nodes, self.hair, upright=True)
        for share in (-0.4, 0.2):
            a, b = nodes[1], nodes[-1]
            canvas.crease([(a[0] + share * a[2], a[1]), (b[0] + share * b[2], b[1])], 1.25, 0.6)

    def _hat(self, x, y, reach, high) -> None:
        canvas, u = self.canvas, self.unit
        canvas.polygon(self._head_patch(0, 4, 1.0, 0.36, 1.14), self.hat, 0.95)
        brow = y - 0.42 * high
        if self.t["hat_style"] < 0.65:  # a cap: the peak points where the person looks
            tip = x + (reach + 0.055 * u) * self.sin * 1.05
            drop = 0.028 * u * max(self.cos, 0.0)
            half = reach * (0.35 + 0.6 * abs(self.cos))
            if self.cos > -0.35:
                middle = x + reach * 0.8 * self.sin
                peak = [
                    (middle - half, brow),
                    (middle + half, brow),
                    (tip + 0.6 * half, brow + drop + 0.012 * u),
                    (tip - 0.6 * half, brow + drop + 0.012 * u),
                ]
                canvas.polygon(peak, _darker(self.hat, 0.75), 0.9)
        else:  # a sun hat: a brim all round
            canvas.ellipse(x, brow, reach * 1.75, 0.24 * high + 0.010 * u, _darker(self.hat, 0.9), 0.9)
            canvas.polygon(self._head_patch(0, 4, 1.0, 0.45, 1.14), self.hat, 1.05)
            canvas.line(
                [(x - reach * 0.98, brow - 0.1 * high), (x + reach * 0.98, brow - 0.1 * high)],
                self.detail,
                0.018 * u / SCALE,
            )
