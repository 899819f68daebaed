"""Colour steps against torchvision's own with the same parameters."""

from dataclasses import replace

import pytest
import torch
import torchvision.transforms.functional as TF
from random_pictures import SIZE, each, generator, neutral, random_images

from assignment_lib.batches.augment import apply
from assignment_lib.batches.augmentation import Augmentation, only
from assignment_lib.batches.draws import draw_parameters


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colour_steps_equal_torchvision_where_nothing_is_clamped(name):
    images = random_images(low=0.35, high=0.6)
    factors = torch.tensor([0.6, 0.8, 1.0, 1.1, 1.3, 1.5], dtype=torch.float64)
    ours = apply(images, replace(neutral(), **{name: factors}))
    torch.testing.assert_close(ours, each(images, getattr(TF, f"adjust_{name}"), factors), atol=1e-6, rtol=0)
    assert (ours - images).abs().max() > 0.05


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_single_colour_steps_equal_torchvision_where_their_end_is_clamped(name):
    images = random_images()
    factors = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0], dtype=torch.float64)
    ours = apply(images, replace(neutral(), **{name: factors}))
    theirs = each(images, getattr(TF, f"adjust_{name}"), factors)
    torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)
    assert (theirs == 1).any()


def test_hue_equals_torchvision_on_every_kind_of_colour():
    images = random_images(9)
    levels = torch.tensor([0.0, 0.25, 0.5, 1.0])  # ties, greys, black, white and the pure colours
    corner_cases = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 8, 8)
    images[:, :, :8, :8] = corner_cases
    turns = torch.linspace(-0.5, 0.5, 9, dtype=torch.float64)
    ours = apply(images, replace(neutral(9), hue=turns))
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
    torch.testing.assert_close(apply(images, p), in_turn(images, p), atol=2e-5, rtol=0)


def test_luma_weights_that_do_not_sum_to_one_are_followed():
    images = random_images(low=0.35, high=0.6)
    none = torch.zeros(6, dtype=torch.float64)
    p = replace(neutral(), contrast=none, saturation=none)
    torch.testing.assert_close(apply(images, p), in_turn(images, p), atol=2e-6, rtol=0)


def test_clamping_once_instead_of_thrice_stays_near_torchvision():
    images = random_images(32)  # a worse case than photographs: a third of it within 1/6 of black or white
    p = draw_parameters(32, SIZE, only("color_jitter"), generator())
    difference = (apply(images, p) - in_turn(images, p)).abs()
    assert difference.mean() < 0.005
    assert difference.max() < 0.2
