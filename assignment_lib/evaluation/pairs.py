"""Who counts for whom: the images of the same person that a query is to find, and those the protocol drops.

The rules of `protocol` for many queries at once. Only pairs of the same person are listed: they are few, and every
other image that is not junk is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from assignment_lib.evaluation import inputs
from assignment_lib.evaluation.inputs import Array
from assignment_lib.evaluation.protocol import JUNK_ID


@dataclass(frozen=True)
class Pairs:
    """The (query, gallery image of the same person) pairs of a block of queries, by query, then in gallery order."""

    row: np.ndarray  # query, counted from the block's first
    column: np.ndarray  # gallery image
    match: np.ndarray  # bool: a true match; False where the protocol drops the image
    ids: np.ndarray  # of the block's queries, sorted

    def people(self) -> list[tuple[int, int, int, int]]:
        """For each person with pairs: first and last row (exclusive), first and last pair (exclusive)."""
        first = np.flatnonzero(np.append(True, self.ids[1:] != self.ids[:-1]))
        rows = np.append(first, len(self.ids))
        pairs = np.searchsorted(self.row, rows)
        spans = zip(rows[:-1].tolist(), rows[1:].tolist(), pairs[:-1].tolist(), pairs[1:].tolist(), strict=True)
        return [span for span in spans if span[2] < span[3]]

    def tensors(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """`row`, `column` and `match` on `device`."""
        row, column, match = (torch.as_tensor(array, device=device) for array in (self.row, self.column, self.match))
        return row, column, match


@dataclass(frozen=True)
class Labels:
    """Ids and cameras of queries and gallery, sorted so that the pairs of a block of queries are found at once."""

    query_ids: np.ndarray
    gallery_ids: np.ndarray
    query_cameras: np.ndarray | None
    gallery_cameras: np.ndarray | None
    own_column: np.ndarray | None  # gallery column of each query's own image, where queries come from the gallery
    order: np.ndarray  # the queries sorted by id, so that those of a person are worked on together
    by_id: np.ndarray  # gallery columns sorted by id, in gallery order within an id
    sorted_ids: np.ndarray
    images: int  # of the gallery, with its junk

    @classmethod
    def of(
        cls,
        query_ids: Array,
        gallery_ids: Array,
        query_cameras: Array | None,
        gallery_cameras: Array | None,
        queries: int,
        images: int,
    ) -> Labels:
        """The labels of `queries` queries and `images` gallery images. Raises `ValueError` where they do not fit."""
        if (query_cameras is None) != (gallery_cameras is None):
            raise ValueError("cameras are given for only one of query and gallery; give both, or None for both")
        query_ids = inputs.labels(query_ids, "query_ids", queries)
        gallery_ids = inputs.labels(gallery_ids, "gallery_ids", images)
        if query_cameras is None or gallery_cameras is None:
            return cls._sorted(query_ids, gallery_ids, None, None, None, images)
        query_cameras = inputs.labels(query_cameras, "query_cameras", queries)
        gallery_cameras = inputs.labels(gallery_cameras, "gallery_cameras", images)
        return cls._sorted(query_ids, gallery_ids, query_cameras, gallery_cameras, None, images)

    @classmethod
    def within(cls, ids: Array, cameras: Array | None, images: int) -> Labels:
        """The labels of a split whose images are the queries and the gallery, each left out of its own ranking."""
        ids = inputs.labels(ids, "ids", images)
        cameras = None if cameras is None else inputs.labels(cameras, "cameras", images)
        return cls._sorted(ids, ids, cameras, cameras, np.arange(images), images)

    @classmethod
    def _sorted(
        cls,
        query_ids: np.ndarray,
        gallery_ids: np.ndarray,
        query_cameras: np.ndarray | None,
        gallery_cameras: np.ndarray | None,
        own_column: np.ndarray | None,
        images: int,
    ) -> Labels:
        order, by_id = np.argsort(query_ids, kind="stable"), np.argsort(gallery_ids, kind="stable")
        labels = query_ids, gallery_ids, query_cameras, gallery_cameras
        return cls(*labels, own_column, order, by_id, gallery_ids[by_id], images)

    def junk(self) -> np.ndarray:
        """The gallery columns of the junk."""
        return np.flatnonzero(self.gallery_ids == JUNK_ID)

    def without_junk(self) -> Labels:
        """The same labels for a gallery from which the junk has been taken."""
        kept = self.gallery_ids != JUNK_ID
        cameras = None if self.gallery_cameras is None else self.gallery_cameras[kept]
        own = None if self.own_column is None else np.where(kept, np.cumsum(kept) - 1, -1)[self.own_column]
        return self._sorted(self.query_ids, self.gallery_ids[kept], self.query_cameras, cameras, own, self.images)

    def pairs(self, queries: np.ndarray) -> Pairs:
        """The pairs of some queries."""
        ids = self.query_ids[queries]
        first = np.searchsorted(self.sorted_ids, ids, side="left")
        length = np.where(ids == JUNK_ID, 0, np.searchsorted(self.sorted_ids, ids, side="right") - first)
        row = np.repeat(np.arange(len(ids)), length)
        within_id = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        column = self.by_id[first[row] + within_id]
        match = np.ones(len(row), bool)
        if self.query_cameras is not None and self.gallery_cameras is not None:
            match &= self.query_cameras[queries][row] != self.gallery_cameras[column]
        if self.own_column is not None:
            match &= self.own_column[queries][row] != column
        return Pairs(row, column, match, ids)
