"""Where the list of images of the same person ends: five ways to a smallest cosine similarity."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.evaluation.threshold_scores import threshold_scores_within

#: The five ways, as `choose` names them.
RULES = ("fixed", "clusters", "f1", "precision", "map")


def average_minimum(embeddings: Tensor, ids: np.ndarray) -> float:
    """The mean over the identities of the smallest similarity within each (report, section 2.3).

    `embeddings` `(N, D)` float32, L2-normalised, `ids` `(N,)`. Identities with one image have no pair and are left out.
    Raises ValueError where no identity has two.
    """
    _same(ids)
    smallest = []
    for pid in np.unique(ids):
        of_person = embeddings[torch.as_tensor(ids == pid)]
        if len(of_person) > 1:
            similarity = of_person @ of_person.T
            smallest.append(float(similarity[~torch.eye(len(of_person), dtype=torch.bool)].min()))
    return float(np.mean(smallest))


def precision_recall(
    embeddings: Tensor, ids: np.ndarray, gallery_size: int | None = None, points: int = 200
) -> pd.DataFrame:
    """Precision, recall and F1 of the returned images at `points` thresholds, ascending, over a split queried against itself.

    `embeddings` `(N, D)` and `ids` `(N,)` as above. The thresholds are the quantiles of the similarities of the same
    person, so that recall falls in even steps. In a larger gallery every query meets more other people: with
    `gallery_size` wrong images are counted as often as a gallery of that size would have them, if its people had as many
    images as here; where they have fewer, precision is lower still. Columns as `threshold_scores.threshold_scores` has them.
    """
    similarity = embeddings @ embeddings.T
    same = _same(ids)
    levels = np.unique(np.quantile(similarity[same].numpy(), np.linspace(0, 1, points)))
    # a little lower: the same product, added up in another order, may differ in its last digit
    scores = threshold_scores_within(embeddings, ids, levels - 1e-6)
    if gallery_size is None:
        return scores
    right = scores["precision"] * scores["set_size"]
    matches = right[0] / scores["recall"][0]
    wrong = (scores["set_size"] - right) * max(0, gallery_size - matches) / max(1, len(ids) - 1 - matches)
    scores["set_size"] = right + wrong
    scores["precision"] = right / scores["set_size"].clip(lower=np.finfo(float).tiny)
    scores["f1"] = 2 * right / (scores["set_size"] + matches)
    return scores


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


def list_map(embeddings: Tensor, ids: np.ndarray) -> pd.DataFrame:
    """mAP of lists that end at a threshold, over a split queried against itself: one row a pair of the same person.

    Columns `threshold`, descending, and `mAP`, that of all lists that hold the images of at least this similarity; a match
    left out counts as precision 0. `embeddings` `(N, D)` and `ids` `(N,)` as above.
    """
    _same(ids)
    similarity = (embeddings @ embeddings.T).fill_diagonal_(-torch.inf)
    values, order = similarity.sort(dim=1, descending=True, stable=True)
    match = torch.from_numpy(ids[order[:, :-1].numpy()] == ids[:, None])
    precision = match.double().cumsum(1) / torch.arange(1, len(ids))
    matches, queries = match.sum(1, keepdim=True), int(match.any(1).sum())
    gain = (precision / matches.clamp(min=1) / max(1, queries))[match].numpy()
    levels = values[:, :-1][match].numpy()
    best_first = np.argsort(-levels, kind="stable")
    return pd.DataFrame({"threshold": levels[best_first].astype(float), "mAP": gain[best_first].cumsum()})


def for_map(scores: pd.DataFrame, share: float) -> float:
    """The largest threshold whose lists keep a `share` of the whole rankings' mAP; `scores` is a frame of `list_map`."""
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share} is not between 0 and 1")
    return float(scores["threshold"][(scores["mAP"] >= share * scores["mAP"].iloc[-1] - 1e-12).idxmax()])


def choose(
    rule: str, embeddings: Tensor, ids: np.ndarray, fixed: float = 0.3, precision: float = 0.8, share: float = 0.99
) -> float:
    """The threshold of a rule on validation images.

    "fixed" is `fixed` itself, "clusters" `average_minimum`, "f1" `best_f1`, "precision" `for_precision` and "map" `for_map`.
    Raises ValueError for another rule, and where the images or the wishes allow no threshold.
    """
    if rule == "fixed":
        return fixed
    if rule == "clusters":
        return average_minimum(embeddings, ids)
    if rule == "f1":
        return best_f1(precision_recall(embeddings, ids))
    if rule == "precision":
        return for_precision(precision_recall(embeddings, ids), precision)
    if rule == "map":
        return for_map(list_map(embeddings, ids), share)
    raise ValueError(f"the threshold's rule is {', '.join(RULES)}, not {rule!r}")


def rules_table(chosen: dict[str, float], embeddings: Tensor, ids: np.ndarray) -> pd.DataFrame:
    """What thresholds mean on validation images: a row each, with the sets' figures and "mAP", that of the lists."""
    sets = threshold_scores_within(embeddings, ids, np.array(list(chosen.values())))
    lists = list_map(embeddings, ids)
    held = [lists["mAP"][lists["threshold"] >= np.float32(value)] for value in chosen.values()]
    sets["mAP"] = [float(part.iloc[-1]) if len(part) else 0.0 for part in held]
    sets.insert(0, "rule", list(chosen))
    return sets


def _same(ids: np.ndarray) -> Tensor:
    """Which pairs of images show the same person: bool `(N, N)`. Raises ValueError where none do."""
    same = torch.from_numpy(ids[:, None] == ids[None, :]).fill_diagonal_(False)
    if not same.any():
        raise ValueError(
            "no validation person has two images, so no threshold can be learned from them; set one by hand"
        )
    return same
