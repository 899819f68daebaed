"""What a camera makes of a view: exposure, colour cast, contrast, blur, resolution, noise, JPEG."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from assignment_lib.synthetic.cameras import Camera
from assignment_lib.synthetic.canvas import HEIGHT, WIDTH

_ROWS = np.mgrid[0:HEIGHT, 0:WIDTH][0].astype(np.float32)


def expose(image: np.ndarray, camera: Camera, walk: np.random.Generator, own: np.random.Generator) -> np.ndarray:
    """Return the image in the camera's exposure, colour cast, contrast and saturation, float32 0..255."""
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


def encode(image: np.ndarray, camera: Camera, own: np.random.Generator) -> bytes:
    """Return the JPEG file of an image, with the camera's blur, resolution and noise."""
    picture = Image.fromarray(image.clip(0, 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(camera.blur * own.uniform(0.8, 1.3)))
    if camera.shrink < 1:
        small = (round(WIDTH * camera.shrink), round(HEIGHT * camera.shrink))
        picture = picture.resize(small, Image.Resampling.BILINEAR).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    gray = own.standard_normal((HEIGHT, WIDTH, 1), np.float32)
    noise = gray + 0.5 * own.standard_normal((HEIGHT, WIDTH, 3), np.float32)
    pixels = np.asarray(picture, np.float32) + camera.noise * noise
    file = BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=camera.quality)
    return file.getvalue()
