"""Attributes asked of an image's neighbours too: re-identification helps recognition."""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

from assignment_lib.evaluation.attribute_scores import attribute_scores
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.models.logit_adjustment import LogitAdjustment

_CHUNK = 1024  # rows whose similarities to all others are held at once


def with_neighbours(
    of: Predictions,
    among: Predictions,
    own: Tensor,
    adjustment: LogitAdjustment | None = None,
    images: int = 8,
    share: float = 0.7,
    temperature: float = 0.1,
) -> Predictions:
    """`of` with each row's probabilities mixed with those of its nearest images in `among`; embeddings stay.

    `(1 - share) p_i + share sum_j w_ij p_j` over the `images` nearest j by cosine similarity s, with the weights
    `w_ij = softmax_j(s_ij / temperature)`: one step of label spreading (Zhou et al. 2004, section 2), which needs no labels.
    Images that look alike show the same person, or one in like clothes. `own` `(N,)` int64 says where row i of `of` stands
    in `among`, so that it is not its own neighbour, -1 where it does not. A network's logit adjustment is taken out before
    the mixing and put back after it: adjusted probabilities of neighbours would favour the common classes again.

    Raises `ValueError` where `among` holds no other image, or a share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share} is not between 0 and 1")
    images = min(images, len(among.embeddings) - int((own >= 0).any()))
    if images < 1:
        raise ValueError("an image alone has no neighbours; ask among at least two")
    ours, theirs = _unadjusted(of.probabilities, adjustment), _unadjusted(among.probabilities, adjustment)
    mixed: dict[str, list[Tensor]] = {task: [] for task in ours}
    for rows in torch.arange(len(of.embeddings)).split(_CHUNK):
        similarity = of.embeddings[rows] @ among.embeddings.T
        there = own[rows] >= 0
        similarity[there.nonzero()[:, 0], own[rows][there]] = -torch.inf
        nearest = similarity.topk(images)
        weights = (nearest.values / temperature).softmax(1)[:, None]
        for task, values in ours.items():
            around = (weights @ theirs[task][nearest.indices])[:, 0]
            mixed[task].append((1 - share) * values[rows] + share * around)
    together = {task: torch.cat(parts) for task, parts in mixed.items()}
    if adjustment is not None:
        logs = adjustment({task: values.log() for task, values in together.items()})
        together = {task: values.softmax(1) for task, values in logs.items()}
    return of._replace(probabilities=together)


def neighbours_table(alone: Predictions, mixed: Predictions, targets: Tensor) -> pd.DataFrame:
    """Average Acc and mAcc in percent of both, a row each: what asking the neighbours is worth. `targets` `(N, 12)`."""
    rows = []
    for name, said in (("the image alone", alone), ("with its neighbours", mixed)):
        average = attribute_scores(said.classes(), targets)["average"]
        rows.append({"Asked": name, "Acc": 100 * average["acc"], "mAcc": 100 * average["macc"]})
    return pd.DataFrame(rows)


def neighbours_help(table: pd.DataFrame, least: float = 0.2) -> bool:
    """Whether the second row of `neighbours_table` has more than the first by `least` points, Acc and mAcc averaged."""
    means = table[["Acc", "mAcc"]].mean(axis=1)
    return bool(means.iloc[1] > means.iloc[0] + least)


def _unadjusted(probabilities: dict[str, Tensor], adjustment: LogitAdjustment | None) -> dict[str, Tensor]:
    if adjustment is None:
        return probabilities
    back = adjustment({task: torch.zeros_like(values) for task, values in probabilities.items()})  # -tau log pi
    freed = {task: values * (-back[task]).exp() for task, values in probabilities.items()}
    return {task: values / values.sum(1, keepdim=True) for task, values in freed.items()}
