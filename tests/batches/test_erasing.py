"""Erasing against torchvision's own with the same boxes."""

import torch
import torchvision.transforms.functional as TF
from random_pictures import drawn, each, random_images

from assignment_lib.batches.augment import apply
from assignment_lib.batches.erasing import ERASED_COLOR


def test_erasing_equals_torchvision():
    images = random_images()
    p = drawn("erasing")
    color = torch.tensor(ERASED_COLOR)[:, None, None]
    theirs = each(images, lambda image, box: TF.erase(image, *box.tolist(), v=color), p.box)
    assert torch.equal(apply(images, p), theirs)
    assert (p.box[:, 2:] > 0).all()
