"""The places the cameras look at: a panorama of each, wider than a picture so that people walk along it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from assignment_lib.synthetic.cameras import Camera
from assignment_lib.synthetic.colors import Color, random_color, scaled
from assignment_lib.synthetic.scenery import Backdrop, bicycle, car, paving, trees

#: Width and height of a panorama, pixels of the picture.
PANORAMA = (480, 176)


def panorama(camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Return a stretch of the camera's surroundings, float32 `(176, 480, 3)` in 0..255."""
    width, height = PANORAMA
    big = Image.new("RGB", (2 * width, 2 * height))
    horizon = int(2 * height * (camera.horizon + rng.uniform(-0.03, 0.03)))
    ground, back, draw = SCENES[camera.scene]
    ground, back = scaled(ground, rng.uniform(0.85, 1.1)), scaled(back, rng.uniform(0.8, 1.15))
    view = Backdrop(ImageDraw.Draw(big), 2 * width, 2 * height, horizon, ground, rng)
    view.pen.rectangle((0, 0, view.width, horizon), back)
    view.pen.rectangle((0, horizon, view.width, view.height), ground)
    draw(view)
    picture = np.asarray(big.reduce(2), np.float32)
    depth = 0.10 if camera.scene == "grass" else 0.05
    picture = picture * _texture(rng, width, height, 120, depth) * _texture(rng, width, height, 12, 0.07)
    return picture.clip(0, 255)


def _texture(rng: np.random.Generator, width: int, height: int, cells: int, depth: float) -> np.ndarray:
    """Soft random brightness `(height, width, 1)` about 1, `cells` patches across, standard deviation `depth`."""
    small = rng.standard_normal((max(2, cells * height // width), cells)).astype(np.float32)
    picture = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    return 1 + depth * np.asarray(picture)[..., None]


def _pavement(view: Backdrop) -> None:
    trees(view, 14)
    view.pen.rectangle((0, view.horizon - 8, view.width, view.horizon), scaled(view.ground, 0.7))
    paving(view)


def _grass(view: Backdrop) -> None:
    pen, width, rng = view.pen, view.width, view.rng
    trees(view, 18)
    for _ in range(900):
        x, y = rng.uniform(0, width), rng.uniform(view.horizon, view.height)
        tip = (x + rng.uniform(-3, 3), y - rng.uniform(3, 9))
        pen.line([(x, y), tip], scaled(view.ground, rng.uniform(0.75, 1.25)), 2)
    edge = view.horizon + 0.55 * (view.height - view.horizon)
    pen.polygon([(0, edge), (width, edge - 20), (width, edge + 40), (0, edge + 60)], (150, 142, 122))


def _bricks(view: Backdrop) -> None:
    for row, y in enumerate(range(0, view.horizon, 10)):
        for x in range(-24 + 12 * (row % 2), view.width, 24):
            view.pen.rectangle((x, y, x + 22, y + 8), scaled((150, 88, 70), view.rng.uniform(0.8, 1.15)))
    for x in range(40, view.width, 230):
        view.pen.rectangle((x, 10, x + 70, view.horizon - 30), (60, 74, 86), (200, 196, 186), 4)
    paving(view)


def _plaza(view: Backdrop) -> None:
    for x in range(0, view.width, 120):
        front = random_color(view.rng, 60, 210)
        view.pen.rectangle((x, 0, x + 112, view.horizon), front)
        view.pen.rectangle((x + 12, view.horizon * 0.35, x + 100, view.horizon), scaled(front, 0.5))
    paving(view)


def _road(view: Backdrop) -> None:
    for _ in range(7):
        car(view)
    top, low = view.height * 0.78, view.height * 0.81
    for x in range(0, view.width, 110):
        view.pen.polygon([(x, top), (x + 60, top), (x + 54, low), (x - 6, low)], (205, 205, 196))


def _bicycles(view: Backdrop) -> None:
    view.pen.rectangle((0, 0, view.width, view.horizon * 0.5), (112, 104, 98))
    paving(view)
    for x in range(10, view.width, 62):
        bicycle(view.pen, x, view.horizon + 26, 26, random_color(view.rng, 20, 190))


#: Scene -> colour of the ground and of what is behind it, and how the rest is drawn.
SCENES: dict[str, tuple[Color, Color, Callable[[Backdrop], None]]] = {
    "pavement": ((168, 162, 154), (96, 112, 84), _pavement),
    "grass": ((104, 132, 72), (62, 84, 52), _grass),
    "bricks": ((150, 146, 142), (146, 88, 70), _bricks),
    "plaza": ((176, 172, 164), (128, 140, 152), _plaza),
    "road": ((98, 98, 104), (120, 124, 120), _road),
    "bicycles": ((150, 146, 136), (170, 164, 150), _bicycles),
}
