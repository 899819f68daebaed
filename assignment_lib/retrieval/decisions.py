"""Thresholds that decide which images show the query's person, and the contents of the two retrieval output files.

A ranked list (`reid_test.txt`) is for the course's evaluator, which never punishes a longer list. A set
(`reid_sets.txt`) is for people, who spend time on every wrong image, so it ends at a threshold. Thresholds are fitted in
a search with known identities (`evaluation.validation.validation_search`), whose gallery is like the test gallery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GroupKFold
from torch import Tensor

from assignment_lib.evaluation.checks import Array, NoValidQueryError, as_numpy, check_unit_rows
from assignment_lib.evaluation.protocol import excluded, precision_recall_f1
from assignment_lib.evaluation.reid_scores import list_scores
from assignment_lib.evaluation.validation import Search

_LEVELS = 1000  # thresholds that are compared
_LIST_LENGTHS = (20, 50, 100, 200)
_FOLDS = 5

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


def fit_threshold(scores: Array, search: Search) -> Threshold:
    """Fit the threshold with the best F1 on `scores` `(Q, G)` of `search`.

    People are divided into five folds. Each fold's queries are judged by the threshold that was fitted on the other
    folds, so the figures are not optimistic. Raises `ValueError` if no query has a true match or `scores` does not fit
    `search`.
    """
    sweep = _Sweep(scores, search)
    return sweep.cross_fitted(sweep.best_f1)


def decision_table(scores: Mapping[str, Array], search: Search, fixed: float = 0.3) -> pd.DataFrame:
    """Compare the decision rules on people that they were not fitted on: one row per rule.

    `scores` maps "similarity" and "reranked" to `(Q, G)`; either may be missing. Rules on the similarity: a `fixed`
    threshold, and the average minimum similarity within a person. Rule on each score: the best F1. Columns: `rule`,
    `score`, then the fields of `Threshold`. A rule that cannot be fitted has no row. Raises `ValueError` as
    `fit_threshold` does.
    """

    def fit_average_minimum(queries: np.ndarray) -> float:
        people = np.isin(search.gallery_ids, search.query_ids[queries])
        return average_minimum(search.gallery[torch.as_tensor(people)], search.gallery_ids[people])

    rows = []
    for name, values in scores.items():
        sweep = _Sweep(values, search)
        rules: dict[str, _Fit] = {"best F1": sweep.best_f1}
        if name == "similarity":
            rules = {"fixed": lambda _: fixed, "average minimum": fit_average_minimum} | rules
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


def average_minimum(embeddings: Array, ids: Array) -> float:
    """The mean over the identities of the smallest cosine similarity within each (report, section 2.3).

    `embeddings` `(N, D)` are L2-normalised, `ids` is `(N,)`. Identities with one image have no pair and are excluded.
    Raises `ValueError` where no identity has two images.
    """
    embeddings, ids = check_unit_rows(embeddings), as_numpy(ids)
    people, counts = np.unique(ids, return_counts=True)
    images = [embeddings[torch.as_tensor(ids == pid)] for pid in people[counts > 1]]
    if not images:
        raise ValueError("no person has two images, so there is no similarity within a person. Use a fixed threshold")
    return float(np.mean([float((person @ person.T).min()) for person in images]))


def ranked_lists(
    scores: Array, depth: int = 200, first: Tensor | None = None, keep: Tensor | None = None
) -> list[Tensor]:
    """The gallery positions of the `depth` best `scores` `(Q, G)` per query, best first: the lists of `reid_test.txt`.

    `first` `(Q,)` int64 gives the gallery position of each query's own copy, which leads its list; -1 for none
    (`pipeline.find_query_copies`). `keep` `(G,)` bool excludes the images that the junk filter removes, copies apart.
    """
    if depth < 1:
        raise ValueError(f"depth is {depth}. Pass depth=1 or more")
    lists = []
    for query, row in enumerate(torch.as_tensor(scores)):
        row = row.float() if keep is None else row.float().masked_fill(~keep, -torch.inf)
        if first is not None and first[query] >= 0:
            row = row.index_fill(0, first[query], torch.inf)
        best = row.sort(descending=True, stable=True)
        lists.append(best.indices[:depth][best.values[:depth] > -torch.inf])
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


def list_length_table(scores: Array, search: Search) -> pd.DataFrame:
    """The mAP of ranked lists of several lengths in a search with known identities, in percent: one row per length.

    Columns: `Images per query`; `mAP, as the course scores it`, where every image of the person counts, the query's own
    copy included; `mAP, cross-camera`, the protocol of `reid_scores`. An image that a list omits counts as missed.
    Raises `ValueError` where no query has a true match.
    """
    lists = ranked_lists(scores, max(_LIST_LENGTHS))
    rows = []
    for length in _LIST_LENGTHS:
        shortened = [positions[:length] for positions in lists]
        course, cross_camera = (list_scores(shortened, *search[2:], course=course)["mAP"] for course in (True, False))
        rows.append((length, 100 * course, 100 * cross_camera))
    return pd.DataFrame(rows, columns=["Images per query", "mAP, as the course scores it", "mAP, cross-camera"])


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
        self.returned, self.correct = np.zeros((2, len(counted), len(levels)), np.int32)
        for query, row in enumerate(self.scores.float()):
            for counts, mask in ((self.returned, self.counted), (self.correct, self.match)):
                values = row[mask[query]].sort().values
                counts[query] = len(values) - torch.searchsorted(values, self.levels)

    def curve(self, queries: np.ndarray) -> pd.DataFrame:
        """The `precision_recall` of the chosen `queries` `(Q,)` bool."""
        returned = self.returned[queries].sum(0)
        matches = int(self.match[torch.as_tensor(queries)].sum())
        precision, recall, f1 = precision_recall_f1(self.correct[queries].sum(0), returned, matches)
        curve = {"threshold": self.levels.double().numpy(), "precision": precision, "recall": recall, "f1": f1}
        curve |= {"images": returned / queries.sum(), "empty": (self.returned[queries] == 0).mean(0)}
        return pd.DataFrame(curve)

    def best_f1(self, queries: np.ndarray) -> float:
        """The threshold with the best F1 on the chosen `queries` `(Q,)` bool, the largest of those with the same recall.

        It is then a score of these queries, not one that only the thresholds of other queries brought in.
        """
        curve = self.curve(queries)
        recall = curve["recall"][curve["f1"].idxmax()]
        return float(curve["threshold"][curve["recall"] == recall].max())

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
        figures = *precision_recall_f1(correct, images.sum(), matches), images.mean(), (images == 0).mean()
        return Threshold(fit(valid), *map(float, figures))


def _folds(query_ids: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The fold of each query, the same for all queries of a person; -1 for queries that are not `valid`."""
    fold = np.where(valid, 0, -1)
    people, positions = query_ids[valid], np.flatnonzero(valid)
    parts = min(_FOLDS, len(np.unique(people)))
    if parts > 1:
        for number, (_, held_out) in enumerate(GroupKFold(parts).split(people, groups=people)):
            fold[positions[held_out]] = number
    return fold
