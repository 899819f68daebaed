"""Batches for a translation: images to repaint, and images of the cameras that they are to look like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from assignment_lib.batches.augmentation import only
from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.translation.generator import with_camera

#: The only change that leaves the look of a camera as it is.
MIRRORED = replace(only("flip"), flip=0.5)


class PairSampler:
    """Positions, `pairs` to repaint, then `pairs` of the target, batch after batch; `steps` batches an epoch.

    The target's images are taken in a random order, each as often as any other. Those to repaint are half images of the
    other data set, the first `others` positions, and half of the target; all of the target where `others` is 0.
    """

    def __init__(self, others: int, target: int, pairs: int, steps: int, generator: torch.Generator):
        self.others, self.target, self.pairs, self.steps = others, target, pairs, steps
        self.generator = generator

    def __len__(self) -> int:
        return 2 * self.pairs * self.steps

    def __iter__(self) -> Iterator[int]:
        from_others = self.pairs // 2 if self.others else 0
        others = self._endless(self.others)
        own, real = self._endless(self.target), self._endless(self.target)
        for _ in range(self.steps):
            yield from (next(others) for _ in range(from_others))
            yield from (self.others + next(own) for _ in range(self.pairs - from_others))
            yield from (self.others + next(real) for _ in range(self.pairs))

    def _endless(self, count: int) -> Iterator[int]:
        while True:
            yield from torch.randperm(count, generator=self.generator).tolist()


class CameraPairs(Batches):
    """`Batches` whose images carry the planes of a camera: their own in the second half, that of their partner in the first."""

    def __init__(self, images: Tensor, sampler: PairSampler, cameras: Tensor, count: int, device: torch.device | str):
        super().__init__(images, sampler, 2 * sampler.pairs, device, augmentation=MIRRORED, generator=sampler.generator)
        self.cameras, self.count = cameras.to(self.device), count

    def over(self, positions: Tensor, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from batch `start` on; `images` are `(2 * pairs, 3 + count, H, W)`."""
        for batch in super().over(positions, start):
            wanted = self.cameras[batch.index[len(batch.index) // 2 :]]
            yield batch._replace(images=with_camera(batch.images, wanted.repeat(2), self.count))


def camera_pairs(
    others: Tensor,
    target: Tensor,
    cameras: Tensor,
    pairs: int,
    steps: int,
    device: torch.device | str = "cpu",
    generator: torch.Generator | None = None,
) -> CameraPairs:
    """Batches of `pairs` images to repaint and `pairs` of the target, mirrored at random, `steps` of them an epoch.

    `others` `(M, 3, H, W)` uint8, perhaps none, and `target` `(N, 3, H, W)` uint8 are what `PairSampler` draws from;
    `cameras` `(N,)` int64 from 0 on are those of the target's images. Raises `ValueError` where the sizes of images differ or
    the target has none.
    """
    if len(target) == 0 or len(cameras) != len(target):
        raise ValueError(f"{len(target)} images of the target but {len(cameras)} cameras; give one of each an image")
    if others.shape[1:] != target.shape[1:]:
        raise ValueError(
            f"images to repaint are {tuple(others.shape[1:])}, those of the target {tuple(target.shape[1:])}; decode both at "
            "one size"
        )
    generator = torch.Generator().manual_seed(0) if generator is None else generator
    sampler = PairSampler(len(others), len(target), pairs, steps, generator)
    known = torch.cat([torch.zeros(len(others), dtype=torch.int64), cameras])
    return CameraPairs(torch.cat([others, target]), sampler, known, int(cameras.max()) + 1, device)
