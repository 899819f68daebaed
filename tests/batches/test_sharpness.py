"""Sharpness against torchvision's own with the same factors."""

import pytest
import torch
import torchvision.transforms.functional as TF
from random_pictures import drawn, each, random_images

from assignment_lib.batches.augment import apply


def test_sharpness_equals_torchvision():
    images = random_images()
    p = drawn("sharpness")
    assert p.sharpness.min() < 1 < p.sharpness.max()
    torch.testing.assert_close(apply(images, p), each(images, TF.adjust_sharpness, p.sharpness), atol=3e-6, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (5, 1), (3, 3), (3, 9), (9, 3), (4, 5)])
def test_sharpness_equals_torchvision_on_small_pictures(size):
    images = random_images(size=size)
    p = drawn("sharpness", size=size)
    torch.testing.assert_close(apply(images, p), each(images, TF.adjust_sharpness, p.sharpness), atol=3e-6, rtol=0)
