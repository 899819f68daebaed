"""Cameras differ from each other, and the images of one walk resemble each other."""

from io import BytesIO

import numpy as np
from drawn_people import plain_person
from PIL import Image

from synthetic_pedestrians.scenes import Renderer, Shot, create_cameras


def test_cameras_after_the_sixth_are_variations():
    nine = create_cameras(9, seed=0)
    assert nine[:6] == create_cameras(6, seed=1)
    assert len(set(nine)) == 9 and nine[6:] != create_cameras(9, seed=1)[6:]
    with Image.open(BytesIO(Renderer(0, 9, {1: plain_person()}).jpeg(Shot("train", "", 1, 1, 9, 1, 0)))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))


def test_cameras_differ_more_than_the_images_of_one_walk(small):
    rows = [
        (path.name[:7], path.name[6], np.asarray(Image.open(path), np.float32).mean((0, 1)))
        for path in sorted((small / "train").iterdir())
    ]
    walks, cameras, colors = (np.array(column) for column in zip(*rows, strict=True))
    means = np.array([colors[cameras == camera].mean(0) for camera in np.unique(cameras)])
    distances = np.linalg.norm(means[:, None] - means, axis=2)[np.triu_indices(6, 1)]
    assert distances.min() > 5 and np.median(distances) > 40
    within = [np.ptp(colors[walks == walk], axis=0).max() for walk in np.unique(walks) if (walks == walk).sum() > 1]
    assert np.median(distances) > 3 * np.median(within)
