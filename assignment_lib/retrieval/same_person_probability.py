"""The probability that an image shows the query's person, learned from a search whose answers are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from assignment_lib.evaluation.calibration import expected_calibration_error
from assignment_lib.retrieval.mutual import ranks_of_query
from assignment_lib.retrieval.normalisation import s_norm, z_norm
from assignment_lib.retrieval.pair_scores import GallerySide

#: The first so many images of a query are candidates; the others' probability is taken for 0.
CANDIDATES = 50
#: What is known of a candidate. Ranks as logarithms: the step from 1 to 2 says as much as that from 10 to 20.
EVIDENCE = (
    "similarity", "log rank", "log rank of the query", "log mutual rank", "margin to the best", "margin to the next",
    "z-norm", "s-norm",
)  # fmt: skip


class Candidates(NamedTuple):
    """The nearest M images of each of n queries, best first."""

    order: Tensor  # (n, M) int64 gallery positions
    evidence: Tensor  # (n, M, len(EVIDENCE)) float32
    there: Tensor  # (n, M) bool: False where a gallery has too few images


def candidates(similarity: Tensor, side: GallerySide, most: int = CANDIDATES) -> Candidates:
    """The candidates of a block of similarities `(n, G)`, which are -inf where an image takes no part."""
    most = min(most, similarity.shape[1])
    values, order = similarity.sort(dim=1, descending=True, stable=True)
    there = values.isfinite()
    values = values.where(there, values.new_tensor(-1.0))
    after = torch.cat([values[:, 1:], values[:, -1:]], dim=1)[:, :most]
    values, order, there = values[:, :most], order[:, :most], there[:, :most]
    rank = torch.arange(1, most + 1).expand_as(order)
    back = ranks_of_query(similarity, side.nearest).gather(1, order)
    normalised = (z_norm(similarity), s_norm(similarity, side.mean, side.deviation))
    columns = [
        values,
        rank.log(),
        back.log(),
        torch.maximum(rank, back).log(),
        values[:, :1] - values,
        values - after,
        *(scores.gather(1, order) for scores in normalised),
    ]
    return Candidates(order, torch.stack([column.float() for column in columns], dim=2), there)


class SamePerson(NamedTuple):
    """A function of evidence `(..., len(EVIDENCE))` to probabilities `(...)` float32."""

    regression: Pipeline

    def __call__(self, evidence: Tensor) -> Tensor:
        """The probability of each candidate."""
        known = evidence.reshape(-1, evidence.shape[-1]).nan_to_num(0, 0, 0).numpy()
        return torch.from_numpy(self.regression.predict_proba(known)[:, 1]).float().reshape(evidence.shape[:-1])


def fit_same_person(evidence: Tensor, right: Tensor) -> SamePerson:
    """Logistic regression on standardised evidence: Platt's scaling (1999) with eight numbers in place of one.

    `evidence` `(N, len(EVIDENCE))` and `right` `(N,)` bool are the candidates of all queries with a match. They are all
    taken, each with weight 1 and no class balanced, so that right and wrong ones stand as they do in a gallery of this
    size: the probabilities hold for it, and are too high in a much larger one. Squares and products of the evidence fit
    better and foretell worse: for 254 queries in 4,391 images the log-loss of people left out was .165 without them and
    .202 with them. Raises ValueError where all candidates are
    right or all wrong.
    """
    if right.all() or not right.any():
        raise ValueError(
            "the candidates are all of the same person or all of others, so no probability can be learned from them"
        )
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return SamePerson(regression.fit(evidence.nan_to_num(0, 0, 0).numpy(), right.numpy()))


def reliability(probabilities: Tensor, right: Tensor, bins: int = 10) -> pd.DataFrame:
    """How often pairs are of the same person, by how likely they are said to be: one row a bin that has pairs.

    `probabilities` `(N,)`, `right` `(N,)` bool. Columns `confidence` (the mean in the bin), `accuracy`, `images` (pairs),
    as those of `calibration.reliability`: `calibration.expected_calibration_error` takes it.
    """
    frame = pd.DataFrame(
        {"confidence": probabilities.double().numpy(), "accuracy": right.double().numpy(), "images": 1}
    )
    grouped = frame.groupby(np.minimum((frame["confidence"] * bins).astype(int), bins - 1))
    table = grouped.agg({"confidence": "mean", "accuracy": "mean", "images": "sum"})
    return table.reset_index(drop=True)


def calibration_errors(probabilities: Tensor, right: Tensor, likely: float = 0.1) -> dict[str, float]:
    """The expected calibration error of all pairs, and of those that are `likely` at least.

    Nearly all candidates are wrong and known to be, which makes the first small whatever the rest is like.
    """
    errors = {"ece": expected_calibration_error(reliability(probabilities, right))}
    some = probabilities >= likely
    if some.any():
        errors["ece_likely"] = expected_calibration_error(reliability(probabilities[some], right[some]))
    return errors
