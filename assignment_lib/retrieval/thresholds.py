"""Smallest cosine similarities at which a list of images of the same person ends; `decisions` makes rules of them.

All but the first are read off a frame of `curves.frame`: figures of a search whose answers are known and whose gallery is
like the one that is searched later. Among a few validation images every threshold looks better than it is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor


def average_minimum(embeddings: Tensor, ids: np.ndarray) -> float:
    """The mean over the identities of the smallest similarity within each (report, section 2.3).

    `embeddings` `(N, D)` float32, L2-normalised, `ids` `(N,)`. Identities with one image have no pair and are left out.
    Raises ValueError where no identity has two.
    """
    smallest = []
    for pid in np.unique(ids):
        of_person = embeddings[torch.as_tensor(ids == pid)]
        if len(of_person) > 1:
            similarity = of_person @ of_person.T
            smallest.append(float(similarity[~torch.eye(len(of_person), dtype=torch.bool)].min()))
    if not smallest:
        raise ValueError(
            "no validation person has two images, so no threshold can be learned from them; set one by hand"
        )
    return float(np.mean(smallest))


def best_f1(scores: pd.DataFrame) -> float:
    """The threshold with the best F1 of a frame of `curves.frame`."""
    return float(scores["threshold"][scores["f1"].idxmax()])


def for_precision(scores: pd.DataFrame, wanted: float) -> float:
    """The smallest threshold with a precision of at least `wanted`: it loses the fewest matches.

    Raises ValueError where no threshold reaches it, naming the best there is.
    """
    if not 0 < wanted <= 1:
        raise ValueError(f"a precision of {wanted} is not between 0 and 1")
    reached = scores["precision"] >= wanted
    if not reached.any():
        best = scores["precision"].max()
        raise ValueError(f"no threshold reaches a precision of {wanted} on these images; the best is {best:.3f}")
    return float(scores["threshold"][reached.idxmax()])


def for_map(scores: pd.DataFrame, share: float) -> float:
    """The largest threshold whose lists keep a `share` of the whole rankings' mAP."""
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share} is not between 0 and 1")
    kept = scores["mAP"] >= share * scores["mAP"].max() - 1e-12
    return float(scores["threshold"][kept].max())
