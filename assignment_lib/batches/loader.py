"""Batches of images in memory, augmented on the training device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from assignment_lib.batches.augmentation import Augmentation, augment, to_float


class Batch(NamedTuple):
    """One batch, on the training device."""

    images: Tensor  # (B, 3, H, W) float32 in [0, 1]
    attributes: Tensor | None  # (B, 12) int64
    pids: Tensor | None  # (B,) int64
    index: Tensor  # type: ignore[assignment]  # (B,) int64, positions among the stored images; hides tuple.index


class Positions(Protocol):
    """The order of an epoch: a list of positions, or a torch sampler, which draws anew per iteration."""

    def __iter__(self) -> Iterator[int]: ...

    def __len__(self) -> int: ...


class Batches:
    """Batches of stored images; each `for batch in batches` is an epoch.

    images: uint8 (N, 3, H, W), in memory, memory-mapped or on the device. They are stored on a GPU if they take less than a
        quarter of its free memory.
    sampler: positions in [0, N) in order; a torch sampler is iterated anew in each epoch. A `batch_size` attribute of the
        sampler takes precedence: samplers of whole people shrink batches where there are too few people.
    attributes, pids: int64 (N, 12) and (N,).
    generator: a CPU generator for the augmentation; torch's default if None.

    A last batch of a single image is dropped, because batch norm cannot train on it (unless it is the only batch).
    Raises `ValueError` if lengths differ or the sampler names an image that does not exist.
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
        augmentation: Augmentation | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        device = torch.device(device)
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            raise ValueError(f"images are {images.dtype} {tuple(images.shape)}; pass uint8 (N, 3, H, W)")
        for name, targets in (("attributes", attributes), ("pids", pids)):
            if targets is not None and len(targets) != len(images):
                raise ValueError(f"{len(images)} images but {len(targets)} {name}; pass one row per image")
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} is too small; pass 1 or more")
        fits = device.type == "cuda" and images.nbytes < torch.cuda.mem_get_info(device)[0] / 4
        self.images = images.to(device) if fits else images
        self.attributes = None if attributes is None else attributes.to(device)
        self.pids = None if pids is None else pids.to(device)
        self.sampler, self.device = sampler, device
        self.batch_size: int = getattr(sampler, "batch_size", batch_size)
        self.augmentation, self.generator = augmentation, generator

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)
        return full + (rest > 1 or (rest == 1 and full == 0))

    def __iter__(self) -> Iterator[Batch]:
        return self.over(self.draw())

    def draw(self) -> Tensor:
        """Draw an epoch: the positions of its images in order, int64 on the CPU."""
        positions = torch.tensor([int(position) for position in self.sampler], dtype=torch.int64)
        if len(positions) and (positions.min() < 0 or positions.max() >= len(self.images)):
            raise ValueError(
                f"the sampler names images {positions.min()} to {positions.max()}, but there are only 0 to "
                f"{len(self.images) - 1}; build it for these images"
            )
        return positions[: len(self) * self.batch_size]

    def over(self, positions: Tensor, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch `positions` from `draw`; a resumed training begins at batch `start`."""
        # Targets and order are on the device, so a step copies only its pixels.
        positions, augmentation = positions[start * self.batch_size :], self.augmentation
        device_batches = positions.to(self.device).split(self.batch_size)
        for index, host_index in zip(device_batches, positions.split(self.batch_size), strict=True):
            if len(index) == 0:
                return
            images = self._gather(index, host_index)
            images = to_float(images) if augmentation is None else augment(images, augmentation, self.generator)
            attributes, pids = (None if rows is None else rows[index] for rows in (self.attributes, self.pids))
            yield Batch(images, attributes, pids, index)

    def _gather(self, index: Tensor, host_index: Tensor) -> Tensor:
        if self.images.device.type != "cpu" or self.device.type == "cpu":
            return self.images.index_select(0, index)
        # Page-locked memory lets the copy overlap with computation; torch reuses such buffers.
        shape, on_gpu = (len(host_index), *self.images.shape[1:]), self.device.type == "cuda"
        pinned = torch.empty(shape, dtype=torch.uint8, pin_memory=on_gpu)
        torch.index_select(self.images, 0, host_index, out=pinned)
        return pinned.to(self.device, non_blocking=True)
