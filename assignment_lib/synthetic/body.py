"""The proportions of one body in three dimensions, and where its points lie on the sheet.

Lengths are in units of the body's height (ground 0, top of the head 1); x runs across the shoulders, y up, z the way the
person faces. Turning by the pose's yaw and tilting by the camera's pitch gives the picture, so that front, side and back
views agree: straps in front, the bulge of a backpack behind, one arm hidden by the body.
"""

from __future__ import annotations

import math

from assignment_lib.synthetic.canvas import SCALE
from assignment_lib.synthetic.person import Person
from assignment_lib.synthetic.pose import Pose
from assignment_lib.synthetic.shapes import Node, Place, Point


class Body:
    """The measures of one person in one pose, and the way from the body to the sheet."""

    def __init__(self, who: Person, pose: Pose) -> None:
        c, t = who.classes, who.traits
        self.classes, self.traits, self.pose = c, t, pose
        self.age = c["age"]
        self.female = c["gender"] == "female"
        #: Height of the head.
        self.head = {"young": 0.225, "teenager": 0.152, "adult": 0.143, "old": 0.148}[self.age]
        #: Factor of heights, which are given for a grown body: a child's large head presses the rest down.
        self.k = (1 - self.head) / 0.862
        #: Pixels of the sheet for a length of 1.
        self.unit = pose.size * SCALE * (0.95 + 0.07 * t["height"]) * {"young": 0.84, "old": 0.97}.get(self.age, 1.0)
        plump = {"young": 1.08, "teenager": 0.97, "adult": 1.12, "old": 1.08}[self.age]
        #: Factor of widths and depths.
        self.girth = plump * (0.88 + 0.26 * t["girth"])
        self.cos, self.sin = math.cos(pose.yaw), math.sin(pose.yaw)
        #: Height of the hips.
        self.hip = (0.505 + 0.03 * (t["legs"] - 0.5)) * self.k
        #: How far the back leans forward, radians.
        self.lean = 0.34 if self.age == "old" else 0.03 + 0.04 * t["gait"]
        #: How far a leg swings from the upright, radians.
        self.stride = {"young": 0.44, "old": 0.24}.get(self.age, 0.36 + 0.12 * t["gait"])
        if c["clothes"] == "dress" and c["down"] == "long":
            self.stride *= 0.6

    def at(self, x: float, y: float, z: float) -> Point:
        """A point of the upright body -> sheet, in pixels of the sheet."""
        pose = self.pose
        across = x * self.cos + z * self.sin
        near = self.near(x, z)
        return (
            pose.x * SCALE + across * self.unit,
            pose.y * SCALE - self.unit * (y * math.cos(pose.pitch) - near * math.sin(pose.pitch)),
        )

    def near(self, x: float, z: float) -> float:
        """How much nearer to the camera than the body's axis a point lies."""
        return z * self.cos - x * self.sin

    def bend(self, x: float, y: float, z: float) -> Place:
        """The stoop: what lies above the hips turns forward about them."""
        if y <= self.hip:
            return x, y, z
        # The back rounds: the higher, the more it leans.
        angle = self.lean * min(1.0, 0.5 + (y - self.hip) / self.k)
        rise = y - self.hip
        return x, self.hip + rise * math.cos(angle) - z * math.sin(angle), z * math.cos(angle) + rise * math.sin(angle)

    def upper(self, x: float, y: float, z: float) -> Point:
        """A point of the stooping body -> sheet."""
        return self.at(*self.bend(x, y, z))

    def seen_width(self, half_width: float, half_depth: float) -> float:
        """Half the width on the sheet of an oval cross-section, whichever way the body faces."""
        return self.unit * math.hypot(half_width * self.cos, half_depth * self.sin)

    def level(self, y: float, half_width: float, half_depth: float, z: float = 0.0) -> Node:
        """An oval cross-section at height y -> its middle and half extent on the sheet."""
        x, sheet_y = self.upper(0.0, y, z)
        return x, sheet_y, self.seen_width(half_width, half_depth)
