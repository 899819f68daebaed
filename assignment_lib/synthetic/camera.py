"""The cameras of the drawn data set: places, light, colours, sharpness, and one picture of one person at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from assignment_lib.synthetic.canvas import HEIGHT, WIDTH
from assignment_lib.synthetic.person import Person, Pose, render


@dataclass(frozen=True)
class Shot:
    """One picture to draw. `who`: key of the person; `pid`: what the truth says; `kind`: person, cropped, or junk."""

    folder: str
    file: str
    pid: int
    who: int
    camera: int
    sequence: int
    index: int
    kind: str = "person"


def stream(*key: int) -> np.random.Generator:
    """A stream of its own for each thing drawn, so that no picture depends on the order of drawing."""
    return np.random.default_rng([int(number) for number in key])


# --- the cameras -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Camera:
    """Light, colour and sharpness of one camera, the place it looks at, and the ways people walk there."""

    scene: str
    horizon: float  # height of the horizon in the picture, 0 top .. 1 bottom
    exposure: float
    gamma: float
    cast: tuple[float, float, float]
    saturation: float
    haze: float
    blur: float
    noise: float
    quality: int
    shrink: float  # resolution, share of the full one
    light: float
    pitch: float
    yaws: tuple[tuple[float, float], ...]  # direction in degrees and its weight


# Loosely the six of Market-1501: five sharp ones of different light, the last one of lower resolution.
_CAMERAS = (
    _Camera(
        "pavement",
        0.20,
        1.04,
        0.96,
        (1.02, 1.00, 0.97),
        1.00,
        0.02,
        0.35,
        4,
        88,
        1.0,
        -0.7,
        0.14,
        ((0, 5), (180, 3), (35, 2)),
    ),
    _Camera(
        "grass",
        0.28,
        0.84,
        1.08,
        (0.94, 1.03, 0.90),
        0.92,
        0.02,
        0.50,
        5,
        80,
        0.9,
        0.6,
        0.10,
        ((180, 5), (90, 2), (-150, 2), (10, 2)),
    ),
    _Camera(
        "bricks",
        0.36,
        0.98,
        1.00,
        (1.10, 0.99, 0.86),
        1.05,
        0.02,
        0.40,
        5,
        84,
        1.0,
        0.2,
        0.06,
        ((90, 3), (-90, 3), (50, 2), (-160, 2)),
    ),
    _Camera(
        "plaza",
        0.16,
        1.13,
        0.92,
        (0.97, 1.00, 1.06),
        0.82,
        0.10,
        0.45,
        5,
        78,
        0.9,
        -0.3,
        0.20,
        ((0, 3), (-40, 3), (140, 3), (90, 1)),
    ),
    _Camera(
        "road",
        0.30,
        0.74,
        1.04,
        (0.89, 0.98, 1.10),
        0.88,
        0.03,
        0.50,
        7,
        76,
        0.85,
        0.7,
        0.10,
        ((180, 3), (-90, 3), (-35, 3), (0, 1)),
    ),
    _Camera(
        "bicycles",
        0.24,
        0.94,
        1.14,
        (1.06, 0.95, 1.02),
        0.76,
        0.06,
        0.60,
        6,
        64,
        0.65,
        -0.5,
        0.16,
        ((0, 3), (180, 3), (90, 2), (-90, 2)),
    ),
)
_PANORAMA = (480, 176)


def _cameras(count: int, seed: int) -> list[_Camera]:
    """The six above, then variations of them."""
    cameras = list(_CAMERAS[:count])
    while len(cameras) < count:
        rng, base = stream(seed, 2, len(cameras)), _CAMERAS[len(cameras) % len(_CAMERAS)]
        cast = tuple((1 + 0.12 * rng.standard_normal(3)).clip(0.8, 1.2).tolist())
        exposure, gamma = rng.uniform(0.65, 1.25), rng.uniform(0.85, 1.2)
        cameras.append(replace(base, cast=cast, exposure=exposure, gamma=gamma, light=-base.light))
    return cameras


def _texture(rng: np.random.Generator, width: int, height: int, cells: int, depth: float) -> np.ndarray:
    """Soft random brightness `(height, width, 1)` about 1, `cells` patches across, deviation `depth`."""
    small = rng.standard_normal((max(2, cells * height // width), cells)).astype(np.float32)
    picture = Image.fromarray(small).resize((width, height), Image.BICUBIC)
    return 1 + depth * np.asarray(picture)[..., None]


def _panorama(camera: _Camera, rng: np.random.Generator) -> np.ndarray:
    """A stretch of the camera's surroundings, float32 `(176, 480, 3)`, wider than a crop so that people walk along it."""
    width, height = _PANORAMA
    big = Image.new("RGB", (2 * width, 2 * height))
    pen = ImageDraw.Draw(big)
    horizon = int(2 * height * (camera.horizon + rng.uniform(-0.03, 0.03)))
    ground, back = _scene_colors(camera.scene, rng)
    pen.rectangle((0, 0, 2 * width, horizon), back)
    pen.rectangle((0, horizon, 2 * width, 2 * height), ground)
    _SCENES[camera.scene](pen, 2 * width, 2 * height, horizon, ground, rng)
    picture = np.asarray(big.reduce(2), np.float32)
    depth = 0.10 if camera.scene == "grass" else 0.05
    picture = picture * _texture(rng, width, height, 120, depth) * _texture(rng, width, height, 12, 0.07)
    return picture.clip(0, 255)


def _scene_colors(scene: str, rng: np.random.Generator) -> tuple:
    ground, back = {
        "pavement": ((168, 162, 154), (96, 112, 84)),
        "grass": ((104, 132, 72), (62, 84, 52)),
        "bricks": ((150, 146, 142), (146, 88, 70)),
        "plaza": ((176, 172, 164), (128, 140, 152)),
        "road": ((98, 98, 104), (120, 124, 120)),
        "bicycles": ((150, 146, 136), (170, 164, 150)),
    }[scene]
    return tuple(
        tuple(int(c * f) for c in color)
        for color, f in ((ground, rng.uniform(0.85, 1.1)), (back, rng.uniform(0.8, 1.15)))
    )


def _shade(color, factor: float) -> tuple[int, int, int]:
    return tuple(int(min(255, channel * factor)) for channel in color)


def _tiles(pen, width, height, horizon, ground, rng) -> None:
    """Joints of a paved ground, closer together towards the horizon."""
    color, step, y = _shade(ground, 0.82), 6.0, float(horizon)
    while y < height:
        pen.line((0, y, width, y), color, 1 + int(step > 14))
        y, step = y + step, step * 1.25
    for x in range(-width, 2 * width, 70):
        pen.line((width / 2 + (x - width / 2) * 0.7, horizon, x, height), color, 2)


def _trees(pen, width, horizon, rng, count) -> None:
    for _ in range(count):
        x, radius = rng.uniform(0, width), rng.uniform(20, 60)
        green = (int(rng.uniform(40, 80)), int(rng.uniform(80, 125)), int(rng.uniform(35, 65)))
        pen.rectangle((x - 5, horizon - radius, x + 5, horizon + 6), (86, 70, 56))
        pen.ellipse((x - radius, horizon - 2.4 * radius, x + radius, horizon - 0.6 * radius), green)


def _scene_pavement(pen, width, height, horizon, ground, rng) -> None:
    _trees(pen, width, horizon, rng, 14)
    pen.rectangle((0, horizon - 8, width, horizon), _shade(ground, 0.7))
    _tiles(pen, width, height, horizon, ground, rng)


def _scene_grass(pen, width, height, horizon, ground, rng) -> None:
    _trees(pen, width, horizon, rng, 18)
    for _ in range(900):
        x, y = rng.uniform(0, width), rng.uniform(horizon, height)
        pen.line((x, y, x + rng.uniform(-3, 3), y - rng.uniform(3, 9)), _shade(ground, rng.uniform(0.75, 1.25)), 2)
    edge = horizon + 0.55 * (height - horizon)
    pen.polygon([(0, edge), (width, edge - 20), (width, edge + 40), (0, edge + 60)], (150, 142, 122))


def _scene_bricks(pen, width, height, horizon, ground, rng) -> None:
    for row, y in enumerate(range(0, horizon, 10)):
        for x in range(-24 + 12 * (row % 2), width, 24):
            tone = rng.uniform(0.8, 1.15)
            pen.rectangle((x, y, x + 22, y + 8), _shade((150, 88, 70), tone))
    for x in range(40, width, 230):
        pen.rectangle((x, 10, x + 70, horizon - 30), (60, 74, 86), (200, 196, 186), 4)
    _tiles(pen, width, height, horizon, ground, rng)


def _scene_plaza(pen, width, height, horizon, ground, rng) -> None:
    for x in range(0, width, 120):
        front = [int(v) for v in rng.uniform(60, 210, 3)]
        pen.rectangle((x, 0, x + 112, horizon), tuple(front))
        pen.rectangle((x + 12, horizon * 0.35, x + 100, horizon), _shade(front, 0.5))
    _tiles(pen, width, height, horizon, ground, rng)


def _scene_road(pen, width, height, horizon, ground, rng) -> None:
    for _ in range(7):
        x, color = rng.uniform(0, width), tuple(int(v) for v in rng.uniform(30, 220, 3))
        pen.rounded_rectangle((x, horizon - 42, x + 120, horizon + 8), 12, color)
        pen.rectangle((x + 20, horizon - 36, x + 100, horizon - 18), (50, 58, 66))
        for wheel in (22, 96):
            pen.ellipse((x + wheel - 11, horizon - 4, x + wheel + 11, horizon + 18), (24, 24, 26))
    for x in range(0, width, 110):
        pen.polygon(
            [(x, height * 0.78), (x + 60, height * 0.78), (x + 54, height * 0.81), (x - 6, height * 0.81)],
            (205, 205, 196),
        )


def _scene_bicycles(pen, width, height, horizon, ground, rng) -> None:
    pen.rectangle((0, 0, width, horizon * 0.5), (112, 104, 98))
    _tiles(pen, width, height, horizon, ground, rng)
    for x in range(10, width, 62):
        _bicycle(pen, x, horizon + 26, 26, tuple(int(v) for v in rng.uniform(20, 190, 3)))


_SCENES = {
    "pavement": _scene_pavement,
    "grass": _scene_grass,
    "bricks": _scene_bricks,
    "plaza": _scene_plaza,
    "road": _scene_road,
    "bicycles": _scene_bicycles,
}


def _bicycle(pen, x: float, y: float, r: float, color) -> None:
    """A bicycle whose wheels have radius r and stand on y + r."""
    width = max(2, int(r / 9))
    for wheel in (x, x + 2.3 * r):
        pen.ellipse((wheel - r, y - r, wheel + r, y + r), None, (30, 30, 32), width)
    crank, seat, head = (x + r, y), (x + 0.75 * r, y - 1.1 * r), (x + 1.95 * r, y - 1.1 * r)
    pen.line([(x, y), seat, head, crank, seat], color, width)
    pen.line([(x, y), crank], color, width)
    pen.line([(x + 2.3 * r, y), head, (x + 1.85 * r, y - 1.6 * r), (x + 2.2 * r, y - 1.7 * r)], color, width)
    pen.line([(x + 0.5 * r, y - 1.25 * r), (x + 1.0 * r, y - 1.25 * r)], (25, 25, 25), width + 2)


# --- one picture -----------------------------------------------------------------------------------------------------


class Studio:
    """Cameras, their surroundings and the people, ready to take pictures."""

    def __init__(self, seed: int, cameras: int, people: dict[int, Person]):
        self.seed = seed
        self.people = people
        self.keys = sorted(people)
        self.cameras = _cameras(cameras, seed)
        self.surroundings = lru_cache(maxsize=None)(
            lambda camera, sequence: _panorama(self.cameras[camera - 1], stream(seed, 3, camera, sequence))
        )

    def picture(self, shot: Shot) -> bytes:
        """The JPEG file of one shot."""
        camera = self.cameras[shot.camera - 1]
        # A walk past a camera shares direction, place and light; a single picture adds the step and the crop.
        walk = stream(self.seed, 4, shot.who, shot.camera, shot.sequence)
        own = stream(self.seed, 5, shot.who, shot.camera, shot.sequence, shot.index)
        pose, drift = self._pose(camera, walk, own, shot)
        back = self.surroundings(shot.camera, shot.sequence)
        left = int(walk.integers(40, _PANORAMA[0] - WIDTH - 40) + drift)
        top = int(walk.integers(4, _PANORAMA[1] - HEIGHT - 4) + own.integers(-4, 5))
        left = min(max(left, 0), _PANORAMA[0] - WIDTH)
        image = back[top : top + HEIGHT, left : left + WIDTH].copy()
        if shot.kind != "background":
            self._people(image, shot, camera, pose, own)
        elif own.random() < 0.5:
            _overlay(image, _occluder(own))
        image = _lighten(image, camera, walk, own)
        return _encode(image, camera, own)

    def _pose(self, camera: _Camera, walk, own, shot: Shot) -> tuple[Pose, float]:
        angles, weights = zip(*camera.yaws, strict=True)
        yaw = math.radians(walk.choice(angles, p=np.array(weights) / sum(weights)) + walk.normal(0, 14))
        phase = walk.uniform(0, 2 * math.pi) + 1.1 * shot.index + own.normal(0, 0.4)
        size = walk.uniform(108, 119) * own.uniform(0.94, 1.05)
        pose = Pose(
            yaw + own.normal(0, 0.10),
            phase,
            camera.pitch,
            camera.light,
            WIDTH / 2 + walk.normal(0, 2.0) + own.normal(0, 2.2),
            122.5 + own.normal(0, 1.8),
            size,
        )
        drift = 9 * (shot.index % 12) * math.sin(yaw)
        if shot.kind == "cropped":
            pose = replace(
                pose, size=size * own.uniform(1.3, 1.8), y=pose.y + own.uniform(10, 60), x=pose.x + own.normal(0, 9)
            )
        elif shot.kind == "legs":
            pose = replace(pose, size=size * 2.1, y=124.0)
        elif shot.kind == "upper":
            pose = replace(pose, size=size * 2.3, y=122 + size * 1.25)
        elif shot.kind == "edge":
            pose = replace(pose, x=own.choice([-6.0, WIDTH + 6.0]))
        elif shot.kind == "pair":
            pose = replace(pose, x=WIDTH / 2 - 13)
        return pose, drift

    def _people(self, image, shot: Shot, camera: _Camera, pose: Pose, own) -> None:
        chance = own.random()
        if shot.kind == "person" and chance < 0.10:  # somebody further away
            self._stranger(image, pose, own, own.choice([-1, 1]) * own.uniform(14, 26), 0.72, -14)
        _shadow(image, pose, camera)
        _overlay(image, render(self.people[shot.who], pose))
        if shot.kind == "pair":
            self._stranger(image, pose, own, own.uniform(20, 26), 1.0, 1)
        elif shot.kind == "person" and 0.10 <= chance < 0.17:  # somebody's shoulder in front
            self._stranger(image, pose, own, own.choice([-1, 1]) * own.uniform(27, 33), 1.12, 8)
        elif shot.kind in ("person", "cropped") and 0.17 <= chance < 0.27:
            _overlay(image, _occluder(own))

    def _stranger(self, image, pose: Pose, own, across: float, size: float, lower: float) -> None:
        who = self.people[self.keys[int(own.integers(len(self.keys)))]]
        other = replace(
            pose,
            x=pose.x + across,
            y=pose.y + lower,
            size=pose.size * size,
            yaw=pose.yaw + own.choice([0, math.pi]) + own.normal(0, 0.4),
            phase=own.uniform(0, 6.3),
        )
        _overlay(image, render(who, other))


def _overlay(image: np.ndarray, layer: tuple[np.ndarray, np.ndarray]) -> None:
    colors, cover = layer
    image += cover * (colors - image)


_ROWS, _COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def _shadow(image: np.ndarray, pose: Pose, camera: _Camera) -> None:
    """Darker ground under the feet, stretched away from the light."""
    shift = -camera.light * 0.16 * pose.size
    for move, wide, high, depth in ((0.0, 0.14, 0.035, 0.50), (shift, 0.26, 0.045, 0.30)):
        across = (_COLUMNS - pose.x - move) / (wide * pose.size)
        down = (_ROWS - pose.y - 0.02 * pose.size) / (high * pose.size)
        image *= 1 - depth * np.exp(-(across**2) - down**2)[..., None]


def _occluder(own: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A pole, a parked bicycle or a bush in front: colours and cover as of `render`."""
    sheet = Image.new("RGBA", (2 * WIDTH, 2 * HEIGHT))
    pen = ImageDraw.Draw(sheet)
    kind = own.integers(3)
    if kind == 0:
        x, width = own.choice([own.uniform(5, 45), own.uniform(83, 120)]), int(own.uniform(8, 16))
        gray = int(own.uniform(60, 190))
        for step in range(width):
            tone = int(gray * (0.6 + 0.6 * math.sin(math.pi * (step + 0.5) / width)))
            pen.line((x + step, 0, x + step, 2 * HEIGHT), (tone, tone, tone, 255), 1)
    elif kind == 1:
        color = (*(int(v) for v in own.uniform(20, 200, 3)), 255)
        _bicycle(pen, own.uniform(-20, 60), 222, 30, color)
    else:
        for _ in range(60):
            x, y = own.uniform(0, 2 * WIDTH), own.uniform(215, 262)
            green = (int(own.uniform(30, 80)), int(own.uniform(70, 130)), int(own.uniform(25, 60)), 255)
            pen.ellipse((x - 10, y - 8, x + 10, y + 8), green)
    pixels = np.asarray(sheet.reduce(2), np.float32)
    return pixels[..., :3], pixels[..., 3:] / 255


def _lighten(image: np.ndarray, camera: _Camera, walk, own) -> np.ndarray:
    """Exposure, colour cast, contrast and saturation of the camera, float32 0..255."""
    exposure = camera.exposure * walk.uniform(0.86, 1.14) * own.uniform(0.96, 1.04)
    cast = np.array(camera.cast) * walk.uniform(0.95, 1.05, 3)
    slope = walk.uniform(-0.15, 0.15)
    light = exposure * (1 + slope * (_ROWS / HEIGHT - 0.5))
    image = image / 255 * light[..., None] * cast.astype(np.float32)
    gray = image.mean(2, keepdims=True)
    image = gray + camera.saturation * (image - gray)
    # A soft shoulder instead of a hard clip, as cameras have, keeps white clothes apart from sky.
    image = np.where(image > 0.8, 0.8 + 0.2 * np.tanh((image - 0.8) / 0.2), np.maximum(image, 0)) ** camera.gamma
    return (255 * (camera.haze + (1 - camera.haze) * image)).astype(np.float32)


def _encode(image: np.ndarray, camera: _Camera, own: np.random.Generator) -> bytes:
    """Blur, resolution, noise and JPEG of the camera."""
    picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(camera.blur * own.uniform(0.8, 1.3)))
    if camera.shrink < 1:
        small = (round(WIDTH * camera.shrink), round(HEIGHT * camera.shrink))
        picture = picture.resize(small, Image.BILINEAR).resize((WIDTH, HEIGHT), Image.BILINEAR)
    noise = own.standard_normal((HEIGHT, WIDTH, 1), np.float32) + 0.5 * own.standard_normal(
        (HEIGHT, WIDTH, 3), np.float32
    )
    pixels = np.asarray(picture, np.float32) + camera.noise * noise
    file = BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=camera.quality)
    return file.getvalue()
