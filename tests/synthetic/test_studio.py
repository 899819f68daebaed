import numpy as np
from PIL import Image


def test_cameras_differ_and_one_walk_is_alike(small):
    pictures = {}
    for path in sorted((small / "train").iterdir()):
        key = path.name[:4], path.name[6]
        pictures.setdefault(key, []).append(np.asarray(Image.open(path), np.float32))
    cameras = {}
    for (_, camera), images in pictures.items():
        cameras.setdefault(camera, []).extend(image.mean((0, 1)) for image in images)
    means = np.array([np.mean(colors, 0) for _, colors in sorted(cameras.items())])
    distances = np.linalg.norm(means[:, None] - means, axis=2)[np.triu_indices(6, 1)]
    assert distances.min() > 5 and np.median(distances) > 40

    def difference(a, b):
        return np.abs(a.mean((0, 1)) - b.mean((0, 1))).max()

    same = [difference(images[0], image) for images in pictures.values() for image in images[1:]]
    others = [
        difference(images[0], others[0])
        for (pid, camera), images in pictures.items()
        for (pid2, camera2), others in pictures.items()
        if pid == pid2 and camera < camera2
    ]
    assert np.median(others) > 3 * np.median(same)
