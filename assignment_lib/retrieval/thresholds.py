"""Where the list of images of the same person ends: five ways to a smallest cosine similarity.

All but two are judged in a search whose answers are known and whose gallery is like the one that is searched later:
among a few validation images every threshold looks better than it is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.retrieval.curves import frame, sums
from assignment_lib.retrieval.pair_scores import similarity_blocks
from assignment_lib.retrieval.searches import Search, folds, truth

#: The five ways, as `choose` names them.
RULES = ("fixed", "clusters", "f1", "precision", "map")


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


def precision_recall(search: Search) -> pd.DataFrame:
    """What lists of `search` are worth that end at a similarity: columns as `curves.frame` has them, thresholds ascending.

    The thresholds are those of the true matches, so that recall falls in even steps, at most 1,000. Raises ValueError where
    no query has a true match.
    """
    known = truth(search)
    scores = torch.cat(list(similarity_blocks(search[0], search[1], known.own)))
    return frame(sums(scores, known, folds(search[2], known.asked)))


def best_f1(scores: pd.DataFrame) -> float:
    """The threshold with the best F1 of a frame of `precision_recall`."""
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


def choose(rule: str, search: Search, fixed: float = 0.3, precision: float = 0.8, share: float = 0.99) -> float:
    """The threshold of a rule, judged in the gallery of `search`.

    "fixed" is `fixed` itself, "clusters" `average_minimum` of the queries, "f1" `best_f1`, "precision" `for_precision` and
    "map" `for_map`. Raises ValueError for another rule, and where the images or the wishes allow no threshold.
    """
    if rule == "fixed":
        return fixed
    if rule == "clusters":
        return average_minimum(search[0], search[2])
    if rule == "f1":
        return best_f1(precision_recall(search))
    if rule == "precision":
        return for_precision(precision_recall(search), precision)
    if rule == "map":
        return for_map(precision_recall(search), share)
    raise ValueError(f"the threshold's rule is {', '.join(RULES)}, not {rule!r}")
