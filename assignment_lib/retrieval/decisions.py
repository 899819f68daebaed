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

from assignment_lib.evaluation.checks import Array, NoValidQueryError, as_numpy, check_unit_rows
from assignment_lib.evaluation.protocol import excluded
from assignment_lib.evaluation.reid_scores import course_scores, list_scores
from assignment_lib.evaluation.validation import Search
from assignment_lib.retrieval.ranking import best_first

_LEVELS = 1000  # thresholds that are compared
_FOLDS = 5
_ROWS = 256  # queries processed at a time

_Fit = Callable[[np.ndarray], float]  # from the queries to fit on, bool (Q,), to their threshold


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


def fit_threshold(scores: Array, search: Search, precision: float | None = None) -> Threshold:
    """Fit a threshold on `scores` `(Q, G)` of `search`: the best F1, or the smallest with the wanted `precision`.

    People are divided into five folds. Each fold's queries are judged by the threshold that was fitted on the other
    folds, so the figures are not optimistic. Raises `ValueError` where no query has a true match, `scores` does not fit
    `search`, or no threshold reaches the precision.
    """
    sweep = _Sweep(scores, search)
    return sweep.cross_fitted(sweep.fit(precision))


def decision_table(
    scores: Mapping[str, Array], search: Search, fixed: float = 0.3, precision: float | None = None
) -> pd.DataFrame:
    """Compare the decision rules on people that they were not fitted on: one row per rule.

    `scores` maps "similarity" and "reranked" to `(Q, G)`; either may be missing. Rules on the similarity: a `fixed`
    threshold, and the average minimum similarity within a person. Rules on each score: the best F1 and, if a
    `precision` is given, the smallest threshold that reaches it. Columns: `rule`, `score`, then the fields of
    `Threshold`. A rule that cannot be fitted has no row. Raises `ValueError` as `fit_threshold` does.
    """

    def fit_average_minimum(queries: np.ndarray) -> float:
        people = np.isin(search.gallery_ids, search.query_ids[queries])
        return average_minimum(search.gallery[torch.as_tensor(people)], search.gallery_ids[people])

    rows = []
    for name, values in scores.items():
        sweep = _Sweep(values, search)
        rules: dict[str, _Fit] = {"best F1": sweep.fit(None)}
        if name == "similarity":
            rules = {"fixed": lambda _: fixed, "average minimum": fit_average_minimum} | rules
        if precision is not None:
            rules[f"precision {precision:g}"] = sweep.fit(precision)
        for rule, fit in rules.items():
            try:
                rows.append({"rule": rule, "score": name} | sweep.cross_fitted(fit)._asdict())
            except ValueError:
                continue
    return pd.DataFrame(rows, columns=["rule", "score", *Threshold._fields])


def precision_recall(scores: Array, search: Search) -> pd.DataFrame:
    """Precision and recall of `scores` `(Q, G)` over all pairs of a search, for at most 1,000 thresholds, ascending.

    Columns: `threshold`, `precision`, `recall`, `f1`, `images` and `empty`, as in `Threshold`.
    Raises `ValueError` as `fit_threshold` does.
    """
    sweep = _Sweep(scores, search)
    return sweep.curve(sweep.fold >= 0)


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
    embeddings, ids = check_unit_rows(embeddings), as_numpy(ids)
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
    sets = []
    for row in torch.as_tensor(scores):
        accepted = row >= threshold if keep is None else (row >= threshold) & keep
        positions = accepted.nonzero()[:, 0]
        sets.append(positions[row[positions].sort(descending=True, stable=True).indices])
    return sets


def list_length_table(scores: Array, search: Search, depths: Sequence[int] = (20, 50, 100, 200)) -> pd.DataFrame:
    """The mAP of ranked lists of several lengths in a search with known identities, in percent: one row per depth.

    Columns: `Images per query`; `mAP, as the course scores it`, where every image of the person counts, the query's own
    copy included; `mAP, cross-camera`, the protocol of `reid_scores`. An image that a list omits counts as missed.
    Raises `ValueError` where no query has a true match.
    """
    lists = ranked_lists(scores, max(depths))
    rows = []
    for depth in sorted(depths):
        shortened = [positions[:depth] for positions in lists]
        course = course_scores(shortened, search.query_ids, search.gallery_ids)
        cross_camera = list_scores(shortened, *search[2:])
        scored = {"as the course scores it": course["mAP"], "cross-camera": cross_camera["mAP"]}
        rows.append({"Images per query": depth} | {f"mAP, {name}": 100 * value for name, value in scored.items()})
    return pd.DataFrame(rows)


class _Sweep:
    """Precision and recall of the scores of a search for many thresholds, for any of its queries."""

    def __init__(self, scores: Array, search: Search):
        self.scores, expected = torch.as_tensor(scores), (len(search.query_ids), len(search.gallery_ids))
        if tuple(self.scores.shape) != expected:
            raise ValueError(f"scores have shape {tuple(self.scores.shape)}; the search has the shape {expected}")
        counted = ~excluded(search.query_ids, search.query_cameras, search.gallery_ids, search.gallery_cameras)
        match = counted & (search.query_ids[:, None] == search.gallery_ids)
        if not match.any():
            raise NoValidQueryError
        self.counted, self.match = torch.from_numpy(counted), torch.from_numpy(match)
        self.fold = _folds(search.query_ids, match.any(1))  # -1 for queries without a true match
        levels = self.scores[self.match].float().unique()  # F1 is largest at the score of a match
        if len(levels) > _LEVELS:
            levels = levels[torch.linspace(0, len(levels) - 1, _LEVELS).round().long()]
        # slightly lower, because the same product added up in another order may differ in its last digit
        self.levels = levels - 1e-6 * levels.abs().clamp(min=1)
        # per query and level, the images with at least this score: those that count, and the true matches
        self.returned, self.correct = self._counts()

    def _counts(self) -> np.ndarray:
        bins = len(self.levels) + 1
        counts = np.zeros((2, len(self.scores), bins - 1), np.int32)
        for rows in torch.arange(len(self.scores)).split(_ROWS):
            reached = torch.bucketize(self.scores[rows].float(), self.levels, right=True)  # levels per score
            reached += bins * torch.arange(len(rows))[:, None]
            for part, mask in zip(counts, (self.counted, self.match), strict=True):
                histogram = torch.bincount(reached[mask[rows]], minlength=bins * len(rows)).view(len(rows), bins)
                part[rows] = histogram.flip(1).cumsum(1).flip(1)[:, 1:]
        return counts

    def curve(self, queries: np.ndarray) -> pd.DataFrame:
        """The `precision_recall` of the chosen `queries` `(Q,)` bool."""
        returned, correct = self.returned[queries].sum(0), self.correct[queries].sum(0)
        matches = int(self.match[torch.as_tensor(queries)].sum())
        return pd.DataFrame(
            {
                "threshold": self.levels.double().numpy(),
                "precision": correct / np.maximum(returned, 1),
                "recall": correct / matches,
                "f1": 2 * correct / (returned + matches),
                "images": returned / queries.sum(),
                "empty": (self.returned[queries] == 0).mean(0),
            }
        )

    def fit(self, precision: float | None) -> _Fit:
        def fit(queries: np.ndarray) -> float:
            curve = self.curve(queries)
            return best_f1(curve) if precision is None else for_precision(curve, precision)

        return fit

    def cross_fitted(self, fit: _Fit) -> Threshold:
        """`fit` on all queries, and the figures where each fold takes the threshold fitted on the other folds."""
        valid = self.fold >= 0
        if self.fold.max() < 1:
            return Threshold(fit(valid), *[float("nan")] * 5)
        thresholds = np.full(len(valid), np.inf, np.float32)
        for number in range(self.fold.max() + 1):
            thresholds[self.fold == number] = fit(valid & (self.fold != number))
        accepted = self.scores >= torch.as_tensor(thresholds)[:, None]
        images = (accepted & self.counted).sum(1).numpy()[valid]
        correct, matches = int((accepted & self.match).sum()), int(self.match.sum())
        precision, f1 = correct / max(1, images.sum()), 2 * correct / (images.sum() + matches)
        figures = precision, correct / matches, f1, images.mean(), (images == 0).mean()
        return Threshold(fit(valid), *map(float, figures))


def _largest_equivalent(curve: pd.DataFrame, row: int) -> float:
    """The largest threshold with the recall of `row`: a score of the people that the curve is about, not of others."""
    return float(curve["threshold"][curve["recall"] == curve["recall"][row]].max())


def _folds(query_ids: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The fold of each query, the same for all queries of a person; -1 for queries that are not `valid`."""
    fold = np.where(valid, 0, -1)
    people, positions = query_ids[valid], np.flatnonzero(valid)
    parts = min(_FOLDS, len(np.unique(people)))
    if parts > 1:
        for number, (_, held_out) in enumerate(GroupKFold(parts).split(people, groups=people)):
            fold[positions[held_out]] = number
    return fold
