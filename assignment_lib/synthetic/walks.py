"""How somebody walks past a camera: direction, step, place and size in each picture, and the bad crops among them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from assignment_lib.synthetic.cameras import Camera
from assignment_lib.synthetic.canvas import WIDTH
from assignment_lib.synthetic.pose import Pose
from assignment_lib.synthetic.shots import Shot


def pose_of(shot: Shot, camera: Camera, walk: np.random.Generator, own: np.random.Generator) -> tuple[Pose, float]:
    """Return the pose of the person in a shot, and how far the walk has gone sideways, in pixels.

    `walk` is the stream that all pictures of one walk share, `own` that of this picture.
    """
    angles, weights = zip(*camera.yaws, strict=True)
    yaw = math.radians(walk.choice(angles, p=np.array(weights) / sum(weights)) + walk.normal(0, 14))
    phase = walk.uniform(0, 2 * math.pi) + 1.1 * shot.index + own.normal(0, 0.4)
    size = walk.uniform(108, 119) * own.uniform(0.94, 1.05)
    pose = Pose(
        yaw=yaw + own.normal(0, 0.10),
        phase=phase,
        pitch=camera.pitch,
        light=camera.light,
        x=WIDTH / 2 + walk.normal(0, 2.0) + own.normal(0, 2.2),
        y=122.5 + own.normal(0, 1.8),
        size=size,
    )
    return _cropped(pose, shot.kind, own), 9 * (shot.index % 12) * math.sin(yaw)


def _cropped(pose: Pose, kind: str, own: np.random.Generator) -> Pose:
    """The pose as a careless detector crops it, for the kinds of shots that are not plainly of a person."""
    if kind == "cropped":
        size = pose.size * own.uniform(1.3, 1.8)
        return replace(pose, size=size, y=pose.y + own.uniform(10, 60), x=pose.x + own.normal(0, 9))
    if kind == "legs":
        return replace(pose, size=pose.size * 2.1, y=124.0)
    if kind == "upper":
        return replace(pose, size=pose.size * 2.3, y=122 + pose.size * 1.25)
    if kind == "edge":
        return replace(pose, x=own.choice([-6.0, WIDTH + 6.0]))
    if kind == "pair":
        return replace(pose, x=WIDTH / 2 - 13)
    return pose
