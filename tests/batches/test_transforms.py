"""The pixel operations agree with torchvision."""

from dataclasses import replace

import pytest
import torch
import torchvision.transforms.functional as TF
from random_pictures import SIZE, STRONG, drawn, each, generator, neutral, random_images, smooth_images
from torchvision.transforms import InterpolationMode

from assignment_lib.batches.augmentation import Augmentation, apply_transforms, augment, draw_parameters, only
from assignment_lib.batches.transforms import ERASED_COLOR, homographies, image_corners, perspective_matrix


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colour_steps_equal_torchvision_where_nothing_is_clamped(name):
    images = random_images(low=0.35, high=0.6)
    factors = torch.tensor([0.6, 0.8, 1.0, 1.1, 1.3, 1.5], dtype=torch.float64)
    ours = apply_transforms(images, replace(neutral(), **{name: factors}))
    torch.testing.assert_close(ours, each(images, getattr(TF, f"adjust_{name}"), factors), atol=1e-6, rtol=0)
    assert (ours - images).abs().max() > 0.05


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_single_colour_steps_equal_torchvision_where_their_end_is_clamped(name):
    images = random_images()
    factors = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0], dtype=torch.float64)
    ours = apply_transforms(images, replace(neutral(), **{name: factors}))
    theirs = each(images, getattr(TF, f"adjust_{name}"), factors)
    torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)
    assert (theirs == 1).any()


def test_hue_equals_torchvision_on_every_kind_of_colour():
    images = random_images(9)
    levels = torch.tensor([0.0, 0.25, 0.5, 1.0])  # ties, greys, black, white and the pure colours
    corner_cases = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 8, 8)
    images[:, :, :8, :8] = corner_cases
    turns = torch.linspace(-0.5, 0.5, 9, dtype=torch.float64)
    ours = apply_transforms(images, replace(neutral(9), hue=turns))
    torch.testing.assert_close(ours, each(images, lambda i, t: TF.adjust_hue(i, float(t)), turns), atol=5e-6, rtol=0)


def in_turn(images, p):
    images = each(images, TF.adjust_brightness, p.brightness)
    images = each(images, TF.adjust_contrast, p.contrast)
    images = each(images, TF.adjust_saturation, p.saturation)
    return each(images, lambda image, turn: TF.adjust_hue(image, float(turn)), p.hue)


def test_colour_jitter_equals_torchvisions_four_steps_in_turn():
    images = random_images(16, low=0.35, high=0.6)
    p = draw_parameters(16, SIZE, only("color_jitter", Augmentation(hue=0.3)), generator())
    assert min(p.brightness.std(), p.contrast.std(), p.saturation.std(), p.hue.std()) > 0.05
    torch.testing.assert_close(apply_transforms(images, p), in_turn(images, p), atol=2e-5, rtol=0)


def test_luma_weights_that_do_not_sum_to_one_are_followed():
    images = random_images(low=0.35, high=0.6)
    none = torch.zeros(6, dtype=torch.float64)
    p = replace(neutral(), contrast=none, saturation=none)
    torch.testing.assert_close(apply_transforms(images, p), in_turn(images, p), atol=2e-6, rtol=0)


def test_clamping_once_instead_of_thrice_stays_near_torchvision():
    images = random_images(32)  # a worse case than photographs: a third of it within 1/6 of black or white
    p = draw_parameters(32, SIZE, only("color_jitter"), generator())
    difference = (apply_transforms(images, p) - in_turn(images, p)).abs()
    assert difference.mean() < 0.005
    assert difference.max() < 0.2


BILINEAR = InterpolationMode.BILINEAR


def assert_equal_inside(ours, images, theirs, least_inside):
    """Equal wherever torchvision's four neighbours lie inside the picture; outside it fills with black and we do not."""
    inside = theirs(torch.ones_like(images)) == 1
    assert inside.float().mean() > least_inside
    torch.testing.assert_close(ours[inside], theirs(images)[inside], atol=1e-4, rtol=0)


def test_flip_equals_torchvision():
    images = random_images()
    flip = torch.tensor([True, False, True, True, False, True])
    ours = apply_transforms(images, replace(neutral(), flip=flip))
    theirs = each(images, lambda image, flipped: TF.hflip(image) if flipped else image, flip)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
def test_rotation_equals_torchvision(size):
    images = random_images(size=size)
    p = drawn("rotation", size=size)
    assert p.angle.min() < -10 and p.angle.max() > 10
    assert_equal_inside(
        apply_transforms(images, p),
        images,
        lambda x: each(x, lambda i, a: TF.rotate(i, float(a), BILINEAR), p.angle),
        0.5,
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

    assert_equal_inside(apply_transforms(images, p), images, theirs, 0.4)


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
def test_perspective_equals_torchvision(size):
    images = random_images(size=size)
    p = drawn("perspective", size=size)
    start = image_corners(size).int().tolist()
    assert_equal_inside(
        apply_transforms(images, p),
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
    start = image_corners(SIZE).int().tolist()

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
    difference = (apply_transforms(images, p) - theirs(images))[inside].abs()
    assert difference.mean() < 0.003  # what three more interpolations blur


def test_what_a_warp_uncovers_repeats_the_border():
    images = random_images(size=(1, 1)).expand(-1, -1, *SIZE)
    geometry = replace(STRONG, color_jitter=0, erasing=0, sharpness=0)
    torch.testing.assert_close(augment(images, geometry, generator()), images, atol=1e-6, rtol=0)


def test_a_perspective_never_folds_a_picture_over():
    wild = Augmentation(perspective=1.0, distortion=1.0)
    p = draw_parameters(2000, SIZE, wild, generator())
    moved = (p.corners != image_corners(SIZE)).any(2).any(1)
    assert 0.3 < moved.double().mean() < 0.95
    matrix = perspective_matrix(p.corners, SIZE)
    centred = p.corners - torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    divisor = (
        centred @ matrix[:, 2, :2, None] + matrix[:, 2, 2, None, None]
    )  # at each corner: of one sign unless it is folded
    assert ((divisor > 0) == (divisor[:, :1] > 0)).all()


def test_sharpness_equals_torchvision():
    images = random_images()
    p = drawn("sharpness")
    assert p.sharpness.min() < 1 < p.sharpness.max()
    torch.testing.assert_close(
        apply_transforms(images, p), each(images, TF.adjust_sharpness, p.sharpness), atol=3e-6, rtol=0
    )


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (5, 1), (3, 3), (3, 9), (9, 3), (4, 5)])
def test_sharpness_equals_torchvision_on_small_pictures(size):
    images = random_images(size=size)
    p = drawn("sharpness", size=size)
    torch.testing.assert_close(
        apply_transforms(images, p), each(images, TF.adjust_sharpness, p.sharpness), atol=3e-6, rtol=0
    )


def test_erasing_equals_torchvision():
    images = random_images()
    p = drawn("erasing")
    color = torch.tensor(ERASED_COLOR)[:, None, None]
    theirs = each(images, lambda image, box: TF.erase(image, *box.tolist(), v=color), p.box)
    assert torch.equal(apply_transforms(images, p), theirs)
    assert (p.box[:, 2:] > 0).all()
