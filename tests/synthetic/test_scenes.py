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


def test_the_ninth_camera_gives_an_image():
    renderer = Renderer(0, 9, {1: plain_person()})
    with Image.open(BytesIO(renderer.jpeg(Shot("train", "", 1, 1, 9, 1, 0)))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))


def test_cameras_differ_more_than_the_images_of_one_walk(small):
    walks = {}
    for path in sorted((small / "train").iterdir()):
        walks.setdefault((path.name[:4], path.name[6]), []).append(
            np.asarray(Image.open(path), np.float32).mean((0, 1))
        )
    cameras = {camera: [] for _, camera in walks}
    for (_, camera), colors in walks.items():
        cameras[camera].extend(colors)
    means = np.array([np.mean(colors, 0) for _, colors in sorted(cameras.items())])
    distances = np.linalg.norm(means[:, None] - means, axis=2)[np.triu_indices(6, 1)]
    assert distances.min() > 5 and np.median(distances) > 40
    same = [np.abs(colors[0] - color).max() for colors in walks.values() for color in colors[1:]]
    across = [
        np.abs(colors[0] - others[0]).max()
        for (pid, camera), colors in walks.items()
        for (other_pid, other_camera), others in walks.items()
        if pid == other_pid and camera < other_camera
    ]
    assert np.median(across) > 3 * np.median(same)
