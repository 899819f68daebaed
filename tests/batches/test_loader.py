"""Batches hold the rows the sampler names, on the device, augmented with the given random numbers."""

import pytest
import torch
from torch.utils.data import WeightedRandomSampler

from assignment_lib.batches.augmentation import Augmentation, augment
from assignment_lib.batches.loader import Batches


def store(n=10, size=(16, 8)):
    images = torch.randint(0, 256, (n, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return images, torch.arange(n * 12).view(n, 12), torch.arange(n) * 7


def test_batches_hold_the_rows_that_the_sampler_names():
    images, attributes, pids = store()
    order = [3, 3, 0, 9, 1, 2, 8, 5]
    batches = Batches(images, order, 3, attributes=attributes, pids=pids)
    assert len(batches) == 3 and [len(batch.index) for batch in batches] == [3, 3, 2]
    for _ in range(2):  # as often as asked
        assert torch.cat([batch.index for batch in batches]).tolist() == order
    for batch in batches:
        assert batch.images.dtype == torch.float32 and batch.images.min() >= 0 and batch.images.max() <= 1
        assert torch.equal(batch.images, images[batch.index].float() / 255)
        assert torch.equal(batch.attributes, attributes[batch.index])
        assert torch.equal(batch.pids, pids[batch.index])


@pytest.mark.parametrize(("count", "sizes"), [(6, [3, 3]), (7, [3, 3]), (8, [3, 3, 2]), (2, [2]), (1, [1]), (0, [])])
def test_a_last_batch_of_one_image_is_dropped(count, sizes):
    """Batch norm cannot train on a single image."""
    batches = Batches(store()[0], range(count), 3)
    assert [len(batch.images) for batch in batches] == sizes and len(batches) == len(sizes)
    assert len(batches.draw()) == sum(sizes)


def test_targets_may_be_missing():
    (batch,) = Batches(store()[0], [1, 2], 2)
    assert batch.attributes is None and batch.pids is None


def test_a_random_sampler_is_asked_anew_each_epoch_and_can_be_replayed():
    def epochs(seed):
        rng = torch.Generator().manual_seed(seed)
        batches = Batches(store()[0], WeightedRandomSampler([1.0] * 10, 10, generator=rng), 4)
        return [torch.cat([batch.index for batch in batches]).tolist() for _ in range(2)]

    first, second = epochs(0)
    assert first != second
    assert epochs(0) == [first, second]


def test_images_are_augmented_with_the_given_numbers():
    images, *_ = store()
    rng, settings = torch.Generator().manual_seed(5), Augmentation()
    seen = list(Batches(images, [4, 2, 7], 2, augmentation=settings, generator=rng))
    rng = torch.Generator().manual_seed(5)
    for batch in seen:
        assert torch.equal(batch.images, augment(images[batch.index], settings, rng))
        assert not torch.equal(batch.images, images[batch.index].float() / 255)


@pytest.mark.slow  # the first use of the meta device imports sympy and more: 3 to 5 s
@pytest.mark.parametrize("on_device", [True, False])
def test_everything_arrives_on_the_device(on_device):
    """The meta device stands for a GPU: it refuses to mix with the CPU and to be read."""
    images, attributes, pids = store()
    batches = Batches(
        images,
        range(10),
        4,
        "meta",
        attributes=attributes,
        pids=pids,
        augmentation=Augmentation(),
        on_device=on_device,
    )
    assert batches.images.device.type == ("meta" if on_device else "cpu")
    for batch in batches:
        assert all(part.device.type == "meta" for part in batch if part is not None)
    assert batch.images.shape == (2, 3, 16, 8) and batch.attributes.shape == (2, 12) and batch.pids.shape == (2,)


def test_mistakes_are_named():
    images, attributes, pids = store()
    with pytest.raises(ValueError, match="10 images but 9 attributes"):
        Batches(images, [0], 1, attributes=attributes[:9])
    with pytest.raises(ValueError, match="10 images but 3 pids"):
        Batches(images, [0], 1, pids=pids[:3])
    with pytest.raises(ValueError, match="uint8"):
        Batches(images.float(), [0], 1)
    with pytest.raises(ValueError, match="batch_size=0"):
        Batches(images, [0], 0)
    for outside in (10, -1):
        with pytest.raises(ValueError, match=f"{outside}.*0 to 9"):
            list(Batches(images, [0, outside], 1))
