"""The images: cameras, backgrounds, people walking past, occluders, exposure and noise.

Functions that draw into a background or an occluder work in pixels of their own drawing, at twice the size of the image.
All functions take their random numbers in a fixed order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from synthetic_pedestrians.canvas import HEIGHT, WIDTH, Color, Layer, Rng, random_color, scaled
from synthetic_pedestrians.figure import render_person
from synthetic_pedestrians.person import CAMERA, PICTURE, PLACE, WALK, Person, Pose, stream

#: The kinds of junk images, used in turn.
JUNK_KINDS = ("background", "legs", "upper", "pair", "edge")
#: Width and height of a panorama, pixels of the image.
PANORAMA = (480, 176)
_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


@dataclass(frozen=True)
class Shot:
    """One image to draw."""

    folder: str
    file: str
    pid: int  # identity in `test_truth.csv`
    key: int  # of the person shown; differs from pid for distractors and junk
    camera: int
    sequence: int  # of the camera
    index: int  # of the image in the sequence
    kind: str = "person"  # or "cropped", or one of `JUNK_KINDS`


@dataclass(frozen=True)
class Camera:
    """One camera and the place it looks at."""

    scene: str  # one of `SCENES`
    horizon: float  # height of the horizon in the image, 0 top .. 1 bottom
    light: float  # direction of the light, -1 left .. 1 right
    pitch: float  # radians downwards
    yaws: tuple[tuple[float, float], ...]  # walking directions, degrees, and their weights
    exposure: float
    gamma: float
    cast: tuple[float, float, float]  # factors of red, green, blue
    saturation: float
    haze: float  # share of white light over everything
    blur: float  # radius, pixels
    noise: float  # standard deviation, gray levels
    quality: int  # of the JPEG
    shrink: float  # resolution, share of the full one


# Similar to the six of Market-1501: five sharp cameras with different light, the last one with a lower resolution.
# fmt: off
_SIX = (
    Camera("pavement", horizon=0.20, light=-0.7, pitch=0.14, yaws=((0, 5), (180, 3), (35, 2)),
           exposure=1.04, gamma=0.96, cast=(1.02, 1.00, 0.97), saturation=1.00, haze=0.02,
           blur=0.35, noise=4, quality=88, shrink=1.0),
    Camera("grass", horizon=0.28, light=0.6, pitch=0.10, yaws=((180, 5), (90, 2), (-150, 2), (10, 2)),
           exposure=0.84, gamma=1.08, cast=(0.94, 1.03, 0.90), saturation=0.92, haze=0.02,
           blur=0.50, noise=5, quality=80, shrink=0.9),
    Camera("bricks", horizon=0.36, light=0.2, pitch=0.06, yaws=((90, 3), (-90, 3), (50, 2), (-160, 2)),
           exposure=0.98, gamma=1.00, cast=(1.10, 0.99, 0.86), saturation=1.05, haze=0.02,
           blur=0.40, noise=5, quality=84, shrink=1.0),
    Camera("plaza", horizon=0.16, light=-0.3, pitch=0.20, yaws=((0, 3), (-40, 3), (140, 3), (90, 1)),
           exposure=1.13, gamma=0.92, cast=(0.97, 1.00, 1.06), saturation=0.82, haze=0.10,
           blur=0.45, noise=5, quality=78, shrink=0.9),
    Camera("road", horizon=0.30, light=0.7, pitch=0.10, yaws=((180, 3), (-90, 3), (-35, 3), (0, 1)),
           exposure=0.74, gamma=1.04, cast=(0.89, 0.98, 1.10), saturation=0.88, haze=0.03,
           blur=0.50, noise=7, quality=76, shrink=0.85),
    Camera("bicycles", horizon=0.24, light=-0.5, pitch=0.16, yaws=((0, 3), (180, 3), (90, 2), (-90, 2)),
           exposure=0.94, gamma=1.14, cast=(1.06, 0.95, 1.02), saturation=0.76, haze=0.06,
           blur=0.60, noise=6, quality=64, shrink=0.65),
)
# fmt: on


def create_cameras(count: int, seed: int) -> list[Camera]:
    """Return `count` cameras: the six above, then variations of them in colour, exposure and direction of light."""
    chosen = list(_SIX[:count])
    while len(chosen) < count:
        rng, base = stream(seed, CAMERA, len(chosen)), _SIX[len(chosen) % len(_SIX)]
        red, green, blue = (1 + 0.12 * rng.standard_normal(3)).clip(0.8, 1.2).tolist()
        exposure, gamma = rng.uniform(0.65, 1.25), rng.uniform(0.85, 1.2)
        chosen.append(replace(base, cast=(red, green, blue), exposure=exposure, gamma=gamma, light=-base.light))
    return chosen


@dataclass(frozen=True)
class Backdrop:
    """The background of a scene while it is drawn: pen, size, row of the horizon, colour of the ground, random stream."""

    pen: ImageDraw.ImageDraw
    width: int
    height: int
    horizon: int
    ground: Color
    rng: Rng


def panorama(camera: Camera, rng: Rng) -> np.ndarray:
    """Return the surroundings of a camera, wider than an image, float32 `(176, 480, 3)` in 0..255."""
    width, height = PANORAMA
    big = Image.new("RGB", (2 * width, 2 * height))
    horizon = int(2 * height * (camera.horizon + rng.uniform(-0.03, 0.03)))
    ground, back, draw = SCENES[camera.scene]
    ground, back = scaled(ground, rng.uniform(0.85, 1.1)), scaled(back, rng.uniform(0.8, 1.15))
    view = Backdrop(ImageDraw.Draw(big), 2 * width, 2 * height, horizon, ground, rng)
    view.pen.rectangle((0, 0, view.width, horizon), back)
    view.pen.rectangle((0, horizon, view.width, view.height), ground)
    draw(view)
    image: np.ndarray = np.asarray(big.reduce(2), np.float32)
    depth = 0.10 if camera.scene == "grass" else 0.05
    image = image * _texture(rng, 120, depth) * _texture(rng, 12, 0.07)
    return np.asarray(image.clip(0, 255))


def _texture(rng: Rng, cells: int, depth: float) -> np.ndarray:
    """Smooth random brightness `(height, width, 1)` around 1 with standard deviation `depth`, `cells` patches across."""
    small = rng.standard_normal((max(2, cells * PANORAMA[1] // PANORAMA[0]), cells)).astype(np.float32)
    image = Image.fromarray(small).resize(PANORAMA, Image.Resampling.BICUBIC)
    return 1 + depth * np.asarray(image)[..., None]


def _pavement(view: Backdrop) -> None:
    _trees(view, 14)
    view.pen.rectangle((0, view.horizon - 8, view.width, view.horizon), scaled(view.ground, 0.7))
    _paving(view)


def _grass(view: Backdrop) -> None:
    pen, width, rng = view.pen, view.width, view.rng
    _trees(view, 18)
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
    _paving(view)


def _plaza(view: Backdrop) -> None:
    for x in range(0, view.width, 120):
        front = random_color(view.rng, 60, 210)
        view.pen.rectangle((x, 0, x + 112, view.horizon), front)
        view.pen.rectangle((x + 12, view.horizon * 0.35, x + 100, view.horizon), scaled(front, 0.5))
    _paving(view)


def _road(view: Backdrop) -> None:
    pen, horizon = view.pen, view.horizon
    for _ in range(7):  # parked cars
        x, color = view.rng.uniform(0, view.width), random_color(view.rng, 30, 220)
        pen.rounded_rectangle((x, horizon - 42, x + 120, horizon + 8), 12, color)
        pen.rectangle((x + 20, horizon - 36, x + 100, horizon - 18), (50, 58, 66))
        for wheel in (22, 96):
            pen.ellipse((x + wheel - 11, horizon - 4, x + wheel + 11, horizon + 18), (24, 24, 26))
    top, low = view.height * 0.78, view.height * 0.81
    for x in range(0, view.width, 110):
        pen.polygon([(x, top), (x + 60, top), (x + 54, low), (x - 6, low)], (205, 205, 196))


def _bicycles(view: Backdrop) -> None:
    view.pen.rectangle((0, 0, view.width, view.horizon * 0.5), (112, 104, 98))
    _paving(view)
    for x in range(10, view.width, 62):
        _bicycle(view.pen, x, view.horizon + 26, 26, random_color(view.rng, 20, 190))


#: Scene -> colours of the ground and of the background, and the function that draws the rest.
SCENES: dict[str, tuple[Color, Color, Callable[[Backdrop], None]]] = {
    "pavement": ((168, 162, 154), (96, 112, 84), _pavement),
    "grass": ((104, 132, 72), (62, 84, 52), _grass),
    "bricks": ((150, 146, 142), (146, 88, 70), _bricks),
    "plaza": ((176, 172, 164), (128, 140, 152), _plaza),
    "road": ((98, 98, 104), (120, 124, 120), _road),
    "bicycles": ((150, 146, 136), (170, 164, 150), _bicycles),
}


def _paving(view: Backdrop) -> None:
    """Draw the joints of a paved ground, closer together towards the horizon."""
    pen, width, height, horizon = view.pen, view.width, view.height, view.horizon
    color, step, y = scaled(view.ground, 0.82), 6.0, float(horizon)
    while y < height:
        pen.line((0, y, width, y), color, 1 + int(step > 14))
        y, step = y + step, step * 1.25
    for x in range(-width, 2 * width, 70):
        pen.line((width / 2 + (x - width / 2) * 0.7, horizon, x, height), color, 2)


def _trees(view: Backdrop, count: int) -> None:
    pen, horizon, rng = view.pen, view.horizon, view.rng
    for _ in range(count):
        x, radius = rng.uniform(0, view.width), rng.uniform(20, 60)
        green = (int(rng.uniform(40, 80)), int(rng.uniform(80, 125)), int(rng.uniform(35, 65)))
        pen.rectangle((x - 5, horizon - radius, x + 5, horizon + 6), (86, 70, 56))
        pen.ellipse((x - radius, horizon - 2.4 * radius, x + radius, horizon - 0.6 * radius), green)


def _bicycle(pen: ImageDraw.ImageDraw, x: float, y: float, r: float, color: Color) -> None:
    """Draw a bicycle whose wheels have radius r and stand at y + r."""
    width = max(2, int(r / 9))
    for wheel in (x, x + 2.3 * r):
        pen.ellipse((wheel - r, y - r, wheel + r, y + r), None, (30, 30, 32), width)
    crank, seat, head = (x + r, y), (x + 0.75 * r, y - 1.1 * r), (x + 1.95 * r, y - 1.1 * r)
    pen.line([(x, y), seat, head, crank, seat], color, width)
    pen.line([(x, y), crank], color, width)
    pen.line([(x + 2.3 * r, y), head, (x + 1.85 * r, y - 1.6 * r), (x + 2.2 * r, y - 1.7 * r)], color, width)
    pen.line([(x + 0.5 * r, y - 1.25 * r), (x + 1.0 * r, y - 1.25 * r)], (25, 25, 25), width + 2)


def occluder(rng: Rng) -> Layer:
    """Return a pole, a parked bicycle or a bush in front of the scene."""
    width, height = 2 * WIDTH, 2 * HEIGHT
    drawing = Image.new("RGBA", (width, height))
    pen = ImageDraw.Draw(drawing)
    kind = rng.integers(3)
    if kind == 0:  # a round pole left or right of the middle
        x, thickness = rng.choice([rng.uniform(5, 45), rng.uniform(83, 120)]), int(rng.uniform(8, 16))
        gray = int(rng.uniform(60, 190))
        for step in range(thickness):
            tone = int(gray * (0.6 + 0.6 * math.sin(math.pi * (step + 0.5) / thickness)))
            pen.line((x + step, 0, x + step, height), (tone, tone, tone), 1)
    elif kind == 1:
        color = random_color(rng, 20, 200)
        _bicycle(pen, rng.uniform(-20, 60), 222, 30, color)
    else:  # a bush along the lower edge
        for _ in range(60):
            x, y = rng.uniform(0, width), rng.uniform(215, 262)
            green = (int(rng.uniform(30, 80)), int(rng.uniform(70, 130)), int(rng.uniform(25, 60)))
            pen.ellipse((x - 10, y - 8, x + 10, y + 8), green)
    pixels = np.asarray(drawing.reduce(2), np.float32)
    return pixels[..., :3], pixels[..., 3:] / 255


def _overlay(image: np.ndarray, layer: Layer) -> None:
    """Paint a layer over the image, in place."""
    colors, coverage = layer
    image += coverage * (colors - image)


def _shadow(image: np.ndarray, pose: Pose) -> None:
    """Darken the ground below the feet and away from the light, in place."""
    shift = -pose.light * 0.16 * pose.size
    for move, wide, high, depth in ((0.0, 0.14, 0.035, 0.50), (shift, 0.26, 0.045, 0.30)):
        across = (_COLUMNS - pose.x - move) / (wide * pose.size)
        down = (_ROWS - pose.y - 0.02 * pose.size) / (high * pose.size)
        image *= 1 - depth * np.exp(-(across**2) - down**2)[..., None]


def expose(image: np.ndarray, camera: Camera, walk: Rng, picture: Rng) -> np.ndarray:
    """Apply the camera's exposure, colour cast, contrast and saturation; float32 in 0..255."""
    exposure = camera.exposure * walk.uniform(0.86, 1.14) * picture.uniform(0.96, 1.04)
    cast = np.array(camera.cast) * walk.uniform(0.95, 1.05, 3)
    slope = walk.uniform(-0.15, 0.15)
    light = exposure * (1 + slope * (_ROWS / HEIGHT - 0.5))
    image = image / 255 * light[..., None] * cast.astype(np.float32)
    gray = image.mean(2, keepdims=True)
    image = gray + camera.saturation * (image - gray)
    # Bright values saturate gradually, as in real cameras, which keeps white clothes distinguishable from the sky.
    image = np.where(image > 0.8, 0.8 + 0.2 * np.tanh((image - 0.8) / 0.2), np.maximum(image, 0)) ** camera.gamma
    return (255 * (camera.haze + (1 - camera.haze) * image)).astype(np.float32)


def encode(image: np.ndarray, camera: Camera, rng: Rng) -> bytes:
    """Return the JPEG file of an image with the camera's blur, resolution and noise."""
    blurred = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    blurred = blurred.filter(ImageFilter.GaussianBlur(camera.blur * rng.uniform(0.8, 1.3)))
    if camera.shrink < 1:
        for factor in (camera.shrink, 1):
            blurred = blurred.resize((round(WIDTH * factor), round(HEIGHT * factor)), Image.Resampling.BILINEAR)
    gray = rng.standard_normal((HEIGHT, WIDTH, 1), np.float32)
    noise = gray + 0.5 * rng.standard_normal((HEIGHT, WIDTH, 3), np.float32)
    pixels = np.asarray(blurred, np.float32) + camera.noise * noise
    file = BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=camera.quality)
    return file.getvalue()


def pose_of(shot: Shot, camera: Camera, walk: Rng, picture: Rng) -> tuple[Pose, float]:
    """Return the pose of the person in a shot, and the horizontal distance walked so far, in pixels.

    All images of one walk share the stream `walk`; `picture` is the stream of this image.
    """
    angles, weights = zip(*camera.yaws, strict=True)
    yaw = math.radians(walk.choice(angles, p=np.array(weights) / sum(weights)) + walk.normal(0, 14))
    phase = walk.uniform(0, 2 * math.pi) + 1.1 * shot.index + picture.normal(0, 0.4)
    size = walk.uniform(108, 119) * picture.uniform(0.94, 1.05)
    seen_yaw = yaw + picture.normal(0, 0.10)
    x, y = WIDTH / 2 + walk.normal(0, 2.0) + picture.normal(0, 2.2), 122.5 + picture.normal(0, 1.8)
    pose = Pose(seen_yaw, phase, camera.pitch, camera.light, x, y, size)
    if shot.kind == "cropped":  # an inaccurate detection
        size = size * picture.uniform(1.3, 1.8)
        pose = replace(pose, size=size, y=y + picture.uniform(10, 60), x=x + picture.normal(0, 9))
    elif shot.kind == "legs":
        pose = replace(pose, size=size * 2.1, y=124.0)
    elif shot.kind == "upper":
        pose = replace(pose, size=size * 2.3, y=122 + size * 1.25)
    elif shot.kind == "edge":
        pose = replace(pose, x=picture.choice([-6.0, WIDTH + 6.0]))
    elif shot.kind == "pair":
        pose = replace(pose, x=WIDTH / 2 - 13)
    return pose, 9 * (shot.index % 12) * math.sin(yaw)


class Renderer:
    """Cameras, their surroundings and the people, from which it draws images; `people` maps keys to persons."""

    def __init__(self, seed: int, camera_count: int, people: dict[int, Person]) -> None:
        self.seed, self.people, self.keys = seed, people, sorted(people)
        self.cameras = create_cameras(camera_count, seed)
        self.surroundings = lru_cache(maxsize=None)(
            lambda camera, sequence: panorama(self.cameras[camera - 1], stream(seed, PLACE, camera, sequence))
        )

    def jpeg(self, shot: Shot) -> bytes:
        """Return the JPEG file of one shot."""
        camera = self.cameras[shot.camera - 1]
        # The images of a walk share direction, place and light; step and crop differ.
        walk = stream(self.seed, WALK, shot.key, shot.camera, shot.sequence)
        picture = stream(self.seed, PICTURE, shot.key, shot.camera, shot.sequence, shot.index)
        pose, distance = pose_of(shot, camera, walk, picture)
        image = self._background(shot, distance, walk, picture)
        if shot.kind != "background":
            self._add_people(image, shot, pose, picture)
        elif picture.random() < 0.5:
            _overlay(image, occluder(picture))
        return encode(expose(image, camera, walk, picture), camera, picture)

    def _background(self, shot: Shot, distance: float, walk: Rng, picture: Rng) -> np.ndarray:
        """Return the part of the surroundings that the walk has reached, float32 `(128, 64, 3)`."""
        width, height = PANORAMA
        left = int(walk.integers(40, width - WIDTH - 40) + distance)
        top = int(walk.integers(4, height - HEIGHT - 4) + picture.integers(-4, 5))
        left = min(max(left, 0), width - WIDTH)
        place = self.surroundings(shot.camera, shot.sequence)
        return np.array(place[top : top + HEIGHT, left : left + WIDTH])

    def _add_people(self, image: np.ndarray, shot: Shot, pose: Pose, rng: Rng) -> None:
        """Draw the person and, at random or in a pair, another person or an occluder."""
        chance = rng.random()
        if shot.kind == "person" and chance < 0.10:  # another person farther away
            self._add_other(image, pose, rng, rng.choice([-1, 1]) * rng.uniform(14, 26), 0.72, -14)
        _shadow(image, pose)
        _overlay(image, render_person(self.people[shot.key], pose))
        if shot.kind == "pair":
            self._add_other(image, pose, rng, rng.uniform(20, 26), 1.0, 1)
        elif shot.kind == "person" and 0.10 <= chance < 0.17:  # a shoulder in front
            self._add_other(image, pose, rng, rng.choice([-1, 1]) * rng.uniform(27, 33), 1.12, 8)
        elif shot.kind in ("person", "cropped") and 0.17 <= chance < 0.27:
            _overlay(image, occluder(rng))

    def _add_other(self, image: np.ndarray, pose: Pose, rng: Rng, across: float, size: float, lower: float) -> None:
        """Draw a random person next to the first one: `across` and `lower` in pixels, `size` as a factor."""
        person = self.people[self.keys[int(rng.integers(len(self.keys)))]]
        yaw = pose.yaw + rng.choice([0, math.pi]) + rng.normal(0, 0.4)
        phase = rng.uniform(0, 6.3)
        other = replace(pose, x=pose.x + across, y=pose.y + lower, size=pose.size * size, yaw=yaw, phase=phase)
        _overlay(image, render_person(person, other))
