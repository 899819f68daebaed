"""How a person stands in one picture: direction, step and place, and the camera's pitch and light."""

from __future__ import annotations

from dataclasses import dataclass

from assignment_lib.synthetic.canvas import WIDTH


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
