"""A batch of a translation: first what is repainted, then what it is to look like."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.translation import pairs


def counted(count, start=0):
    """Images of one gray each: image i has the value start + i."""
    return (torch.arange(count) + start)[:, None, None, None].expand(-1, 3, 8, 8).to(torch.uint8).contiguous()


def test_the_second_half_carries_its_camera_and_the_first_that_of_its_partner():
    cameras = torch.arange(10) % 3
    batches = pairs.camera_pairs(counted(4), counted(10, 100), cameras, pairs=4, steps=3)
    found = list(batches)
    assert len(found) == len(batches) == 3
    for batch in found:
        assert batch.images.shape == (8, 6, 8, 8)
        place = (batch.images[:, 0, 0, 0] * 255).round().long()
        assert (place[:2] < 100).all() and (place[2:] >= 100).all()  # half of the other data set, half of the target
        plane = batch.images[:, 3:, 0, 0].argmax(1)
        assert plane[4:].tolist() == cameras[place[4:] - 100].tolist() and plane[:4].tolist() == plane[4:].tolist()


def test_without_another_data_set_the_targets_own_images_are_repainted():
    batches = pairs.camera_pairs(counted(0), counted(6), torch.arange(6) % 2, pairs=3, steps=4)
    drawn = batches.draw()
    assert len(drawn) == 24 and drawn.max() < 6
    # a cycle of the target is drawn before an image comes again
    real = drawn.view(4, 2, 3)[:, 1].flatten()
    assert sorted(real[:6].tolist()) == sorted(real[6:].tolist()) == list(range(6))


@settings(max_examples=40, deadline=None)
@given(others=st.integers(0, 9), target=st.integers(1, 9), size=st.integers(1, 6), steps=st.integers(1, 5))
def test_every_position_is_in_its_part(others, target, size, steps):
    sampler = pairs.PairSampler(others, target, size, steps, torch.Generator().manual_seed(0))
    drawn = torch.tensor(list(sampler)).view(steps, 2, size)
    from_others = size // 2 if others else 0
    assert len(sampler) == drawn.numel()
    assert (drawn[:, 0, :from_others] < others).all() and (drawn[:, 0, from_others:] >= others).all()
    assert (drawn[:, 1] >= others).all() and drawn.max() < others + target


def test_what_does_not_fit_is_said():
    with pytest.raises(ValueError, match="0 images of the target but 0 cameras"):
        pairs.camera_pairs(counted(2), counted(0), torch.empty(0, dtype=torch.int64), 2, 2)
    with pytest.raises(ValueError, match="decode both at one size"):
        pairs.camera_pairs(counted(2)[:, :, :4], counted(2), torch.zeros(2, dtype=torch.int64), 2, 2)
