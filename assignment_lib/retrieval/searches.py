"""A search whose answers are known: which pairs are right, which count, which person is in which fold.

A search is what `evaluation.as_test.as_test` gives, or the test with its truth: query `(Q, D)` and gallery `(G, D)`
embeddings, float32 and L2-normalised, their ids and their cameras, as `reid_scores` takes them.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from sklearn.model_selection import GroupKFold
from torch import Tensor

from assignment_lib.evaluation.inputs import no_valid_query
from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.protocol import JUNK_ID

Search: TypeAlias = tuple[Tensor, Tensor, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]

#: Two copies of an embedding differ by no more than this, whatever was done to both.
_SAME = 1e-4
_PAIRS = 32768  # compared at a time


class Truth(NamedTuple):
    """What is known of the pairs of a search."""

    right: Tensor  # (Q, G) bool: true matches
    counted: Tensor  # (Q, G) bool: neither junk nor the query's person from the query's camera
    own: Tensor  # (Q,) int64: the gallery position of the query's own image, -1 where it is not in the gallery

    @property
    def asked(self) -> np.ndarray:
        """Which queries have a match that counts: bool `(Q,)`."""
        return self.right.any(1).numpy()


def truth(search: Search) -> Truth:
    """The pairs of `search` by the protocol of `reid_scores`. Raises ValueError where no query has a match that counts.

    A query's own image is of the same person and the same camera and has the same embedding.
    """
    query, gallery, query_ids, gallery_ids, query_cameras, gallery_cameras = search
    labels = Labels.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(query), len(gallery))
    pairs = labels.pairs(np.arange(len(query)))
    row, column, match = pairs.tensors(torch.device("cpu"))
    if not match.any():
        raise no_valid_query()
    right = torch.zeros(len(query), len(gallery), dtype=torch.bool)
    right[row[match], column[match]] = True
    counted = torch.as_tensor(gallery_ids != JUNK_ID).repeat(len(query), 1)
    row, column = row[~match], column[~match]
    counted[row, column] = False
    copies = torch.cat(
        [
            ((query[some] - gallery[others]).abs() < _SAME).all(1)
            for some, others in zip(row.split(_PAIRS), column.split(_PAIRS), strict=True)
        ]
    )
    own = torch.full((len(query),), -1)
    own[row[copies]] = column[copies]
    return Truth(right, counted, own)


def folds(query_ids: np.ndarray, asked: np.ndarray, most: int = 5) -> np.ndarray:
    """The fold of each query, `(Q,)` int64, -1 for those that are not `asked` `(Q,)`: all queries of a person in one.

    As many folds as people, `most` at most; one person alone is in fold 0.
    """
    fold = np.full(len(query_ids), -1)
    people = query_ids[asked]
    parts = min(most, len(np.unique(people)))
    if parts < 2:
        fold[asked] = 0
        return fold
    places = np.flatnonzero(asked)
    for number, (_, held_out) in enumerate(GroupKFold(parts).split(people, groups=people)):
        fold[places[held_out]] = number
    return fold
