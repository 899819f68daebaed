"""The network that tells images of a camera from repainted ones."""

from __future__ import annotations

from torch import Tensor, nn


class Discriminator(nn.Module):
    """A PatchGAN (Isola et al. 2017, section 3.2.2): it judges patches, so that it looks at look and not at who is there.

    `(B, 3 + cameras, H, W)`, an image in [0, 1] with the planes of `generator.with_camera`, -> `(B, 1, H / 4, W / 4)`, large
    where a patch of 18 x 18 pixels seems to be of that camera. Without norms, which would hide the brightness and the cast
    of a whole picture, the larger part of what a camera is here.
    """

    def __init__(self, cameras: int, width: int = 32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3 + cameras, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(4 * width, 1, 1),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return self.layers(inputs)
