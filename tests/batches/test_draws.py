"""Draws keep to their ranges, and each transform to its own numbers."""

from dataclasses import fields, replace

import torch
from random_pictures import SIZE, STRONG, generator

from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, only
from assignment_lib.batches.draws import draw_parameters, own_corners


def test_draws_keep_to_their_ranges_and_use_them():
    settings, n = Augmentation(), 4000
    p = draw_parameters(n, SIZE, settings, generator())

    def spans(values, low, high):
        margin = 0.02 * (high - low)
        return low <= values.min() < low + margin and high - margin < values.max() <= high

    assert spans(p.angle, -10, 10)
    assert spans(p.translation[:, 0], -3.2, 3.2) and spans(p.translation[:, 1], -6.4, 6.4)
    assert spans(p.scale, 0.9, 1.1) and spans(p.shear, -5, 5)
    assert all(spans(getattr(p, name), 0.8, 1.2) for name in ("brightness", "contrast", "saturation"))
    assert spans(p.hue, -0.02, 0.02)
    assert spans(p.sharpness, 0.5, 2.0)
    inwards = (p.corners - own_corners(SIZE)).abs()
    assert inwards.amax((0, 1)).tolist() == [6, 12]  # a fifth of the half width 32 and the half height 64
    moved = inwards.sum((1, 2)) > 0
    for happened, probability in (
        (p.flip, settings.flip),
        (p.sharpness != 1, settings.sharpness),
        (p.box[:, 2] > 0, settings.erasing),
        (moved, settings.perspective),
    ):
        assert abs(happened.double().mean() - probability) < 0.04
    assert len(set(p.angle.tolist())) == n  # each sample has its own


def test_boxes_lie_inside_and_have_the_asked_area_and_shape():
    settings = only("erasing")
    box = draw_parameters(4000, SIZE, settings, generator()).box.double()
    top, left, height, width = box[box[:, 2] > 0].T
    assert (
        (top >= 0).all() and (top + height <= SIZE[0]).all() and (left >= 0).all() and (left + width <= SIZE[1]).all()
    )
    assert (top + height).max() == SIZE[0] and (left + width).max() == SIZE[1] and top.min() == 0 == left.min()
    area, shape = height * width / (SIZE[0] * SIZE[1]), height / width
    assert 0.01 < area.min() < 0.03 and 0.19 < area.max() < 0.21
    assert 0.27 < shape.min() < 0.35 and 2.8 < shape.max() < 3.6


def test_erasing_like_torchvision_leaves_a_picture_whole_where_no_box_fits():
    assert (draw_parameters(50, (100, 4), only("erasing"), generator()).box[:, 2] > 0).any()
    wide = Augmentation(erasing=1.0, erasing_scale=(0.9, 1.0), erasing_ratio=(0.1, 0.2))
    half = Augmentation(erasing=1.0, erasing_scale=(0.5, 0.5))
    full_height, full_width = replace(half, erasing_ratio=(4.0, 4.0)), replace(half, erasing_ratio=(1.0, 1.0))
    for never in (wide, full_height, full_width):
        assert not draw_parameters(50, SIZE, never, generator()).box[:, 2:].any()


def test_switching_one_transform_off_leaves_the_draws_of_the_others():
    on = draw_parameters(20, SIZE, STRONG, generator())
    touched = {
        "rotation": {"angle"},
        "color_jitter": {"brightness", "contrast", "saturation", "hue"},
        "flip": {"flip"},
        "erasing": {"box"},
        "affine": {"translation", "scale", "shear"},
        "perspective": {"corners"},
        "sharpness": {"sharpness"},
    }
    for name in TRANSFORMS:
        rng = generator()
        off = draw_parameters(20, SIZE, replace(STRONG, **{name: 0.0}), rng)
        changed = {
            f.name
            for f in fields(on)
            if f.name != "size" and not torch.equal(getattr(on, f.name), getattr(off, f.name))
        }
        assert changed == touched[name]
        spent = generator()
        draw_parameters(20, SIZE, STRONG, spent)
        assert torch.equal(rng.get_state(), spent.get_state())
