"""Image files, made up: a picture of four colours, whole and broken."""

import numpy as np
import torch
from PIL import Image

from assignment_lib.data.images import decode

SIZE = (128, 64)


def scene(height=128, width=64):
    """A smooth RGB picture whose four quarters differ: red, green, blue, yellow from the top left by rows."""
    quarters = np.array([[[200, 30, 40], [30, 180, 50]], [[40, 50, 190], [210, 200, 40]]], dtype=np.uint8)
    return Image.fromarray(quarters).resize((width, height), Image.Resampling.BICUBIC)


def pixels(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def decode_one(path, size=SIZE):
    return decode([path], size, progress=False).images[0]


def assert_near(ours, expected, tolerance):
    assert ours.shape == expected.shape and ours.dtype == torch.uint8
    difference = (ours.int() - expected.int()).abs()
    assert difference.max() <= tolerance, difference.max()


def files(folder):
    return sorted(folder.glob("*.jpg"))


def damage(folder):
    """Break five of the six files; return all paths and what the five are reported as."""
    paths = files(folder)
    whole = paths[1].read_bytes()
    paths[0].write_bytes(b"")
    paths[1].write_bytes(whole[: len(whole) // 2])
    paths[2].write_text("<html>404</html>")
    paths[3].unlink()
    paths[4].unlink()
    paths[4].mkdir()
    return paths, ["empty", "truncated", "not an image", "missing", "folder"]
