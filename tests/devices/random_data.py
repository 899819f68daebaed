"""Random images and targets, and a small network, for the tests of devices."""

import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.models.joint import JointConvNet, ModelSettings

PEOPLE = 5
SIZE = (32, 16)


def random_data(count=40):
    """uint8 images `(N, 3, H, W)`, attributes `(N, 12)` and PIDs `(N,)`, the same at each call."""
    generator = torch.Generator().manual_seed(7)
    images = torch.randint(0, 256, (count, 3, *SIZE), dtype=torch.uint8, generator=generator)
    columns = [torch.randint(len(classes), (count,), generator=generator) for classes in TASKS.values()]
    return images, torch.stack(columns, dim=1), torch.arange(count) % PEOPLE


def small_network(backbone="test_efficientnet", n_pids=PEOPLE, attributes=True, **settings):
    """A JointConvNet without pretrained weights, on one of the small backbones that timm has for tests."""
    return JointConvNet(ModelSettings(backbone, pretrained=False, **settings), n_pids, attributes, image_size=SIZE)
