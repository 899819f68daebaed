"""What lies over a picture of a place: people, their shadows, and poles, bicycles and bushes in front of them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from assignment_lib.synthetic.canvas import HEIGHT, WIDTH, Layer
from assignment_lib.synthetic.colors import random_color
from assignment_lib.synthetic.pose import Pose
from assignment_lib.synthetic.scenery import bicycle, bush, pole

_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def overlay(image: np.ndarray, layer: Layer) -> None:
    """Paint a layer over the image, in place."""
    colors, cover = layer
    image += cover * (colors - image)


def shadow(image: np.ndarray, pose: Pose) -> None:
    """Darken the ground under the feet, stretched away from the light, in place."""
    shift = -pose.light * 0.16 * pose.size
    for move, wide, high, depth in ((0.0, 0.14, 0.035, 0.50), (shift, 0.26, 0.045, 0.30)):
        across = (_COLUMNS - pose.x - move) / (wide * pose.size)
        down = (_ROWS - pose.y - 0.02 * pose.size) / (high * pose.size)
        image *= 1 - depth * np.exp(-(across**2) - down**2)[..., None]


def occluder(rng: np.random.Generator) -> Layer:
    """Return a pole, a parked bicycle or a bush in front: colours and cover as of `figure.render`."""
    sheet = Image.new("RGBA", (2 * WIDTH, 2 * HEIGHT))
    pen = ImageDraw.Draw(sheet)
    kind = rng.integers(3)
    if kind == 0:
        pole(pen, 2 * HEIGHT, rng)
    elif kind == 1:
        color = random_color(rng, 20, 200)
        bicycle(pen, rng.uniform(-20, 60), 222, 30, color)
    else:
        bush(pen, 2 * WIDTH, rng)
    pixels = np.asarray(sheet.reduce(2), np.float32)
    return pixels[..., :3], pixels[..., 3:] / 255
