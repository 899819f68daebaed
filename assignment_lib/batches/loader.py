"""Batches of images that are in memory, augmented on the device that trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from assignment_lib.batches.augment import augment, to_float
from assignment_lib.batches.augmentation import Augmentation


class Batch(NamedTuple):
    """One batch, on the device that trains."""

    images: Tensor  # (B, 3, H, W) float32 in [0, 1]
    attributes: Tensor | None  # (B, 12) int64
    pids: Tensor | None  # (B,) int64
    # (B,) int64: positions in the store
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which no one needs of a batch
    styled: Tensor | None = None  # (B,) bool: which images were repainted in the look of another camera


class Positions(Protocol):
    """The order of an epoch: a list of positions, or a torch sampler, which draws anew each time it is iterated."""

    def __iter__(self) -> Iterator[int]: ...

    def __len__(self) -> int: ...


class Batches:
    """Batches of stored images, as often as asked: each `for batch in batches` is an epoch.

    images: uint8 (N, 3, H, W), in memory, memory-mapped or on the device.
    sampler: positions 0..N-1 in the order to take them; a torch sampler is asked anew at each epoch. One that lays
        batches out itself (P identities x K images) does so in this order.
    attributes, pids: int64 (N, 12) and (N,), or None. styled: bool (N,), which images were repainted, or None.
    augmentation: None for none.
    generator: a CPU generator for the augmentation; torch's own where None.
    drop_last: leave out a last batch that is not full.
    on_device: keep all images on `device`, so that an epoch moves nothing. None: on a GPU, where they take less than a
        quarter of its free memory.
    Raises ValueError where lengths differ or the sampler names an image that is not there.
    """

    def __init__(
        self,
        images: Tensor,
        sampler: Positions,
        batch_size: int,
        device: torch.device | str = "cpu",
        *,
        attributes: Tensor | None = None,
        pids: Tensor | None = None,
        styled: Tensor | None = None,
        augmentation: Augmentation | None = None,
        generator: torch.Generator | None = None,
        drop_last: bool = False,
        on_device: bool | None = None,
    ) -> None:
        device = torch.device(device)
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images must be uint8 (N, 3, H, W), not {images.dtype} {tuple(images.shape)}")
        for name, targets in (("attributes", attributes), ("pids", pids), ("styled", styled)):
            if targets is not None and len(targets) != len(images):
                raise ValueError(f"{len(images)} images but {len(targets)} {name}: they must be rows of the same table")
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        if on_device is None:
            on_device = device.type == "cuda" and images.nbytes < torch.cuda.mem_get_info(device)[0] / 4
        self.images = images.to(device) if on_device else images
        self.attributes = None if attributes is None else attributes.to(device)
        self.pids = None if pids is None else pids.to(device)
        self.styled = None if styled is None else styled.to(device)
        self.sampler, self.batch_size, self.device, self.drop_last = sampler, batch_size, device, drop_last
        self.augmentation, self.generator = augmentation, generator

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        return self.over(self.draw())

    def draw(self) -> Tensor:
        """Ask the sampler for an epoch: the positions of its images in their order, int64 on the CPU."""
        positions = torch.tensor([int(position) for position in self.sampler], dtype=torch.int64)
        if len(positions) and (positions.min() < 0 or positions.max() >= len(self.images)):
            raise ValueError(
                f"the sampler names images {positions.min()} to {positions.max()}, but there are 0 to "
                f"{len(self.images) - 1}"
            )
        return positions

    def over(self, positions: Tensor, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch that `draw` gave, from batch `start` on: a resumed run takes up where it stopped."""
        # The targets and the epoch's order live on the device: a step then moves its pixels and nothing else.
        positions = positions[start * self.batch_size :]
        on_device = positions.to(self.device)
        for index, here in zip(on_device.split(self.batch_size), positions.split(self.batch_size), strict=True):
            if len(index) == 0:
                return
            if self.drop_last and len(index) < self.batch_size:
                return
            images = self._gather(index, here)
            plain = self.augmentation is None
            images = to_float(images) if plain else augment(images, self.augmentation, self.generator)
            known = (self.attributes, self.pids, self.styled)
            attributes, pids, styled = (None if rows is None else rows[index] for rows in known)
            yield Batch(images, attributes, pids, index, styled)

    def _gather(self, index: Tensor, here: Tensor) -> Tensor:
        if self.images.device.type != "cpu" or self.device.type == "cpu":
            return self.images.index_select(0, index)
        # Page-locked memory lets the copy run while the GPU computes; torch keeps such buffers and hands them out again.
        shape, on_gpu = (len(here), *self.images.shape[1:]), self.device.type == "cuda"
        pinned = torch.empty(shape, dtype=torch.uint8, pin_memory=on_gpu)
        torch.index_select(self.images, 0, here, out=pinned)
        return pinned.to(self.device, non_blocking=True)
