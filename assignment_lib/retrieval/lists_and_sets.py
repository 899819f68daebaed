"""The two answers to a query: a ranked list for the examiner, and the set of images for people who act on it.

A wrong image at the end of a list costs no mAP and a missing one costs a match; in a set each wrong image costs someone
time. So they end at different places, and each is chosen in a search whose answers are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from assignment_lib.progress import bar
from assignment_lib.retrieval.curves import frame, sums
from assignment_lib.retrieval.decisions import Learned, Rule, apply_rule, levels
from assignment_lib.retrieval.rules_table import cross_fitted, judged
from assignment_lib.retrieval.thresholds import best_f1, for_precision

#: Caps that `list_rule` tries; 0 is none.
CAPS = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 25, 30, 40, 50, 60, 75, 100, 150, 200, 300)
#: F1 that a rule must have more than a single threshold to be worth its trouble.
_LEAST = 0.005


@dataclass(frozen=True)
class Choice:
    """A rule and what it was chosen by."""

    rule: Rule
    reached: bool  # whether it keeps, or reaches, what was asked for on the search
    expected: dict[str, float]  # its figures on the search
    reference: float  # the uncut ranking's mAP for a list, the best F1 of any single threshold of a set
    saying: str  # one sentence for people


class Answer(NamedTuple):
    """What all queries are answered with."""

    found: list[Tensor]  # of each query the gallery positions, best first; int64, may be empty
    choice: Choice

    @property
    def empty(self) -> int:
        """How many queries are answered with no image."""
        return sum(not len(places) for places in self.found)


def list_rule(learned: Learned, share: float = 0.98, most: float = 50.0, progress: bool = False) -> Choice:
    """The threshold and cap with the shortest lists that keep a `share` of the whole rankings' mAP.

    Scores tried: similarity, z-norm, s-norm, mutual rank, and re-ranking where it was learned; the whole ranking is the best
    of theirs. At most `most` images a list on average; where none keeps the share with so few, the best mAP with so few.
    `reference` is the mAP of the ranking that is used without a choice, uncut: by similarity, or re-ranked where that was
    learned; `reached` says whether the list keeps the share of it. The figures are those of the people it was chosen on:
    on people left out three networks' lists kept 96 to 104 % of the reference with 36 to 48 images.
    """
    kinds = [kind for kind in learned.scores if kind != "probability"]
    wholes = {kind: float(frame(learned.sums[kind])["mAP"].max()) for kind in kinds}
    whole, reference = max(wholes.values()), wholes.get("re-ranking", wholes["similarity"])
    tried = []
    for kind in bar(kinds, "scores", show=progress):
        of = sums(learned.scores[kind], learned.truth, learned.fold, CAPS, levels(kind))
        tried += [frame(of, cap=cap).assign(score=kind, cap=cap) for cap in CAPS]
    table = pd.concat(tried, ignore_index=True)
    table = table[table["length"] <= most]
    kept = table[table["mAP"] >= share * whole - 1e-12]
    if len(kept):
        row = kept.sort_values(["length", "mAP"], ascending=[True, False], kind="stable").iloc[0]
    elif len(table):
        row = table.sort_values(["mAP", "length"], ascending=[False, True], kind="stable").iloc[0]
    else:
        raise ValueError(f"no list has at most {most} images on average; ask for at least 1")
    expected = {str(name): float(value) for name, value in row.drop(["score", "threshold", "cap"]).items()}
    rule = Rule("list", str(row["score"]), float(row["threshold"]), int(row["cap"]), learned.expanded)
    saying = (
        f"{rule.score} of at least {rule.cut:.3f}"
        + (f", {rule.cap} images at most" if rule.cap else "")
        + f": {expected['length']:.1f} images a query with {expected['mAP'] / reference:.1%} of the uncut ranking's mAP on "
        + "the search"
        + (
            ""
            if len(kept)
            else f"; none of at most {most:g} images on average keeps {share:.0%} of the best ranking's mAP"
        )
    )
    return Choice(rule, expected["mAP"] >= share * reference - 1e-12, expected, reference, saying)


def set_rule(learned: Learned, precision: float | None = None) -> Choice:
    """The rule with the best F1, or, with a wanted `precision`, the one with the best F1 of those that reach it.

    Rules cut similarity, z-norm, s-norm, mutual rank or probability; each is judged on people whom it was not fitted on. A
    single threshold of the similarity wins unless another is better by 0.005 in F1. `reached` says whether F1 is at least
    0.9 of the best that any single threshold has on the search, or whether the precision is reached; where no rule does,
    the most precise one is taken. Where one person alone is found again, the single threshold is judged on that person.

    Raises ValueError where no rule has the precision even on the folds it is fitted on, and for one outside 0 to 1.
    """
    if precision is not None and not 0 < precision <= 1:
        raise ValueError(f"a precision of {precision} is not between 0 and 1")
    best = float(frame(learned.sums["similarity"])["f1"].max())
    rules = _rules(learned, precision)
    enough = {kind: found for kind, found in rules.items() if precision is None or found[1]["precision"] >= precision}
    if enough:
        kind = max(enough, key=lambda kind: enough[kind][1]["f1"])
        if "similarity" in enough and enough["similarity"][1]["f1"] > enough[kind][1]["f1"] - _LEAST:
            kind = "similarity"
    else:
        kind = max(rules, key=lambda kind: rules[kind][1]["precision"])
    rule, expected = rules[kind]
    reached = bool(enough) if precision is not None else expected["f1"] >= 0.9 * best
    saying = (
        f"{kind} of at least {rule.cut:.3f}: {expected['precision']:.0%} of the images are right on the search, "
        f"F1 {expected['f1']:.3f} (the best single threshold {best:.3f}), {expected['length']:.1f} images a query, "
        f"{expected['empty']:.0%} of the sets empty"
    )
    if precision is not None and not reached:
        saying += f"; no rule reaches a precision of {precision:.0%} on people whom it was not fitted on"
    return Choice(rule, reached, expected, best, saying)


def _rules(learned: Learned, precision: float | None) -> dict[str, tuple[Rule, dict[str, float]]]:
    """Score -> the rule that cuts it for the best F1 or for `precision`, and its cross-fitted figures."""
    found: dict[str, tuple[Rule, dict[str, float]]] = {}
    alone = len(learned.sums["similarity"].queries) < 2
    for kind in ("similarity",) if alone else learned.sums:

        def fit(among: Sequence[int] | None, kind: str = kind) -> Rule:
            scores = frame(learned.sums[kind], among)
            return Rule(
                "set",
                kind,
                best_f1(scores) if precision is None else for_precision(scores, precision),
                expanded=learned.expanded,
            )

        try:
            rule = fit(None)
            found[kind] = rule, (judged(learned, [rule]) if alone else cross_fitted(learned, fit))
        except ValueError:
            continue  # this score never reaches the precision
    if not found:
        raise ValueError(f"no rule reaches a precision of {precision} on the search; ask for less")
    return found


def examiner_list(
    learned: Learned, query: Tensor, gallery: Tensor, share: float = 0.98, most: float = 50.0, progress: bool = False
) -> Answer:
    """Each query's ranked list, chosen by `list_rule`: nearly the whole ranking's mAP in few images.

    `query` `(Q, D)` and `gallery` `(G, D)` are embeddings made as those of the search were. Where the test is answered with
    more than `most` images on average, the cut is raised until it is not: that needs no labels.
    """
    choice = list_rule(learned, share, most, progress)
    return Answer(apply_rule(choice.rule, query, gallery, learned.model, most), choice)


def people_set(learned: Learned, query: Tensor, gallery: Tensor, precision: float | None = None) -> Answer:
    """Each query's set of images of the same person, chosen by `set_rule`: the best F1, or the wanted `precision`.

    `query` and `gallery` as in `examiner_list`. Sets may be empty: nobody in the gallery is alike enough.
    """
    choice = set_rule(learned, precision)
    return Answer(apply_rule(choice.rule, query, gallery, learned.model), choice)
