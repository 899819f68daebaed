"""Takes the pictures: a place, the person, who and what else is there, seen by a camera."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np

from assignment_lib.synthetic.cameras import cameras
from assignment_lib.synthetic.canvas import HEIGHT, WIDTH
from assignment_lib.synthetic.figure import render
from assignment_lib.synthetic.imaging import encode, expose
from assignment_lib.synthetic.occlusion import occluder, overlay, shadow
from assignment_lib.synthetic.person import Person
from assignment_lib.synthetic.pose import Pose
from assignment_lib.synthetic.scenes import PANORAMA, panorama
from assignment_lib.synthetic.shots import Shot
from assignment_lib.synthetic.streams import PICTURE, PLACE, WALK, stream
from assignment_lib.synthetic.walks import pose_of


class Studio:
    """Cameras, their surroundings and the people, ready to take pictures."""

    def __init__(self, seed: int, camera_count: int, people: dict[int, Person]) -> None:
        self.seed = seed
        self.people = people
        self.keys = sorted(people)
        self.cameras = cameras(camera_count, seed)
        self.surroundings = lru_cache(maxsize=None)(
            lambda camera, sequence: panorama(self.cameras[camera - 1], stream(seed, PLACE, camera, sequence))
        )

    def picture(self, shot: Shot) -> bytes:
        """Return the JPEG file of one shot."""
        camera = self.cameras[shot.camera - 1]
        # A walk past a camera shares direction, place and light; a single picture adds the step and the crop.
        walk = stream(self.seed, WALK, shot.who, shot.camera, shot.sequence)
        own = stream(self.seed, PICTURE, shot.who, shot.camera, shot.sequence, shot.index)
        pose, drift = pose_of(shot, camera, walk, own)
        image = self._background(shot, drift, walk, own)
        if shot.kind != "background":
            self._add_people(image, shot, pose, own)
        elif own.random() < 0.5:
            overlay(image, occluder(own))
        return encode(expose(image, camera, walk, own), camera, own)

    def _background(self, shot: Shot, drift: float, walk: np.random.Generator, own: np.random.Generator) -> np.ndarray:
        """The part of the surroundings that the walk has come to, float32 `(128, 64, 3)`."""
        width, height = PANORAMA
        left = int(walk.integers(40, width - WIDTH - 40) + drift)
        top = int(walk.integers(4, height - HEIGHT - 4) + own.integers(-4, 5))
        left = min(max(left, 0), width - WIDTH)
        place: np.ndarray = self.surroundings(shot.camera, shot.sequence)
        return place[top : top + HEIGHT, left : left + WIDTH].copy()

    def _add_people(self, image: np.ndarray, shot: Shot, pose: Pose, own: np.random.Generator) -> None:
        """Draw the person and, by chance or in a pair, somebody else or something in front."""
        chance = own.random()
        if shot.kind == "person" and chance < 0.10:  # somebody further away
            self._add_stranger(image, pose, own, own.choice([-1, 1]) * own.uniform(14, 26), 0.72, -14)
        shadow(image, pose)
        overlay(image, render(self.people[shot.who], pose))
        if shot.kind == "pair":
            self._add_stranger(image, pose, own, own.uniform(20, 26), 1.0, 1)
        elif shot.kind == "person" and 0.10 <= chance < 0.17:  # somebody's shoulder in front
            self._add_stranger(image, pose, own, own.choice([-1, 1]) * own.uniform(27, 33), 1.12, 8)
        elif shot.kind in ("person", "cropped") and 0.17 <= chance < 0.27:
            overlay(image, occluder(own))

    def _add_stranger(
        self, image: np.ndarray, pose: Pose, own: np.random.Generator, across: float, size: float, lower: float
    ) -> None:
        """Draw anybody else beside the person: `across` and `lower` in pixels, `size` as a factor."""
        who = self.people[self.keys[int(own.integers(len(self.keys)))]]
        other = replace(
            pose,
            x=pose.x + across,
            y=pose.y + lower,
            size=pose.size * size,
            yaw=pose.yaw + own.choice([0, math.pi]) + own.normal(0, 0.4),
            phase=own.uniform(0, 6.3),
        )
        overlay(image, render(who, other))
