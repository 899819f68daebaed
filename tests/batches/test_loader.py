"""Batches hold the images that the sampler names, on the device, augmented with the generator's numbers."""

import pytest
import torch

from assignment_lib.batches.augmentation import Augmentation, augment
from assignment_lib.batches.loader import Batches


def store(n=10, size=(16, 8)):
    images = torch.randint(0, 256, (n, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return images, torch.arange(n * 12).view(n, 12), torch.arange(n) * 7


def test_batches_hold_the_images_of_the_sampler():
    images, attributes, pids = store()
    order = [3, 3, 0, 9, 1, 2, 8, 5]
    batches = Batches(images, order, 3, attributes=attributes, pids=pids)
    assert len(batches) == 3 and [len(batch.index) for batch in batches] == [3, 3, 2]
    for _ in range(2):
        assert torch.cat([batch.index for batch in batches]).tolist() == order
    later = batches.over(batches.draw(), 1)  # a resumed epoch
    assert [batch.index.tolist() for batch in later] == [[9, 1, 2], [8, 5]]
    for batch in batches:
        assert batch.images.dtype == torch.float32
        assert torch.equal(batch.images, images[batch.index].float() / 255)
        assert torch.equal(batch.attributes, attributes[batch.index])
        assert torch.equal(batch.pids, pids[batch.index])
    (batch,) = Batches(images, [1, 2], 2)
    assert batch.attributes is None and batch.pids is None


@pytest.mark.parametrize(("count", "sizes"), [(6, [3, 3]), (7, [3, 3]), (8, [3, 3, 2]), (2, [2]), (1, [1]), (0, [])])
def test_a_last_batch_of_one_image_is_dropped(count, sizes):
    """Batch norm cannot train on a single image."""
    batches = Batches(store()[0], range(count), 3)
    assert [len(batch.images) for batch in batches] == sizes and len(batches) == len(sizes)
    assert len(batches.draw()) == sum(sizes)


def test_images_are_augmented_with_the_numbers_of_the_generator():
    images, *_ = store()
    rng, settings = torch.Generator().manual_seed(5), Augmentation()
    batches = list(Batches(images, [4, 2, 7, 9], 2, augmentation=settings, generator=rng))
    rng = torch.Generator().manual_seed(5)
    for batch in batches:
        assert torch.equal(batch.images, augment(images[batch.index], settings, rng))
        assert not torch.equal(batch.images, images[batch.index].float() / 255)


def test_wrong_arguments_are_refused():
    images, attributes, pids = store()
    for wrong, keyword in (
        ({"attributes": attributes[:9]}, "9 attributes"),
        ({"pids": pids[:3]}, "3 pids"),
        ({"images": images.float()}, "float32"),
        ({"batch_size": 0}, "batch_size=0"),
    ):
        with pytest.raises(ValueError, match=keyword):
            Batches(**({"images": images, "sampler": [0], "batch_size": 1} | wrong))
    for outside in (10, -1):
        with pytest.raises(ValueError, match=f"{outside}.*0 to 9"):
            list(Batches(images, [0, outside], 1))
