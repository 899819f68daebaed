"""What lists are worth that end at a level of a score, or after so many images: sums a fold, for all levels at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.retrieval.searches import Truth

#: Levels at most; more would not be told apart.
_LEVELS = 1000
_ROWS = 128


class Sums(NamedTuple):
    """Sums over the queries of each fold (F), for lists of at most `caps` images (C) down to `levels` (L)."""

    levels: np.ndarray  # (L,) ascending: scores of true matches, so that recall falls in even steps
    caps: tuple[int, ...]  # 0 for no cap
    matches: np.ndarray  # (F,)
    queries: np.ndarray  # (F,)
    counted: np.ndarray  # (F, C, L) images in the lists that count
    right: np.ndarray  # (F, C, L) of those the true matches
    length: np.ndarray  # (F, C, L) images in the lists, those that do not count too
    empty: np.ndarray  # (F, C, L) lists without an image
    ap: np.ndarray  # (F, C, L) average precisions, a missed match counting as precision 0
    first: np.ndarray  # (F, C, L) lists that begin with a true match


def sums(
    scores: Tensor, truth: Truth, fold: np.ndarray, caps: Sequence[int] = (0,), levels: Tensor | None = None
) -> Sums:
    """`scores` `(Q, G)`, -inf where an image is never listed; `fold` `(Q,)` is that of `searches.folds`.

    `levels` `(L,)`, ascending, are by default at most 1,000 quantiles of the true matches' scores.
    """
    levels = _levels(scores[truth.right]) if levels is None else levels
    shape = (int(fold.max()) + 1, len(caps), len(levels))
    table = {name: np.zeros(shape) for name in ("counted", "right", "length", "empty", "ap", "first")}
    matches, queries = np.zeros(shape[0]), np.zeros(shape[0])
    for rows in torch.as_tensor(np.flatnonzero(fold >= 0)).split(_ROWS):
        values, order = scores[rows].sort(dim=1, descending=True, stable=True)
        hit, counts = (mask[rows].gather(1, order) for mask in (truth.right, truth.counted))
        wanted = truth.right[rows].sum(1, keepdim=True)
        seen, hits = counts.cumsum(1), hit.cumsum(1)
        gain = (hits / seen.clamp(min=1) * hit).cumsum(1, dtype=torch.float64) / wanted
        reached = len(values[0]) - torch.searchsorted(values.flip(1), levels.expand(len(rows), -1).contiguous())
        of_fold = fold[rows.numpy()]
        np.add.at(matches, of_fold, wanted[:, 0].numpy())
        np.add.at(queries, of_fold, 1)
        for place, cap in enumerate(caps):
            length = reached.clamp(max=cap) if cap else reached
            at = (length - 1).clamp(min=0)
            listed = length > 0
            seen_then, hits_then = seen.gather(1, at) * listed, hits.gather(1, at) * listed
            first_counted = counts.int().argmax(1, keepdim=True)
            first = hit.gather(1, first_counted) & (length > first_counted)
            parts = (seen_then, hits_then, length, ~listed, gain.gather(1, at) * listed, first)
            for name, part in zip(table, parts, strict=True):
                np.add.at(table[name][:, place], of_fold, part.double().numpy())
    return Sums(levels.numpy(), tuple(caps), matches, queries, **table)


def _levels(found: Tensor) -> Tensor:
    levels = found[found.isfinite()].unique()
    if not len(levels):
        return torch.zeros(1)  # no list holds a match, wherever it ends
    if len(levels) > _LEVELS:
        levels = levels[torch.linspace(0, len(levels) - 1, _LEVELS).round().long()]
    # a little lower: the same product, added up in another order, may differ in its last digit
    return levels - 1e-6 * levels.abs().clamp(min=1)


def frame(of: Sums, among: Sequence[int] | None = None, cap: int = 0) -> pd.DataFrame:
    """Figures of the queries of the folds `among` (None: all), one row a level, ascending.

    Columns `threshold`, `precision`, `recall`, `f1`, `set_size` as `threshold_scores` has them, `mAP`, `rank1`, `length`
    (images in a list, those that do not count too) and `empty` (the share of empty lists). `cap` is one of `of.caps`.
    """
    chosen = list(range(len(of.queries))) if among is None else list(among)
    place = of.caps.index(cap)
    counted, right, length, empty, ap, first = (part[chosen, place].sum(0) for part in of[4:])
    matches, queries = of.matches[chosen].sum(), of.queries[chosen].sum()
    return pd.DataFrame(
        {
            "threshold": of.levels.astype(float),
            "precision": right / np.maximum(counted, 1),
            "recall": right / matches,
            "f1": 2 * right / (counted + matches),
            "set_size": counted / queries,
            "mAP": ap / queries,
            "rank1": first / queries,
            "length": length / queries,
            "empty": empty / queries,
        }
    )
