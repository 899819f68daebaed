"""Every rule of `decisions` beside the others: on people whom it was not fitted on, and on the test where it is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from assignment_lib.evaluation.list_scores import list_scores
from assignment_lib.progress import bar
from assignment_lib.retrieval.decisions import RULES, USUAL, Learned, Rule, Wanted, apply_rule, fit_rule, listed
from assignment_lib.retrieval.searches import Search

#: The figures of a row.
FIGURES = ("precision", "recall", "f1", "mAP", "rank1", "length", "empty")


def cross_fitted(learned: Learned, fit: Callable[[Sequence[int]], Rule]) -> dict[str, float]:
    """`FIGURES` on the search of a rule that is judged on each fold's people after `fit` has seen the other folds.

    `fit` is given the numbers of the folds that it may see. Raises ValueError where it does, and where one person alone is
    found again, so that nobody is left to judge by.
    """
    folds = range(len(learned.sums["similarity"].queries))
    if len(folds) < 2:
        raise ValueError(
            "one person alone is found again, so nobody is left to judge a rule by that was fitted on them"
        )
    return judged(learned, [fit([other for other in folds if other != number]) for number in folds])


def judged(learned: Learned, rules: Sequence[Rule]) -> dict[str, float]:
    """`FIGURES` on the search where each fold's queries are answered by its rule of `rules`."""
    found = [torch.empty(0, dtype=torch.int64)] * len(learned.fold)
    for number, rule in enumerate(rules):
        rows = np.flatnonzero(learned.fold == number)
        lists = listed(learned.scores[rule.score][torch.as_tensor(rows)], rule.cut, rule.cap)
        for row, places in zip(rows, lists, strict=True):
            found[row] = places
    empty = float(np.mean([not len(found[row]) for row in np.flatnonzero(learned.fold >= 0)]))
    scores = list_scores(found, *learned.search[2:]) | {"empty": empty}
    return {name: scores[name] for name in FIGURES}


def rules_table(
    learned: Learned, wanted: Wanted = USUAL, test: Search | None = None, progress: bool = False
) -> pd.DataFrame:
    """One row a rule of `RULES`: its value, fitted on the whole search, and its figures.

    Columns `rule`, `score`, `value`, and those of `FIGURES` on the search, each person judged by a rule that was fitted on
    others; with a `test` whose answers are known, those of the rule there too: "test precision" and so on. `length` counts
    no junk and no image from the query's camera; `empty` is the share of queries without an image. A rule that the search
    or what is wanted does not allow has no row: where one person alone is found again, "fixed" is all.
    """
    rows = []
    for name in bar(RULES, "rules", show=progress):
        try:
            rule = fit_rule(name, learned, wanted)
            if name == "fixed":
                scores = judged(learned, [rule] * len(learned.sums["similarity"].queries))
            else:
                scores = cross_fitted(learned, lambda among, name=name: fit_rule(name, learned, wanted, among))  # type: ignore[misc]
        except ValueError:
            continue
        rows.append({"rule": name, "score": rule.score, "value": rule.cut} | scores | _on_test(rule, learned, test))
    return pd.DataFrame(rows)


def _on_test(rule: Rule, learned: Learned, test: Search | None) -> dict[str, float]:
    if test is None:
        return {}
    found = apply_rule(rule, test[0], test[1], learned.model)
    scores = list_scores(found, *test[2:]) | {"empty": float(np.mean([not len(places) for places in found]))}
    return {f"test {name}": scores[name] for name in FIGURES}
