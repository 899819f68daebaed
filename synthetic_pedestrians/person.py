"""One drawn person: classes of the twelve tasks, individual traits, colours, pose and body proportions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assignment_lib.data.attributes import TASKS
from synthetic_pedestrians.canvas import COLORS, SCALE, WIDTH, Color, Node, Place, Point, Rng, from_hsv, pick, shade

#: Purpose of a random stream, the second number of its key (the first one is the seed).
PLAN, PERSON, CAMERA, PLACE, WALK, PICTURE = range(6)
#: What distinguishes a person from others with the same attributes; each trait is a number in [0, 1).
# fmt: off
TRAITS = (
    "height", "girth", "legs", "shoulders", "skin", "hair", "hair_value", "hair_length", "hue", "saturation",
    "value", "hue2", "color2", "color3", "down_hue", "down_saturation", "down_value", "down_color2", "pattern",
    "down_pattern", "detail", "detail_color", "sleeve", "hem", "leg_length", "shoe", "shoe_value", "sock",
    "bag_color", "bag_value", "bag_side", "bag_style", "pack_color", "pack_value", "pack_size", "pack_detail",
    "handbag_color", "handbag_side", "hat_style", "hat_color", "beard", "gait", "spread", "glasses",
)
# fmt: on
_SHOES = ("white", "white", "black", "gray", "red", "blue")
_BAGS = ("black", "black", "brown", "red", "blue", "gray", "pink", "green")
_HATS = ("red", "white", "blue", "black", "yellow", "green")


def stream(*key: int) -> Rng:
    """Return the random generator of a key: the seed, the purpose, and further numbers.

    Every drawn thing has its own stream, so no image depends on the order of drawing.
    """
    return np.random.default_rng([int(number) for number in key])


@dataclass(frozen=True)
class Person:
    """`classes`: task -> class name. `traits`: trait -> number in [0, 1), constant over all images of the person."""

    classes: dict[str, str]
    traits: dict[str, float]


def create_person(targets: np.ndarray | Sequence[int], rng: Rng) -> Person:
    """Return a person with these twelve classes (indices in task order) and traits drawn from `rng`.

    The traits do not depend on the classes, so a single attribute can be changed alone.
    """
    classes = {task: names[int(index)] for (task, names), index in zip(TASKS.items(), targets, strict=True)}
    return Person(classes, dict(zip(TRAITS, rng.random(len(TRAITS)).tolist(), strict=True)))


def palette_of(person: Person) -> dict[str, Color]:
    """Return the colours that follow from a person's classes and traits.

    "up2", "up3" and "down2" are the other colours of multicolor clothes and equal "up" and "down" otherwise.
    """
    t, c = person.traits, person.classes
    up, up2, up3 = _clothes(c["upcolor"], t["hue"], t["saturation"], t["value"], t["color2"], t["color3"])
    hue, saturation, value = t["down_hue"], t["down_saturation"], t["down_value"]
    down, down2, _ = _clothes(c["downcolor"], hue, saturation, value, t["down_color2"], t["hue2"])
    if c["age"] == "old":
        hair = from_hsv(40, 0.03, 0.66 + 0.26 * t["hair_value"])
    else:
        hair = from_hsv(20 + 12 * t["hair"], 0.25 + 0.4 * t["hair"], 0.07 + 0.22 * t["hair_value"] ** 2)
    if c["age"] in ("adult", "old"):  # leather; trainers of any colour for younger people
        shoe = from_hsv(20 + 15 * t["shoe"], 0.35 + 0.3 * t["shoe"], 0.10 + 0.16 * t["shoe_value"])
    else:
        shoe = shade(pick(_SHOES, t["shoe"]), 0.5, 0.6, t["shoe_value"])
    return {
        "skin": from_hsv(22 + 6 * t["skin"], 0.50 - 0.22 * t["skin"], 0.62 + 0.30 * t["skin"]),
        "detail": shade(pick(COLORS, t["detail_color"]), t["hue2"], 0.7, 0.7),
        "bag": shade(pick(_BAGS, t["bag_color"]), 0.5, 0.5, t["bag_value"]),
        "backpack": shade(pick(_BAGS, t["pack_color"]), 0.5, 0.6, t["pack_value"]),
        "handbag": shade(pick(_BAGS, t["handbag_color"]), 0.5, 0.6, 0.6),
        "hat": shade(pick(_HATS, t["hat_color"]), 0.5, 0.6, 0.6),
    } | dict(hair=hair, up=up, up2=up2, up3=up3, down=down, down2=down2, shoe=shoe)


def _clothes(name: str, hue: float, saturation: float, value: float, second: float, third: float) -> list[Color]:
    """Return the main colour and two more, which differ from it for multicolor only."""
    if name != "multicolor":
        return [shade(name, hue, saturation, value)] * 3
    names = [color for color in COLORS if color not in ("brown", "gray")]
    first, other = names.pop(int(hue * len(names))), names.pop(int(second * len(names)))
    return [shade(color, 0.5, saturation, value) for color in (first, other, pick(names, third))]


@dataclass(frozen=True)
class Pose:
    """How a person stands in one image; lengths in pixels of the 64 x 128 image, angles in radians."""

    yaw: float  # 0 faces the camera, pi shows the back
    phase: float = 0.0  # of the step
    pitch: float = 0.12  # of the camera
    light: float = -0.5  # -1 from the left, 1 from the right
    x: float = WIDTH / 2  # of the feet
    y: float = 122.0
    size: float = 112.0  # from the ground to the head of an adult


class Body:
    """Proportions of one person in one pose, and the projection of body points to the canvas.

    Lengths are in units of the body's height (ground 0, top of the head 1). x runs across the shoulders, y up, z in the
    direction the person faces. The pose's yaw and the camera's pitch rotate the body, so front, side and back views
    agree.
    """

    def __init__(self, person: Person, pose: Pose) -> None:
        c, t = person.classes, person.traits
        self.classes, self.traits, self.pose, self.palette = c, t, pose, palette_of(person)
        self.age = c["age"]
        self.female = c["gender"] == "female"
        #: Height of the head.
        self.head = {"young": 0.225, "teenager": 0.152, "adult": 0.143, "old": 0.148}[self.age]
        #: Factor of heights, which are given for an adult: a child's large head leaves less for the rest.
        self.k = (1 - self.head) / 0.862
        #: Pixels of the canvas per unit of length.
        self.unit = pose.size * SCALE * (0.95 + 0.07 * t["height"]) * {"young": 0.84, "old": 0.97}.get(self.age, 1.0)
        plump = {"young": 1.08, "teenager": 0.97, "adult": 1.12, "old": 1.08}[self.age]
        #: Factor of widths and depths.
        self.girth = plump * (0.88 + 0.26 * t["girth"])
        self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)
        #: Height of the hips.
        self.hip = (0.505 + 0.03 * (t["legs"] - 0.5)) * self.k
        #: Forward lean of the back, radians.
        self.lean = 0.34 if self.age == "old" else 0.03 + 0.04 * t["gait"]
        #: Largest angle between leg and vertical, radians.
        self.stride = {"young": 0.44, "old": 0.24}.get(self.age, 0.36 + 0.12 * t["gait"])
        if c["clothes"] == "dress" and c["down"] == "long":
            self.stride *= 0.6

    def at(self, x: float, y: float, z: float) -> Point:
        """Project a point of the upright body to the canvas."""
        pose = self.pose
        across = x * self.cos + z * self.sin
        near = self.near(x, z)
        return (
            pose.x * SCALE + across * self.unit,
            pose.y * SCALE - self.unit * (y * math.cos(pose.pitch) - near * math.sin(pose.pitch)),
        )

    def near(self, x: float, z: float) -> float:
        """Return how much closer to the camera than the body's axis a point is."""
        return z * self.cos - x * self.sin

    def bend(self, x: float, y: float, z: float) -> Place:
        """Apply the lean: rotate a point above the hips forward about them, more so the higher it is."""
        if y <= self.hip:
            return x, y, z
        angle = self.lean * min(1.0, 0.5 + (y - self.hip) / self.k)
        rise = y - self.hip
        return x, self.hip + rise * math.cos(angle) - z * math.sin(angle), z * math.cos(angle) + rise * math.sin(angle)

    def upper(self, x: float, y: float, z: float) -> Point:
        """Project a point of the leaning body to the canvas."""
        return self.at(*self.bend(x, y, z))

    def seen_width(self, half_width: float, half_depth: float) -> float:
        """Return half the width on the canvas of an oval cross-section, for any yaw."""
        return self.unit * math.hypot(half_width * self.cos, half_depth * self.sin)

    def level(self, y: float, half_width: float, half_depth: float, z: float = 0.0) -> Node:
        """Return centre and half width on the canvas of an oval cross-section at height y."""
        x, canvas_y = self.upper(0.0, y, z)
        return x, canvas_y, self.seen_width(half_width, half_depth)
