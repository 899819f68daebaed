"""The cameras: light, colour and sharpness of each, the place it looks at, and the ways people walk there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from assignment_lib.synthetic.streams import CAMERA, stream


@dataclass(frozen=True)
class Camera:
    """One camera and its place."""

    scene: str  # one of `scenes.SCENES`
    horizon: float  # height of the horizon in the picture, 0 top .. 1 bottom
    light: float  # where it comes from, -1 left .. 1 right
    pitch: float  # radians downwards
    yaws: tuple[tuple[float, float], ...]  # direction people walk in, degrees, and its weight
    exposure: float
    gamma: float
    cast: tuple[float, float, float]  # factors of red, green, blue
    saturation: float
    haze: float  # share of white light over everything
    blur: float  # radius, pixels
    noise: float  # standard deviation, gray levels
    quality: int  # of the JPEG
    shrink: float  # resolution, share of the full one


# Loosely the six of Market-1501: five sharp ones of different light, the last one of lower resolution.
# fmt: off
_SIX = (
    Camera(
        "pavement", horizon=0.20, light=-0.7, pitch=0.14, yaws=((0, 5), (180, 3), (35, 2)),
        exposure=1.04, gamma=0.96, cast=(1.02, 1.00, 0.97), saturation=1.00, haze=0.02,
        blur=0.35, noise=4, quality=88, shrink=1.0,
    ),
    Camera(
        "grass", horizon=0.28, light=0.6, pitch=0.10, yaws=((180, 5), (90, 2), (-150, 2), (10, 2)),
        exposure=0.84, gamma=1.08, cast=(0.94, 1.03, 0.90), saturation=0.92, haze=0.02,
        blur=0.50, noise=5, quality=80, shrink=0.9,
    ),
    Camera(
        "bricks", horizon=0.36, light=0.2, pitch=0.06, yaws=((90, 3), (-90, 3), (50, 2), (-160, 2)),
        exposure=0.98, gamma=1.00, cast=(1.10, 0.99, 0.86), saturation=1.05, haze=0.02,
        blur=0.40, noise=5, quality=84, shrink=1.0,
    ),
    Camera(
        "plaza", horizon=0.16, light=-0.3, pitch=0.20, yaws=((0, 3), (-40, 3), (140, 3), (90, 1)),
        exposure=1.13, gamma=0.92, cast=(0.97, 1.00, 1.06), saturation=0.82, haze=0.10,
        blur=0.45, noise=5, quality=78, shrink=0.9,
    ),
    Camera(
        "road", horizon=0.30, light=0.7, pitch=0.10, yaws=((180, 3), (-90, 3), (-35, 3), (0, 1)),
        exposure=0.74, gamma=1.04, cast=(0.89, 0.98, 1.10), saturation=0.88, haze=0.03,
        blur=0.50, noise=7, quality=76, shrink=0.85,
    ),
    Camera(
        "bicycles", horizon=0.24, light=-0.5, pitch=0.16, yaws=((0, 3), (180, 3), (90, 2), (-90, 2)),
        exposure=0.94, gamma=1.14, cast=(1.06, 0.95, 1.02), saturation=0.76, haze=0.06,
        blur=0.60, noise=6, quality=64, shrink=0.65,
    ),
)
# fmt: on


def cameras(count: int, seed: int) -> list[Camera]:
    """Return `count` cameras: six given ones, then variations of them in colour, exposure and direction of light."""
    chosen = list(_SIX[:count])
    while len(chosen) < count:
        rng, base = stream(seed, CAMERA, len(chosen)), _SIX[len(chosen) % len(_SIX)]
        red, green, blue = (1 + 0.12 * rng.standard_normal(3)).clip(0.8, 1.2).tolist()
        exposure, gamma = rng.uniform(0.65, 1.25), rng.uniform(0.85, 1.2)
        chosen.append(replace(base, cast=(red, green, blue), exposure=exposure, gamma=gamma, light=-base.light))
    return chosen
