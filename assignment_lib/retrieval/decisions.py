"""Thresholds that decide which images show the query's person, and the contents of the two retrieval output files.

A ranked list (`reid_test.txt`) is for the course's evaluator, which never punishes a longer list. A set
(`reid_sets.txt`) is for people, who spend time on every wrong image, so it ends at a threshold. Thresholds are fitted in
a search with known identities (`evaluation.validation.validation_search`), whose gallery is like the test gallery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GroupKFold
from torch import Tensor

from assignment_lib.evaluation.as_test import AsTest as Search
from assignment_lib.evaluation.inputs import Array, as_numpy, no_valid_query
from assignment_lib.evaluation.inputs import normalized as check_embeddings
from assignment_lib.evaluation.list_scores import list_scores
from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.retrieval.ranking import best_first

_LEVELS = 1000  # thresholds that are compared
_FOLDS = 5
_ROWS = 256  # queries processed at a time


class Threshold(NamedTuple):
    """A threshold fitted on all people of a search, and its figures on people that it was not fitted on.

    Precision, recall and F1 are computed over all pairs of the valid queries together. They are NaN where a single
    person has matches, because no other person is left to judge the threshold.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    images: float  # mean number of images per query; those that the protocol excludes do not count
    empty: float  # share of queries with an empty set


class _Pairs(NamedTuple):
    """The pairs of a search by the protocol of `reid_scores`."""

    match: Tensor  # (Q, G) bool: true matches
    counted: Tensor  # (Q, G) bool: neither junk nor the query's person from the query's camera
    fold: np.ndarray  # (Q,) the query's fold, the same for all queries of a person; -1 without a true match


class _Counts(NamedTuple):
    """Counts per query of the images with a score of at least each threshold."""

    thresholds: np.ndarray  # (L,) ascending: scores of true matches, so that recall falls in even steps
    returned: np.ndarray  # (Q, L) images that count
    correct: np.ndarray  # (Q, L) true matches among these


def fit_threshold(scores: Array, search: Search, precision: float | None = None) -> Threshold:
    """Fit a threshold on `scores` `(Q, G)` of `search`: the best F1, or the smallest with the wanted `precision`.

    People are divided into five folds. Each fold's queries are judged by the threshold that was fitted on the other
    folds, so the figures are not optimistic.
    Raises `ValueError` where no query has a true match, `scores` does not fit `search`, or no threshold reaches the
    precision.
    """
    scores, pairs = _checked(scores, search)
    return _cross_fitted(scores, pairs, _fit_on(scores, pairs, precision))


def decision_table(
    scores: Mapping[str, Array], search: Search, fixed: float = 0.3, precision: float | None = None
) -> pd.DataFrame:
    """Compare the decision rules on people that they were not fitted on: one row per rule.

    `scores` maps "similarity" and "reranked" to `(Q, G)`; either may be missing. Rules on the similarity: a `fixed`
    threshold, and the average minimum similarity within a person. Rules on each score: the best F1 and, if a
    `precision` is given, the smallest threshold that reaches it. Columns: `rule`, `score`, then the fields of
    `Threshold`. A rule that cannot be fitted has no row. Raises `ValueError` as `fit_threshold` does.
    """
    rows = []
    for name, values in scores.items():
        values, pairs = _checked(values, search)
        rules: dict[str, Callable[[np.ndarray], float]] = {"best F1": _fit_on(values, pairs, None)}
        if name == "similarity":
            rules = {"fixed": lambda _: fixed, "average minimum": _average_minimum_of(search)} | rules
        if precision is not None:
            rules[f"precision {precision:g}"] = _fit_on(values, pairs, precision)
        for rule, fit in rules.items():
            try:
                rows.append({"rule": rule, "score": name} | _cross_fitted(values, pairs, fit)._asdict())
            except ValueError:
                continue
    return pd.DataFrame(rows, columns=["rule", "score", *Threshold._fields])


def precision_recall(scores: Array, search: Search) -> pd.DataFrame:
    """Precision and recall of `scores` `(Q, G)` over all pairs of a search, for at most 1,000 thresholds, ascending.

    Columns: `threshold`, `precision`, `recall`, `f1`, `images` and `empty`, as in `Threshold`.
    Raises `ValueError` as `fit_threshold` does.
    """
    scores, pairs = _checked(scores, search)
    return _curve(_counts(scores, pairs), pairs, pairs.fold >= 0)


def best_f1(curve: pd.DataFrame) -> float:
    """The threshold of a `precision_recall` frame with the best F1."""
    return _largest_equivalent(curve, int(curve["f1"].idxmax()))


def for_precision(curve: pd.DataFrame, precision: float) -> float:
    """The smallest threshold of a `precision_recall` frame with at least `precision`: it loses the fewest matches.

    Raises `ValueError` where no threshold reaches it, and for a precision outside (0, 1].
    """
    if not 0 < precision <= 1:
        raise ValueError(f"precision is {precision}; pass a number above 0 and at most 1")
    reached = curve["precision"] >= precision
    if not reached.any():
        best = curve["precision"].max()
        raise ValueError(f"no threshold reaches a precision of {precision} in this search; pass at most {best:.3f}")
    return _largest_equivalent(curve, int(reached.idxmax()))


def average_minimum(embeddings: Array, ids: Array) -> float:
    """The mean over the identities of the smallest cosine similarity within each (report, section 2.3).

    `embeddings` `(N, D)` are L2-normalised, `ids` is `(N,)`. Identities with one image have no pair and are excluded.
    Raises `ValueError` where no identity has two images.
    """
    embeddings, ids = check_embeddings(embeddings, "embeddings"), as_numpy(ids)
    people, counts = np.unique(ids, return_counts=True)
    images = [embeddings[torch.as_tensor(ids == pid)] for pid in people[counts > 1]]
    if not images:
        raise ValueError("no person has two images, so there is no similarity within a person; use a fixed threshold")
    return float(np.mean([float((person @ person.T).min()) for person in images]))


def ranked_lists(
    scores: Array, depth: int = 200, first: Tensor | None = None, keep: Tensor | None = None
) -> list[Tensor]:
    """The gallery positions of the `depth` best `scores` `(Q, G)` per query, best first: the lists of `reid_test.txt`.

    `first` `(Q,)` int64 gives the gallery position of each query's own copy, which leads its list; -1 for none
    (`pipeline.find_query_copies`). `keep` `(G,)` bool excludes the images that the junk filter removes, copies apart.
    Raises `ValueError` for a `depth` below 1.
    """
    if depth < 1:
        raise ValueError(f"depth is {depth}; pass depth=1 or more")
    scores = torch.as_tensor(scores)
    depth, lists = min(depth, scores.shape[1]), []
    for rows in torch.arange(len(scores)).split(_ROWS):
        block = scores[rows].float()
        if keep is not None:
            block[:, ~keep] = -torch.inf
        if first is not None:
            copies = first[rows]
            block[copies >= 0, copies[copies >= 0]] = torch.inf
        order, values = best_first(block, depth)
        lists += [positions[value > -torch.inf] for positions, value in zip(order, values, strict=True)]
    return lists


def person_sets(scores: Array, threshold: float, keep: Tensor | None = None) -> list[Tensor]:
    """The gallery positions with `scores` `(Q, G)` of at least `threshold`, best first: the sets of `reid_sets.txt`.

    A set may be empty. `keep` `(G,)` bool excludes the images that the junk filter removes.
    """
    scores = torch.as_tensor(scores)
    sets = []
    for row in scores:
        accepted = row >= threshold if keep is None else (row >= threshold) & keep
        positions = accepted.nonzero()[:, 0]
        sets.append(positions[row[positions].sort(descending=True, stable=True).indices])
    return sets


def list_length_table(scores: Array, search: Search, depths: Sequence[int] = (20, 50, 100, 200)) -> pd.DataFrame:
    """The mAP of ranked lists of several lengths in a search with known identities, in percent: one row per depth.

    Columns: `Images per query`; `mAP, as the course scores it`, where every image of the person counts, the query's own
    copy included; `mAP, cross-camera`, the protocol of `reid_scores`. An image that a list omits counts as missed.
    Raises `ValueError` as `fit_threshold` does.
    """
    scores, _ = _checked(scores, search)
    lists = ranked_lists(scores, max(depths))
    ids = search.query_ids, search.gallery_ids
    rows = []
    for depth in sorted(depths):
        shortened = [positions[:depth] for positions in lists]
        course = list_scores(shortened, *ids, None, None)["mAP"]
        cross_camera = list_scores(shortened, *ids, search.query_cameras, search.gallery_cameras)["mAP"]
        rows.append(
            {
                "Images per query": depth,
                "mAP, as the course scores it": 100 * course,
                "mAP, cross-camera": 100 * cross_camera,
            }
        )
    return pd.DataFrame(rows)


def _checked(scores: Array, search: Search) -> tuple[Tensor, _Pairs]:
    """The scores as a tensor, and the pairs of the search."""
    scores, expected = torch.as_tensor(scores), (len(search.query_ids), len(search.gallery_ids))
    if tuple(scores.shape) != expected:
        raise ValueError(f"scores have shape {tuple(scores.shape)}; pass one per query and gallery image: {expected}")
    labels = Labels.of(*search[2:], *expected)
    row, column, is_match = labels.pairs(np.arange(len(scores))).tensors(torch.device("cpu"))
    match = torch.zeros(expected, dtype=torch.bool)
    match[row[is_match], column[is_match]] = True
    if not match.any():
        raise no_valid_query()
    counted = torch.as_tensor(search.gallery_ids != JUNK_ID).repeat(len(scores), 1)
    counted[row[~is_match], column[~is_match]] = False
    return scores, _Pairs(match, counted, _folds(search.query_ids, match.any(1).numpy()))


def _largest_equivalent(curve: pd.DataFrame, row: int) -> float:
    """The largest threshold with the recall of `row`: a score of the people that the curve is about, not of others."""
    return float(curve["threshold"][curve["recall"] == curve["recall"][row]].max())


def _folds(query_ids: np.ndarray, valid: np.ndarray) -> np.ndarray:
    fold = np.full(len(query_ids), -1)
    people, positions = query_ids[valid], np.flatnonzero(valid)
    parts = min(_FOLDS, len(np.unique(people)))
    if parts < 2:
        fold[valid] = 0
        return fold
    for number, (_, held_out) in enumerate(GroupKFold(parts).split(people, groups=people)):
        fold[positions[held_out]] = number
    return fold


def _counts(scores: Tensor, pairs: _Pairs) -> _Counts:
    """Counts at up to 1,000 quantiles of the true matches' scores; the F1 is largest at the score of a match."""
    levels = scores[pairs.match].float().unique()
    if len(levels) > _LEVELS:
        levels = levels[torch.linspace(0, len(levels) - 1, _LEVELS).round().long()]
    # slightly lower, because the same product added up in another order may differ in its last digit
    levels = levels - 1e-6 * levels.abs().clamp(min=1)
    counts = np.zeros((2, len(scores), len(levels)), np.int32)
    for rows in torch.arange(len(scores)).split(_ROWS):
        reached = torch.bucketize(scores[rows].float(), levels, right=True)  # how many thresholds each score reaches
        bins = reached + (len(levels) + 1) * torch.arange(len(rows))[:, None]
        for part, mask in enumerate((pairs.counted[rows], pairs.match[rows])):
            histogram = torch.bincount(bins[mask], minlength=len(rows) * (len(levels) + 1)).view(len(rows), -1)
            counts[part, rows] = histogram.flip(1).cumsum(1).flip(1)[:, 1:]
    return _Counts(levels.numpy(), *counts)


def _curve(counts: _Counts, pairs: _Pairs, queries: np.ndarray) -> pd.DataFrame:
    """The curve of the chosen `queries` `(Q,)` bool."""
    returned, correct = counts.returned[queries].sum(0), counts.correct[queries].sum(0)
    matches = int(pairs.match[torch.as_tensor(queries)].sum())
    return pd.DataFrame(
        {
            "threshold": counts.thresholds.astype(float),
            "precision": correct / np.maximum(returned, 1),
            "recall": correct / matches,
            "f1": 2 * correct / (returned + matches),
            "images": returned / queries.sum(),
            "empty": (counts.returned[queries] == 0).mean(0),
        }
    )


def _fit_on(scores: Tensor, pairs: _Pairs, precision: float | None) -> Callable[[np.ndarray], float]:
    """A function from the queries to fit on, `(Q,)` bool, to their threshold."""
    counts = _counts(scores, pairs)

    def fit(queries: np.ndarray) -> float:
        curve = _curve(counts, pairs, queries)
        return best_f1(curve) if precision is None else for_precision(curve, precision)

    return fit


def _average_minimum_of(search: Search) -> Callable[[np.ndarray], float]:
    def fit(queries: np.ndarray) -> float:
        people = np.isin(search.gallery_ids, search.query_ids[queries])
        return average_minimum(search.gallery[torch.as_tensor(people)], search.gallery_ids[people])

    return fit


def _cross_fitted(scores: Tensor, pairs: _Pairs, fit: Callable[[np.ndarray], float]) -> Threshold:
    """`fit` on all queries, and the figures where each fold's queries take the threshold fitted on the other folds."""
    valid = pairs.fold >= 0
    threshold = fit(valid)
    if pairs.fold.max() < 1:
        return Threshold(threshold, *[float("nan")] * 5)
    thresholds = np.full(len(pairs.fold), np.inf, np.float32)
    for number in range(pairs.fold.max() + 1):
        thresholds[pairs.fold == number] = fit(valid & (pairs.fold != number))
    accepted = scores >= torch.as_tensor(thresholds)[:, None]
    returned = (accepted & pairs.counted).sum(1).numpy()[valid]
    correct, matches = int((accepted & pairs.match).sum()), int(pairs.match.sum())
    total = int(returned.sum())
    return Threshold(
        threshold,
        correct / max(1, total),
        correct / matches,
        2 * correct / (total + matches),
        float(returned.mean()),
        float((returned == 0).mean()),
    )
