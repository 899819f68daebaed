"""A validation that is as hard as the test: few people are searched for in a crowd, not among themselves.

Validation people asked for among each other alone meet a few hundred wrong images and find the next frame of the same
walk; a test query meets thousands and finds only other cameras' images. So here each validation image is a query, the
gallery is the other validation images *and* a crowd of distractors (the unlabelled images of `test/`, whose people are
others than those of `train/`), and where cameras are known, images of the same person from the query's camera leave.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.evaluation.summary import ReidScores

#: The id of a distractor whose identity nobody knows: no query has it, and it is not junk.
UNKNOWN_ID = -3


class AsTest(NamedTuple):
    """What `reid_scores` and the rules of retrieval are given: `reid_scores(*as_test)`."""

    query: Tensor  # (V, D) float32, L2-normalised: the validation images
    gallery: Tensor  # (V + N, D): the validation images, then the distractors
    query_ids: np.ndarray  # (V,) int64
    gallery_ids: np.ndarray  # (V + N,), UNKNOWN_ID for distractors
    query_cameras: np.ndarray  # (V,) int64; each image is its own camera where cameras are unknown
    gallery_cameras: np.ndarray  # (V + N,), -1 for distractors


def as_test(validation: Tensor, table: pd.DataFrame, distractors: Tensor | None = None) -> AsTest:
    """The search for validation people in a crowd.

    `validation` `(V, D)` are the embeddings of the rows of `table` (columns pid and camera), `distractors` `(N, D)` those
    of other people's images, or None for none. A query's own image always leaves; where every camera is known, and anyone was
    seen by two, so do all images of the same person from that camera.
    """
    ids = table["pid"].to_numpy(np.int64)
    cameras = table["camera"].to_numpy(np.int64)
    across = (cameras >= 0).all() and (table.groupby("pid")["camera"].nunique() > 1).any()
    if not across:
        cameras = np.arange(
            len(ids)
        )  # the rule "same person, same camera" then drops the query itself and nothing else
    crowd = validation.new_empty(0, validation.shape[1]) if distractors is None else distractors
    gallery_ids = np.concatenate([ids, np.full(len(crowd), UNKNOWN_ID)])
    gallery_cameras = np.concatenate([cameras, np.full(len(crowd), -1)])
    return AsTest(validation, torch.cat([validation, crowd]), ids, gallery_ids, cameras, gallery_cameras)


def interval(scores: ReidScores, query_ids: np.ndarray, level: float = 0.95, draws: int = 1000) -> tuple[float, float]:
    """A bootstrap interval of the mAP: how far it would move with other people.

    People, not queries, are drawn with replacement (Efron & Tibshirani 1993, chapter 13, percentile interval), since the
    images of one person rise and fall together. `query_ids` `(Q,)` are those that `scores` was computed with. Always the
    same draws for the same input. Other training seeds are not in it.
    """
    people, which = np.unique(query_ids[scores.valid], return_inverse=True)
    sums, counts = np.bincount(which, scores.ap), np.bincount(which)
    drawn = np.random.default_rng(0).integers(len(people), size=(draws, len(people)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def as_test_scores(validation: Tensor, table: pd.DataFrame, distractors: Tensor | None = None) -> dict[str, float]:
    """The figures of `as_test` as plain numbers: those of `ReidScores.as_dict`, the interval, the size of the crowd.

    Raises `ValueError` where no validation person has a second image that counts.
    """
    search = as_test(validation, table, distractors)
    scores = reid_scores(*search)
    low, high = interval(scores, search.query_ids)
    return scores.as_dict() | {"mAP_low": low, "mAP_high": high, "distractors": len(search.gallery) - len(search.query)}
