"""Each warp against torchvision's own with the same parameters, and all of them as one."""

from dataclasses import replace

import pytest
import torch
import torchvision.transforms.functional as TF
from random_pictures import SIZE, STRONG, drawn, each, generator, neutral, random_images, smooth_images
from torchvision.transforms import InterpolationMode

from assignment_lib.batches.augment import apply, augment
from assignment_lib.batches.augmentation import Augmentation
from assignment_lib.batches.draws import draw_parameters, own_corners
from assignment_lib.batches.geometry import homographies, perspective_matrix

BILINEAR = InterpolationMode.BILINEAR


def assert_equal_inside(ours, images, theirs, least_inside):
    """Equal wherever torchvision's four neighbours lie inside the picture; outside it fills with black and we do not."""
    inside = theirs(torch.ones_like(images)) == 1
    assert inside.float().mean() > least_inside
    torch.testing.assert_close(ours[inside], theirs(images)[inside], atol=1e-4, rtol=0)


def test_flip_equals_torchvision():
    images = random_images()
    flip = torch.tensor([True, False, True, True, False, True])
    ours = apply(images, replace(neutral(), flip=flip))
    theirs = each(images, lambda image, flipped: TF.hflip(image) if flipped else image, flip)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
def test_rotation_equals_torchvision(size):
    images = random_images(size=size)
    p = drawn("rotation", size=size)
    assert p.angle.min() < -10 and p.angle.max() > 10
    assert_equal_inside(
        apply(images, p), images, lambda x: each(x, lambda i, a: TF.rotate(i, float(a), BILINEAR), p.angle), 0.5
    )


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
def test_affine_equals_torchvision(size):
    images = random_images(size=size)
    p = drawn("affine", size=size)

    def theirs(x):
        return each(
            x,
            lambda i, t, z, s: TF.affine(i, 0.0, t.tolist(), float(z), [float(s), 0.0], BILINEAR),
            p.translation, p.scale, p.shear,
        )  # fmt: skip

    assert_equal_inside(apply(images, p), images, theirs, 0.4)


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
def test_perspective_equals_torchvision(size):
    images = random_images(size=size)
    p = drawn("perspective", size=size)
    start = own_corners(size).int().tolist()
    assert_equal_inside(
        apply(images, p),
        images,
        lambda x: each(x, lambda i, c: TF.perspective(i, start, c.int().tolist(), BILINEAR), p.corners),
        0.3,
    )


def test_the_composed_homography_is_the_product_of_the_single_ones():
    singles = [homographies(drawn(name)) for name in ("flip", "rotation", "affine", "perspective")]
    together = draw_parameters(6, SIZE, replace(STRONG, flip=1.0), generator(1))
    product = singles[0] @ singles[1] @ singles[2] @ singles[3]
    torch.testing.assert_close(homographies(together), product, atol=1e-12, rtol=1e-12)
    assert all((single - torch.eye(3)).abs().amax((1, 2)).min() > 1e-3 for single in singles)


def test_one_interpolation_shows_what_torchvisions_four_in_turn_show():
    images = smooth_images()
    p = draw_parameters(6, SIZE, Augmentation(color_jitter=0, erasing=0, sharpness=0, flip=1, perspective=1))
    start = own_corners(SIZE).int().tolist()

    def theirs(x):
        x = TF.hflip(x)
        x = each(x, lambda i, a: TF.rotate(i, float(a), BILINEAR), p.angle)
        x = each(
            x,
            lambda i, t, z, s: TF.affine(i, 0.0, t.tolist(), float(z), [float(s), 0.0], BILINEAR),
            p.translation, p.scale, p.shear,
        )  # fmt: skip
        return each(x, lambda i, c: TF.perspective(i, start, c.int().tolist(), BILINEAR), p.corners)

    inside = theirs(torch.ones_like(images)) > 1 - 1e-6
    assert inside.float().mean() > 0.5
    difference = (apply(images, p) - theirs(images))[inside].abs()
    assert difference.mean() < 0.003  # what three more interpolations blur


def test_what_a_warp_uncovers_repeats_the_border():
    images = random_images(size=(1, 1)).expand(-1, -1, *SIZE)
    geometry = replace(STRONG, color_jitter=0, erasing=0, sharpness=0)
    torch.testing.assert_close(augment(images, geometry, generator()), images, atol=1e-6, rtol=0)


def test_a_perspective_never_folds_a_picture_over():
    wild = Augmentation(perspective=1.0, distortion=1.0)
    p = draw_parameters(2000, SIZE, wild, generator())
    moved = (p.corners != own_corners(SIZE)).any(2).any(1)
    assert 0.3 < moved.double().mean() < 0.95
    matrix = perspective_matrix(p.corners, SIZE)
    centred = p.corners - torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    divisor = (
        centred @ matrix[:, 2, :2, None] + matrix[:, 2, 2, None, None]
    )  # at each corner: of one sign unless it is folded
    assert ((divisor > 0) == (divisor[:, :1] > 0)).all()
