"""Random images and parameters for the tests of the transforms."""

import torch
import torch.nn.functional as F

from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, draw_parameters, only

SIZE = (128, 64)
ALL_OFF = Augmentation(**dict.fromkeys(TRANSFORMS, 0.0))
STRONG = Augmentation(
    degrees=40, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.5, translate=(0.3, 0.3), scale=(0.6, 1.5), shear=20,
    perspective=1.0, distortion=0.6, sharpness=1.0, sharpness_range=(0.0, 4.0), erasing=1.0,
)  # fmt: skip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(n=6, size=SIZE, low=0.0, high=1.0, seed=0):
    return low + (high - low) * torch.rand(n, 3, *size, generator=generator(seed))


def smooth_images(n=6, size=SIZE, seed=0):
    coarse = random_images(n, (8, 4), seed=seed)
    return F.interpolate(coarse, size, mode="bicubic", align_corners=False).clamp(0, 1)


def parameters_of(name, n=6, size=SIZE, seed=1):
    return draw_parameters(n, size, only(name, STRONG), generator(seed))


def neutral_parameters(n=6, size=SIZE):
    return draw_parameters(n, size, ALL_OFF, generator())


def map_images(function, images, *parameters):
    return torch.stack([function(image, *(p[i] for p in parameters)) for i, image in enumerate(images)])
