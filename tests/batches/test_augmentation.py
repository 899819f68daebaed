"""Settings, random parameters and application of the transforms."""

from dataclasses import asdict, fields, replace

import pytest
import torch
from augmentation_inputs import ALL_OFF, SIZE, STRONG, generator, random_images
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.batches.augmentation import (
    REPORT,
    STANDARD,
    TRANSFORMS,
    Augmentation,
    augment,
    by_name,
    draw_parameters,
    only,
)
from assignment_lib.batches.transforms import image_corners


@pytest.mark.parametrize("name", TRANSFORMS)
def test_only_applies_one_transform_to_every_image(name):
    images = random_images(40)
    assert ((augment(images, only(name, STRONG), generator()) - images).abs().amax((1, 2, 3)) > 1e-3).all()
    assert sum(asdict(only(name))[other] for other in TRANSFORMS) == 1
    assert torch.equal(augment(images, ALL_OFF), images)


def test_generator_determines_the_result_and_can_resume():
    images, rng = random_images(), generator(7)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # changes nothing
        first = augment(images, STRONG, rng)
    state = rng.get_state()
    second = augment(images, STRONG, rng)
    assert torch.equal(first, augment(images, STRONG, generator(7)))
    assert not torch.equal(first, second)
    rng.set_state(state)
    assert torch.equal(second, augment(images, STRONG, rng))
    torch.manual_seed(7)  # the generator used by default
    assert torch.equal(first, augment(images, STRONG))


def test_bytes_and_floats_give_equal_results():
    images = (random_images() * 255).to(torch.uint8)
    ours = augment(images, generator=generator())
    assert torch.equal(ours, augment(images.float() / 255, REPORT, generator()))
    assert ours.dtype == torch.float32 and ours.is_contiguous() and 0 <= ours.min() < ours.max() <= 1


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_any_memory_format_is_accepted_and_the_input_is_not_modified(dtype):
    images = (random_images() * (255 if dtype == torch.uint8 else 1)).to(dtype)
    channels_last = images.contiguous(memory_format=torch.channels_last)
    strided = torch.zeros(6, 3, 128, 128, dtype=dtype)[..., ::2].copy_(images)
    original = images.clone()
    # each transform alone, too, since an earlier one might have made a copy
    for chosen in (STRONG, *(only(name, STRONG) for name in TRANSFORMS)):
        expected = augment(images, chosen, generator())
        for other in (images, channels_last, strided):
            assert torch.equal(augment(other, chosen, generator()), expected)
            assert torch.equal(other, original)


@pytest.mark.parametrize("settings", [REPORT, STANDARD, STRONG, *map(only, TRANSFORMS)])
def test_nothing_is_read_back_from_the_device(settings):
    """The meta device has no values: reading one (which would stall a GPU) or mixing devices raises."""
    images = torch.empty(64, 3, *SIZE, dtype=torch.uint8, device="meta")
    ours = augment(images, settings, generator())
    assert ours.device.type == "meta" and ours.dtype == torch.float32 and ours.shape == images.shape


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
def test_any_size_and_range_gives_valid_images(height, width, n, seed, distortion, degrees, high):
    chosen = replace(
        STRONG, distortion=distortion, degrees=degrees, brightness=high, sharpness_range=(0, high), scale=(0.1, high)
    )
    images = random_images(n, (height, width), seed=seed)
    ours = augment(images, chosen, generator(seed))
    assert ours.shape == images.shape and ours.isfinite().all()
    assert n == 0 or (ours.min() >= 0 and ours.max() <= 1)


def test_wrong_images_are_refused():
    with pytest.raises(TypeError, match="float64"):
        augment(torch.rand(2, 3, 8, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"\(3, 8, 8\)"):
        augment(torch.rand(3, 8, 8))


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": 1.5}, {"rotation": -0.1}, {"hue": 0.6}, {"brightness": -1}, {"distortion": 1.1}, {"scale": (1.1, 0.9)},
        {"scale": (0.0, 1.0)}, {"translate": (0.1, 2.0)}, {"shear": 90}, {"erasing_ratio": (0.0, 1.0)},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Augmentation(**wrong)


def test_presets_by_name():
    assert by_name("report") == Augmentation() and by_name("standard") == STANDARD and by_name("none") is None
    with pytest.raises(ValueError, match="colour"):
        by_name("colour")


def test_standard_flips_shifts_and_erases_as_in_luo_2019():
    p = draw_parameters(4000, (256, 128), STANDARD, generator())
    for name in ("angle", "shear", "hue"):
        assert not getattr(p, name).any(), name
    for name in ("scale", "brightness", "contrast", "saturation", "sharpness"):
        assert (getattr(p, name) == 1).all(), name
    assert (p.corners == image_corners((256, 128))).all()
    assert p.translation.amax(0).min() > 9.9 and p.translation.abs().max() <= 10  # pixels either way
    erased = p.box[:, 2] > 0
    assert abs(p.flip.double().mean() - 0.5) < 0.04 and abs(erased.double().mean() - 0.5) < 0.04
    share = p.box[erased, 2:].prod(1) / (256 * 128)
    assert 0.015 < share.min() < 0.03 and 0.38 < share.max() < 0.41


def test_parameters_span_their_ranges():
    n, p = 4000, draw_parameters(4000, SIZE, REPORT, generator())

    def spans(values, low, high):
        margin = 0.02 * (high - low)
        return low <= values.min() < low + margin and high - margin < values.max() <= high

    assert spans(p.angle, -10, 10)
    assert spans(p.translation[:, 0], -3.2, 3.2) and spans(p.translation[:, 1], -6.4, 6.4)
    assert spans(p.scale, 0.9, 1.1) and spans(p.shear, -5, 5)
    assert all(spans(getattr(p, name), 0.8, 1.2) for name in ("brightness", "contrast", "saturation"))
    assert spans(p.hue, -0.02, 0.02) and spans(p.sharpness, 0.5, 2.0)
    inwards = (p.corners - image_corners(SIZE)).abs()
    assert inwards.amax((0, 1)).tolist() == [6, 12]  # a fifth of half the width, 32, and of half the height, 64
    applied = {"flip": p.flip, "sharpness": p.sharpness != 1, "erasing": p.box[:, 2] > 0}
    applied["perspective"] = inwards.sum((1, 2)) > 0
    for name, images in applied.items():
        assert abs(images.double().mean() - getattr(REPORT, name)) < 0.04, name
    assert len(set(p.angle.tolist())) == n  # one per image


def test_erased_boxes_lie_inside_with_the_given_area_and_shape():
    box = draw_parameters(4000, SIZE, only("erasing"), generator()).box.double()
    top, left, height, width = box[box[:, 2] > 0].T
    assert top.min() == 0 == left.min() and (top + height).max() == SIZE[0] and (left + width).max() == SIZE[1]
    area, shape = height * width / (SIZE[0] * SIZE[1]), height / width
    assert 0.01 < area.min() < 0.03 and 0.19 < area.max() < 0.21
    assert 0.27 < shape.min() < 0.35 and 2.8 < shape.max() < 3.6


def test_no_box_is_erased_where_none_fits():
    """torchvision does the same."""
    assert (draw_parameters(50, (100, 4), only("erasing"), generator()).box[:, 2] > 0).any()
    wide = Augmentation(erasing=1.0, erasing_scale=(0.9, 1.0), erasing_ratio=(0.1, 0.2))
    half = Augmentation(erasing=1.0, erasing_scale=(0.5, 0.5))
    for too_large in (wide, replace(half, erasing_ratio=(4.0, 4.0)), replace(half, erasing_ratio=(1.0, 1.0))):
        assert not draw_parameters(50, SIZE, too_large, generator()).box[:, 2:].any()


OWN = {
    "rotation": {"angle"}, "color_jitter": {"brightness", "contrast", "saturation", "hue"}, "flip": {"flip"},
    "erasing": {"box"}, "affine": {"translation", "scale", "shear"}, "perspective": {"corners"}, "sharpness": {"sharpness"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "own"), OWN.items())
def test_switching_a_transform_off_keeps_all_other_draws(name, own):
    on_rng, off_rng = generator(), generator()
    on = draw_parameters(20, SIZE, STRONG, on_rng)
    off = draw_parameters(20, SIZE, replace(STRONG, **{name: 0.0}), off_rng)
    names = {field.name for field in fields(on)} - {"size"}
    assert {field for field in names if not torch.equal(getattr(on, field), getattr(off, field))} == own
    assert torch.equal(on_rng.get_state(), off_rng.get_state())
