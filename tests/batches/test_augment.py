"""Each transform against torchvision's own with the same parameters, and what holds for all of them together."""

from dataclasses import asdict, fields, replace

import pytest
import torch
import torchvision.transforms.functional as TF
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode

from assignment_lib.batches import augment as A

SIZE = (128, 64)
BILINEAR = InterpolationMode.BILINEAR
ALL_OFF = A.Augmentation(**dict.fromkeys(A.TRANSFORMS, 0.0))
STRONG = A.Augmentation(
    degrees=40, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5, translate=(0.3, 0.3), scale=(0.6, 1.5), shear=20,
    perspective=1.0, distortion=0.6, sharpness=1.0, sharpness_range=(0.0, 4.0), erasing=1.0,
)  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(n=6, size=SIZE, low=0.0, high=1.0, seed=0):
    return low + (high - low) * torch.rand(n, 3, *size, generator=generator(seed))


def smooth_images(n=6, size=SIZE, seed=0):
    coarse = random_images(n, (8, 4), seed=seed)
    return torch.nn.functional.interpolate(coarse, size, mode="bicubic", align_corners=False).clamp(0, 1)


def drawn(name, n=6, size=SIZE, seed=1):
    return A.draw_parameters(n, size, A.only(name, STRONG), generator(seed))


def neutral(n=6, size=SIZE):
    return A.draw_parameters(n, size, ALL_OFF, generator())


def each(images, function, *parameters):
    return torch.stack([function(image, *(p[i] for p in parameters)) for i, image in enumerate(images)])


# Colour, sharpness and erasing against torchvision


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_colour_steps_equal_torchvision_where_nothing_is_clamped(name):
    images = random_images(low=0.35, high=0.6)
    factors = torch.tensor([0.6, 0.8, 1.0, 1.1, 1.3, 1.5], dtype=torch.float64)
    ours = A.apply(images, replace(neutral(), **{name: factors}))
    torch.testing.assert_close(ours, each(images, getattr(TF, f"adjust_{name}"), factors), atol=1e-6, rtol=0)
    assert (ours - images).abs().max() > 0.05


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_single_colour_steps_equal_torchvision_where_their_end_is_clamped(name):
    images = random_images()
    factors = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0], dtype=torch.float64)
    ours = A.apply(images, replace(neutral(), **{name: factors}))
    theirs = each(images, getattr(TF, f"adjust_{name}"), factors)
    torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)
    assert (theirs == 1).any()


def test_hue_equals_torchvision_on_every_kind_of_colour():
    images = random_images(9)
    levels = torch.tensor([0.0, 0.25, 0.5, 1.0])  # ties, greys, black, white and the pure colours
    corner_cases = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 8, 8)
    images[:, :, :8, :8] = corner_cases
    turns = torch.linspace(-0.5, 0.5, 9, dtype=torch.float64)
    ours = A.apply(images, replace(neutral(9), hue=turns))
    torch.testing.assert_close(ours, each(images, lambda i, t: TF.adjust_hue(i, float(t)), turns), atol=5e-6, rtol=0)


def in_turn(images, p):
    images = each(images, TF.adjust_brightness, p.brightness)
    images = each(images, TF.adjust_contrast, p.contrast)
    images = each(images, TF.adjust_saturation, p.saturation)
    return each(images, lambda image, turn: TF.adjust_hue(image, float(turn)), p.hue)


def test_colour_jitter_equals_torchvisions_four_steps_in_turn():
    images = random_images(16, low=0.35, high=0.6)
    p = A.draw_parameters(16, SIZE, A.only("color_jitter", A.Augmentation(hue=0.3)), generator())
    assert min(p.brightness.std(), p.contrast.std(), p.saturation.std(), p.hue.std()) > 0.05
    torch.testing.assert_close(A.apply(images, p), in_turn(images, p), atol=2e-5, rtol=0)


def test_luma_weights_that_do_not_sum_to_one_are_followed():
    images = random_images(low=0.35, high=0.6)
    none = torch.zeros(6, dtype=torch.float64)
    p = replace(neutral(), contrast=none, saturation=none)
    torch.testing.assert_close(A.apply(images, p), in_turn(images, p), atol=2e-6, rtol=0)


def test_clamping_once_instead_of_thrice_stays_near_torchvision():
    images = random_images(32)  # a worse case than photographs: a third of it within 1/6 of black or white
    p = A.draw_parameters(32, SIZE, A.only("color_jitter"), generator())
    difference = (A.apply(images, p) - in_turn(images, p)).abs()
    assert difference.mean() < 0.005
    assert difference.max() < 0.2


def test_sharpness_equals_torchvision():
    images = random_images()
    p = drawn("sharpness")
    assert p.sharpness.min() < 1 < p.sharpness.max()
    torch.testing.assert_close(A.apply(images, p), each(images, TF.adjust_sharpness, p.sharpness), atol=3e-6, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (5, 1), (3, 3), (3, 9), (9, 3), (4, 5)])
def test_sharpness_equals_torchvision_on_small_pictures(size):
    images = random_images(size=size)
    p = drawn("sharpness", size=size)
    torch.testing.assert_close(A.apply(images, p), each(images, TF.adjust_sharpness, p.sharpness), atol=3e-6, rtol=0)


def test_erasing_equals_torchvision():
    images = random_images()
    p = drawn("erasing")
    color = torch.tensor(A.ERASED_COLOR)[:, None, None]
    theirs = each(images, lambda image, box: TF.erase(image, *box.tolist(), v=color), p.box)
    assert torch.equal(A.apply(images, p), theirs)
    assert (p.box[:, 2:] > 0).all()


# Geometry against torchvision


def assert_equal_inside(ours, images, theirs, least_inside):
    """Equal wherever torchvision's four neighbours lie inside the picture; outside it fills with black and we do not."""
    inside = theirs(torch.ones_like(images)) == 1
    assert inside.float().mean() > least_inside
    torch.testing.assert_close(ours[inside], theirs(images)[inside], atol=1e-4, rtol=0)


def test_flip_equals_torchvision():
    images = random_images()
    flip = torch.tensor([True, False, True, True, False, True])
    ours = A.apply(images, replace(neutral(), flip=flip))
    theirs = each(images, lambda image, flipped: TF.hflip(image) if flipped else image, flip)
    torch.testing.assert_close(ours, theirs, atol=2e-5, rtol=0)


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
def test_rotation_equals_torchvision(size):
    images = random_images(size=size)
    p = drawn("rotation", size=size)
    assert p.angle.min() < -10 and p.angle.max() > 10
    assert_equal_inside(
        A.apply(images, p), images, lambda x: each(x, lambda i, a: TF.rotate(i, float(a), BILINEAR), p.angle), 0.5
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

    assert_equal_inside(A.apply(images, p), images, theirs, 0.4)


@pytest.mark.parametrize("size", [SIZE, (33, 50)])
def test_perspective_equals_torchvision(size):
    images = random_images(size=size)
    p = drawn("perspective", size=size)
    start = A._own_corners(size).int().tolist()
    assert_equal_inside(
        A.apply(images, p),
        images,
        lambda x: each(x, lambda i, c: TF.perspective(i, start, c.int().tolist(), BILINEAR), p.corners),
        0.3,
    )


def test_the_composed_homography_is_the_product_of_the_single_ones():
    singles = [A.homographies(drawn(name)) for name in ("flip", "rotation", "affine", "perspective")]
    together = A.draw_parameters(6, SIZE, replace(STRONG, flip=1.0), generator(1))
    product = singles[0] @ singles[1] @ singles[2] @ singles[3]
    torch.testing.assert_close(A.homographies(together), product, atol=1e-12, rtol=1e-12)
    assert all((single - torch.eye(3)).abs().amax((1, 2)).min() > 1e-3 for single in singles)


def test_one_interpolation_shows_what_torchvisions_four_in_turn_show():
    images = smooth_images()
    p = A.draw_parameters(6, SIZE, A.Augmentation(color_jitter=0, erasing=0, sharpness=0, flip=1, perspective=1))
    start = A._own_corners(SIZE).int().tolist()

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
    difference = (A.apply(images, p) - theirs(images))[inside].abs()
    assert difference.mean() < 0.003  # what three more interpolations blur


def test_what_a_warp_uncovers_repeats_the_border():
    images = random_images(size=(1, 1)).expand(-1, -1, *SIZE)
    geometry = replace(STRONG, color_jitter=0, erasing=0, sharpness=0)
    torch.testing.assert_close(A.augment(images, geometry, generator()), images, atol=1e-6, rtol=0)


# What is drawn


def test_draws_keep_to_their_ranges_and_use_them():
    settings, n = A.Augmentation(), 4000
    p = A.draw_parameters(n, SIZE, settings, generator())

    def spans(values, low, high):
        margin = 0.02 * (high - low)
        return low <= values.min() < low + margin and high - margin < values.max() <= high

    assert spans(p.angle, -10, 10)
    assert spans(p.translation[:, 0], -3.2, 3.2) and spans(p.translation[:, 1], -6.4, 6.4)
    assert spans(p.scale, 0.9, 1.1) and spans(p.shear, -5, 5)
    assert all(spans(getattr(p, name), 0.8, 1.2) for name in ("brightness", "contrast", "saturation"))
    assert spans(p.hue, -0.02, 0.02)
    assert spans(p.sharpness, 0.5, 2.0)
    inwards = (p.corners - A._own_corners(SIZE)).abs()
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


def test_a_perspective_never_folds_a_picture_over():
    wild = A.Augmentation(perspective=1.0, distortion=1.0)
    p = A.draw_parameters(2000, SIZE, wild, generator())
    moved = (p.corners != A._own_corners(SIZE)).any(2).any(1)
    assert 0.3 < moved.double().mean() < 0.95
    matrix = A.perspective_matrix(p.corners, SIZE)
    centred = p.corners - torch.tensor([SIZE[1] / 2, SIZE[0] / 2])
    divisor = (
        centred @ matrix[:, 2, :2, None] + matrix[:, 2, 2, None, None]
    )  # at each corner: of one sign unless it is folded
    assert ((divisor > 0) == (divisor[:, :1] > 0)).all()


def test_boxes_lie_inside_and_have_the_asked_area_and_shape():
    settings = A.only("erasing")
    box = A.draw_parameters(4000, SIZE, settings, generator()).box.double()
    top, left, height, width = box[box[:, 2] > 0].T
    assert (
        (top >= 0).all() and (top + height <= SIZE[0]).all() and (left >= 0).all() and (left + width <= SIZE[1]).all()
    )
    assert (top + height).max() == SIZE[0] and (left + width).max() == SIZE[1] and top.min() == 0 == left.min()
    area, shape = height * width / (SIZE[0] * SIZE[1]), height / width
    assert 0.01 < area.min() < 0.03 and 0.19 < area.max() < 0.21
    assert 0.27 < shape.min() < 0.35 and 2.8 < shape.max() < 3.6


def test_erasing_like_torchvision_leaves_a_picture_whole_where_no_box_fits():
    assert (A.draw_parameters(50, (100, 4), A.only("erasing"), generator()).box[:, 2] > 0).any()
    wide = A.Augmentation(erasing=1.0, erasing_scale=(0.9, 1.0), erasing_ratio=(0.1, 0.2))
    half = A.Augmentation(erasing=1.0, erasing_scale=(0.5, 0.5))
    full_height, full_width = replace(half, erasing_ratio=(4.0, 4.0)), replace(half, erasing_ratio=(1.0, 1.0))
    for never in (wide, full_height, full_width):
        assert not A.draw_parameters(50, SIZE, never, generator()).box[:, 2:].any()


def test_switching_one_transform_off_leaves_the_draws_of_the_others():
    on = A.draw_parameters(20, SIZE, STRONG, generator())
    touched = {
        "rotation": {"angle"},
        "color_jitter": {"brightness", "contrast", "saturation", "hue"},
        "flip": {"flip"},
        "erasing": {"box"},
        "affine": {"translation", "scale", "shear"},
        "perspective": {"corners"},
        "sharpness": {"sharpness"},
    }
    for name in A.TRANSFORMS:
        rng = generator()
        off = A.draw_parameters(20, SIZE, replace(STRONG, **{name: 0.0}), rng)
        changed = {
            f.name
            for f in fields(on)
            if f.name != "size" and not torch.equal(getattr(on, f.name), getattr(off, f.name))
        }
        assert changed == touched[name]
        spent = generator()
        A.draw_parameters(20, SIZE, STRONG, spent)
        assert torch.equal(rng.get_state(), spent.get_state())


@pytest.mark.parametrize("name", A.TRANSFORMS)
def test_only_switches_one_transform_on_for_every_picture(name):
    images = random_images(40)
    changed = (A.augment(images, A.only(name, STRONG), generator()) - images).abs().amax((1, 2, 3)) > 1e-3
    assert changed.all()
    assert sum(asdict(A.only(name))[other] for other in A.TRANSFORMS) == 1


def test_everything_off_changes_nothing():
    images = random_images()
    assert torch.equal(A.augment(images, ALL_OFF), images)


def test_a_generator_decides_everything_and_can_be_resumed():
    images, rng = random_images(), generator(7)
    first = A.augment(images, STRONG, rng)
    state = rng.get_state()
    second = A.augment(images, STRONG, rng)
    assert torch.equal(first, A.augment(images, STRONG, generator(7)))
    assert not torch.equal(first, second)
    rng.set_state(state)
    assert torch.equal(second, A.augment(images, STRONG, rng))


def test_without_a_generator_torchs_own_seed_decides():
    torch.manual_seed(3)
    first = A.augment(random_images())
    torch.manual_seed(3)
    assert torch.equal(first, A.augment(random_images()))


# What goes in and what comes out


def test_bytes_and_floats_come_out_alike():
    images = (random_images() * 255).to(torch.uint8)
    settings = A.Augmentation(erasing=0.5)
    ours = A.augment(images, settings, generator())
    assert torch.equal(ours, A.augment(images.float() / 255, settings, generator()))
    assert ours.dtype == torch.float32 and ours.is_contiguous() and 0 <= ours.min() < ours.max() <= 1


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_any_memory_layout_is_taken_and_the_input_stays(dtype):
    images = (random_images() * (255 if dtype == torch.uint8 else 1)).to(dtype)
    before = images.clone()
    expected = A.augment(images, STRONG, generator())
    assert torch.equal(images, before)
    channels_last = images.contiguous(memory_format=torch.channels_last)
    gaps = torch.zeros(6, 3, 128, 128, dtype=dtype)[..., ::2].copy_(images)
    for other in (channels_last, gaps):
        assert torch.equal(A.augment(other, STRONG, generator()), expected)
        assert torch.equal(other, before)
    for name in A.TRANSFORMS:  # each alone, since an earlier one might have made a copy
        A.augment(images, A.only(name, STRONG), generator())
        assert torch.equal(images, before)


@pytest.mark.parametrize("settings", [A.Augmentation(), STRONG, *map(A.only, A.TRANSFORMS)])
def test_no_pixel_is_read_back_and_no_small_tensor_stays_behind(settings):
    """The meta device has no values: reading one (which would stall a GPU) or mixing devices raises."""
    images = torch.empty(64, 3, *SIZE, dtype=torch.uint8, device="meta")
    ours = A.augment(images, settings, generator())
    assert ours.device.type == "meta" and ours.dtype == torch.float32 and ours.shape == images.shape


def test_autocast_does_not_coarsen_the_pictures():
    images = random_images()
    expected = A.augment(images, STRONG, generator())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = A.augment(images, STRONG, generator())
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
    ours = A.augment(images, chosen, generator(seed))
    assert ours.shape == images.shape and ours.isfinite().all()
    assert n == 0 or (ours.min() >= 0 and ours.max() <= 1)


def test_settings_come_back_from_json_equal():
    chosen = A.Augmentation(scale=(0.8, 1.2))
    as_json = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(chosen).items()}
    assert A.Augmentation(**as_json) == chosen and hash(A.Augmentation(**as_json)) == hash(chosen)


@pytest.mark.parametrize(
    "wrong",
    [
        {"flip": 1.5}, {"rotation": -0.1}, {"hue": 0.6}, {"brightness": -1}, {"distortion": 1.1}, {"scale": (1.1, 0.9)},
        {"scale": (0.0, 1.0)}, {"translate": (0.1, 2.0)}, {"shear": 90}, {"erasing_ratio": (0.0, 1.0)},
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        A.Augmentation(**wrong)


def test_wrong_images_are_named():
    with pytest.raises(TypeError, match=r"uint8 or float32.*float64"):
        A.augment(torch.rand(2, 3, 8, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match=r"\(B, 3, height, width\), not \(3, 8, 8\)"):
        A.augment(torch.rand(3, 8, 8))
    with pytest.raises(ValueError, match="these parameters are for 6 images"):
        A.apply(torch.rand(5, 3, *SIZE), neutral())
    with pytest.raises(ValueError, match="none of the transforms"):
        A.only("colour")
