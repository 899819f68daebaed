"""The two sides of a search as the widget shows them: queries and gallery, pictures with what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Side:
    """N images, the rows of a table of `Dataset`."""

    images: Tensor  # (N, 3, H, W) uint8
    table: pd.DataFrame  # columns file, pid, camera, and the twelve tasks where the truth is known (-1 where not)

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def files(self) -> list[str]:
        """The names of the files."""
        return [str(name) for name in self.table["file"]]

    @cached_property
    def pids(self) -> np.ndarray:
        """int64 `(N,)`: -2 anonymous, -1 junk, 0 a distractor."""
        return self.table["pid"].to_numpy(np.int64)

    @cached_property
    def cameras(self) -> np.ndarray:
        """int64 `(N,)`, -1 where unknown."""
        return self.table["camera"].to_numpy(np.int64)

    @cached_property
    def targets(self) -> np.ndarray:
        """The true classes, int64 `(N, 12)`, -1 where nobody knows them."""
        if not set(TASKS) <= set(self.table.columns):
            return np.full((len(self), len(TASKS)), -1)
        return self.table[list(TASKS)].to_numpy(np.int64)


@dataclass(frozen=True, eq=False)
class Sides:
    """Who is asked for, and where."""

    query: Side
    gallery: Side

    @cached_property
    def known(self) -> bool:
        """Whether the identities are known, so that right and wrong can be told."""
        return bool((self.query.pids >= -1).all() and (self.gallery.pids >= -1).all())

    @cached_property
    def cameras(self) -> list[int]:
        """The cameras that gallery images are from, ascending."""
        return [int(camera) for camera in np.unique(self.gallery.cameras) if camera >= 0]


def sides(stores: Mapping[str, Tensor], data: Dataset) -> Sides:
    """The sides of `data`, whose decoded images are `stores["query"]` and `stores["gallery"]`, uint8 `(N, 3, H, W)`.

    What `data` knows is shown: give `truth.with_test_truth(data)` to see what is right. Raises ValueError where images
    and rows are not as many.
    """
    made = {}
    for name, table in (("query", data.query), ("gallery", data.gallery)):
        if len(stores[name]) != len(table):
            raise ValueError(f"{len(stores[name])} {name} images for {len(table)} rows; decode those of this data set")
        made[name] = Side(stores[name], table)
    return Sides(**made)
