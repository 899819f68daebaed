"""The ranks of the true matches: one more than the number of images that stand before each.

The scores need these ranks and nothing else of a ranking, so on the CPU no gallery is sorted: see `counting`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from assignment_lib.evaluation.blocks import mask_junk, with_bar
from assignment_lib.evaluation.counting import count_ahead
from assignment_lib.evaluation.flags import Flags
from assignment_lib.evaluation.pairs import Labels, Pairs


def ahead_of_matches(
    blocks: Iterator[torch.Tensor], labels: Labels, progress: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The query of each true match, and how many images of other people stand before it: int64, `(M,)` each.

    `blocks` are similarities `(n, G)`, the larger the nearer, that follow each other through the queries in
    `labels.order`. The blocks are overwritten. `progress` shows a bar.
    """
    queries, ahead = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    spare: list[Flags] = []
    for block, of_block in with_bar(blocks, labels.order, progress):
        mask_junk(block, labels)
        pairs = labels.pairs(of_block)
        ahead.append(count_ahead(block, pairs, spare) if block.device.type == "cpu" else _sort_ahead(block, pairs))
        queries.append(of_block[pairs.row[pairs.match]])
    return np.concatenate(queries), np.concatenate(ahead)


def _sort_ahead(block: torch.Tensor, pairs: Pairs) -> np.ndarray:
    """What `count_ahead` gives, by sorting: many small comparisons are slow on a GPU and sorting is fast."""
    row, column, match = pairs.tensors(block.device)
    block[row[~match], column[~match]] = -torch.inf
    order = block.sort(dim=1, descending=True, stable=True).indices
    other = torch.ones_like(block, dtype=torch.bool)
    other[row, column] = False
    before = other.gather(1, order).cumsum(1, dtype=torch.int32)
    place = torch.empty_like(before)
    place.scatter_(1, order, before)
    return place[row[match], column[match]].cpu().numpy().astype(np.int64)
