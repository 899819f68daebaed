"""The pixel operations agree with torchvision."""

from dataclasses import replace

import pytest
import torch
import torchvision.transforms.functional as TF
from augmentation_inputs import (
    SIZE,
    STRONG,
    generator,
    map_images,
    neutral_parameters,
    parameters_of,
    random_images,
    smooth_images,
)
from torchvision.transforms import InterpolationMode

from assignment_lib.batches.augmentation import Augmentation, apply_transforms, augment, draw_parameters, only
from assignment_lib.batches.transforms import ERASED_COLOR, image_corners, perspective_matrix

BILINEAR = InterpolationMode.BILINEAR


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_single_color_steps_equal_torchvision(name):
    images = random_images()
    factors = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0], dtype=torch.float64)
    ours = apply_transforms(images, replace(neutral_parameters(), **{name: factors}))
    theirs = map_images(getattr(TF, f"adjust_{name}"), images, factors)
    torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)
    assert (theirs == 1).any()  # clamped


def test_hue_equals_torchvision_on_every_kind_of_color():
    images = random_images(9)
    levels = torch.tensor([0.0, 0.25, 0.5, 1.0])  # ties, greys, black, white and the pure colours
    images[:, :, :8, :8] = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 8, 8)
    turns = torch.linspace(-0.5, 0.5, 9, dtype=torch.float64)
    ours = apply_transforms(images, replace(neutral_parameters(9), hue=turns))
    theirs = map_images(lambda image, turn: TF.adjust_hue(image, float(turn)), images, turns)
    torch.testing.assert_close(ours, theirs, atol=5e-6, rtol=0)


def torchvision_jitter(images, p):
    images = map_images(TF.adjust_brightness, images, p.brightness)
    images = map_images(TF.adjust_contrast, images, p.contrast)
    images = map_images(TF.adjust_saturation, images, p.saturation)
    return map_images(lambda image, turn: TF.adjust_hue(image, float(turn)), images, p.hue)


def test_color_jitter_equals_torchvisions_four_steps_without_clamping():
    images = random_images(16, low=0.35, high=0.6)
    p = draw_parameters(16, SIZE, only("color_jitter", Augmentation(hue=0.3)), generator())
    assert min(p.brightness.std(), p.contrast.std(), p.saturation.std(), p.hue.std()) > 0.05
    p.contrast[0] = p.saturation[0] = 0  # only the luma is left, whose weights do not sum to one
    torch.testing.assert_close(apply_transforms(images, p), torchvision_jitter(images, p), atol=2e-5, rtol=0)


def torchvision_flip(images, p):
    return map_images(lambda image, flip: TF.hflip(image) if flip else image, images, p.flip)


def torchvision_rotation(images, p):
    return map_images(lambda image, angle: TF.rotate(image, float(angle), BILINEAR), images, p.angle)


def torchvision_affine(images, p):
    def affine(image, shift, scale, shear):
        return TF.affine(image, 0.0, shift.tolist(), float(scale), [float(shear), 0.0], BILINEAR)

    return map_images(affine, images, p.translation, p.scale, p.shear)


def torchvision_perspective(images, p):
    start = image_corners(p.size).int().tolist()
    return map_images(lambda image, end: TF.perspective(image, start, end.int().tolist(), BILINEAR), images, p.corners)


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
@pytest.mark.parametrize(
    ("name", "theirs", "least_inside"),
    [
        ("flip", torchvision_flip, 0.9),
        ("rotation", torchvision_rotation, 0.5),
        ("affine", torchvision_affine, 0.4),
        ("perspective", torchvision_perspective, 0.3),
    ],
)
def test_geometric_transforms_equal_torchvision(name, theirs, least_inside, size):
    """Equal where torchvision's four neighbours lie in the image; outside it fills with black, we repeat the border."""
    images, p = random_images(size=size), parameters_of(name, size=size)
    if name == "flip":
        p = replace(p, flip=torch.tensor([True, False, True, True, False, True]))
    ours = apply_transforms(images, p)
    inside = theirs(torch.ones_like(images), p) == 1
    assert inside.float().mean() > least_inside
    torch.testing.assert_close(ours[inside], theirs(images, p)[inside], atol=1e-4, rtol=0)


def test_one_interpolation_equals_torchvisions_four():
    images = smooth_images()
    p = draw_parameters(6, SIZE, Augmentation(color_jitter=0, erasing=0, sharpness=0, flip=1, perspective=1))

    def theirs(batch):
        for transform in (torchvision_flip, torchvision_rotation, torchvision_affine, torchvision_perspective):
            batch = transform(batch, p)
        return batch

    inside = theirs(torch.ones_like(images)) > 1 - 1e-6
    assert inside.float().mean() > 0.5
    difference = (apply_transforms(images, p) - theirs(images))[inside].abs()
    assert difference.mean() < 0.003  # the blur of three more interpolations


def test_pixels_from_outside_repeat_the_border():
    images = random_images(size=(1, 1)).expand(-1, -1, *SIZE)
    geometry = replace(STRONG, color_jitter=0, erasing=0, sharpness=0)
    torch.testing.assert_close(augment(images, geometry, generator()), images, atol=1e-6, rtol=0)


def test_perspective_never_folds_an_image():
    p = draw_parameters(2000, SIZE, Augmentation(perspective=1.0, distortion=1.0), generator())
    moved = (p.corners != image_corners(SIZE)).any(2).any(1)
    assert 0.3 < moved.double().mean() < 0.95
    matrix = perspective_matrix(p.corners, SIZE)
    centred = p.corners - torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    divisor = centred @ matrix[:, 2, :2, None] + matrix[:, 2, 2, None, None]  # same sign at all corners unless folded
    assert ((divisor > 0) == (divisor[:, :1] > 0)).all()


@pytest.mark.parametrize("size", [SIZE, (1, 1), (2, 5), (5, 1), (3, 3), (3, 9), (9, 3), (4, 5)])
def test_sharpness_equals_torchvision(size):
    images, p = random_images(size=size), parameters_of("sharpness", size=size)
    assert p.sharpness.min() < 1 < p.sharpness.max()
    theirs = map_images(TF.adjust_sharpness, images, p.sharpness)
    torch.testing.assert_close(apply_transforms(images, p), theirs, atol=3e-6, rtol=0)


def test_erasing_equals_torchvision():
    images, p = random_images(), parameters_of("erasing")
    color = torch.tensor(ERASED_COLOR)[:, None, None]
    assert (p.box[:, 2:] > 0).all()
    theirs = map_images(lambda image, box: TF.erase(image, *box.tolist(), v=color), images, p.box)
    assert torch.equal(apply_transforms(images, p), theirs)
