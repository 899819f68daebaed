"""Settings, random parameters and application of the transforms."""

from dataclasses import asdict, fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_pictures import ALL_OFF, SIZE, STRONG, generator, neutral, random_images

from assignment_lib.batches.augmentation import (
    TRANSFORMS,
    Augmentation,
    apply_transforms,
    augment,
    draw_parameters,
    only,
)
from assignment_lib.batches.transforms import image_corners


@pytest.mark.parametrize("name", TRANSFORMS)
def test_only_switches_one_transform_on_for_every_picture(name):
    images = random_images(40)
    changed = (augment(images, only(name, STRONG), generator()) - images).abs().amax((1, 2, 3)) > 1e-3
    assert changed.all()
    assert sum(asdict(only(name))[other] for other in TRANSFORMS) == 1


def test_everything_off_changes_nothing():
    images = random_images()
    assert torch.equal(augment(images, ALL_OFF), images)


def test_a_generator_decides_everything_and_can_be_resumed():
    images, rng = random_images(), generator(7)
    first = augment(images, STRONG, rng)
    state = rng.get_state()
    second = augment(images, STRONG, rng)
    assert torch.equal(first, augment(images, STRONG, generator(7)))
    assert not torch.equal(first, second)
    rng.set_state(state)
    assert torch.equal(second, augment(images, STRONG, rng))


def test_without_a_generator_torchs_own_seed_decides():
    torch.manual_seed(3)
    first = augment(random_images())
    torch.manual_seed(3)
    assert torch.equal(first, augment(random_images()))


def test_bytes_and_floats_come_out_alike():
    images = (random_images() * 255).to(torch.uint8)
    settings = Augmentation(erasing=0.5)
    ours = augment(images, settings, generator())
    assert torch.equal(ours, augment(images.float() / 255, settings, generator()))
    assert ours.dtype == torch.float32 and ours.is_contiguous() and 0 <= ours.min() < ours.max() <= 1


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_any_memory_layout_is_taken_and_the_input_stays(dtype):
    images = (random_images() * (255 if dtype == torch.uint8 else 1)).to(dtype)
    before = images.clone()
    expected = augment(images, STRONG, generator())
    assert torch.equal(images, before)
    channels_last = images.contiguous(memory_format=torch.channels_last)
    gaps = torch.zeros(6, 3, 128, 128, dtype=dtype)[..., ::2].copy_(images)
    for other in (channels_last, gaps):
        assert torch.equal(augment(other, STRONG, generator()), expected)
        assert torch.equal(other, before)
    for name in TRANSFORMS:  # each alone, since an earlier one might have made a copy
        augment(images, only(name, STRONG), generator())
        assert torch.equal(images, before)


@pytest.mark.parametrize("settings", [Augmentation(), STRONG, *map(only, TRANSFORMS)])
def test_no_pixel_is_read_back_and_no_small_tensor_stays_behind(settings):
    """The meta device has no values: reading one (which would stall a GPU) or mixing devices raises."""
    images = torch.empty(64, 3, *SIZE, dtype=torch.uint8, device="meta")
    ours = augment(images, settings, generator())
    assert ours.device.type == "meta" and ours.dtype == torch.float32 and ours.shape == images.shape


def test_autocast_does_not_coarsen_the_pictures():
    images = random_images()
    expected = augment(images, STRONG, generator())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = augment(images, STRONG, generator())
    assert ours.dtype == torch.float32 and torch.equal(ours, expected)


@given(
    height=st.integers(1, 24),
    width=st.integers(1, 24),
    n=st.integers(0, 5),
    seed=st.integers(0, 2**32),
    distortion=st.floats(0, 1),
    degrees=st.floats(0, 180),
    high=st.floats(1, 10),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_size_and_any_strength_stays_a_picture(height, width, n, seed, distortion, degrees, high):
    chosen = replace(
        STRONG, distortion=distortion, degrees=degrees, brightness=high, sharpness_range=(0, high), scale=(0.1, high)
    )
    images = random_images(n, (height, width), seed=seed)
    ours = augment(images, chosen, generator(seed))
    assert ours.shape == images.shape and ours.isfinite().all()
    assert n == 0 or (ours.min() >= 0 and ours.max() <= 1)


def test_wrong_images_are_named():
    with pytest.raises(TypeError, match=r"uint8 or float32.*float64"):
        augment(torch.rand(2, 3, 8, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"\(B, 3, height, width\), not \(3, 8, 8\)"):
        augment(torch.rand(3, 8, 8))
    with pytest.raises(ValueError, match="these parameters are for 6 images"):
        apply_transforms(torch.rand(5, 3, *SIZE), neutral())


def test_settings_come_back_from_json_equal():
    chosen = Augmentation(scale=(0.8, 1.2))
    as_json = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(chosen).items()}
    assert Augmentation(**as_json) == chosen and hash(Augmentation(**as_json)) == hash(chosen)


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": 1.5}, {"rotation": -0.1}, {"hue": 0.6}, {"brightness": -1}, {"distortion": 1.1}, {"scale": (1.1, 0.9)},
        {"scale": (0.0, 1.0)}, {"translate": (0.1, 2.0)}, {"shear": 90}, {"erasing_ratio": (0.0, 1.0)},
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)


def test_a_transform_that_is_none_is_named():
    with pytest.raises(ValueError, match="none of the transforms"):
        only("colour")


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
    inwards = (p.corners - image_corners(SIZE)).abs()
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
