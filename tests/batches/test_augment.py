"""What holds for all transforms together: any image, any memory format, any device, any strength."""

from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_pictures import ALL_OFF, SIZE, STRONG, generator, neutral, random_images

from assignment_lib.batches.augment import apply, augment
from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, only


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
        apply(torch.rand(5, 3, *SIZE), neutral())
