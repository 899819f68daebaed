"""Ten rules of which images show the query's person: learned in a search whose answers are known, applied to any gallery.

fixed            similarity of at least a value set by hand, the report's last word
clusters         … of at least the mean smallest similarity within a person, the report's first idea
f1               … of at least the threshold with the best F1
precision        … of at least the smallest threshold with the wanted precision
map              … of at least the largest threshold whose lists keep a share of the whole rankings' mAP
z-norm           normalised against the gallery for each query; best F1
s-norm           normalised against the gallery on both sides; best F1
mutual           query and image are among each other's k nearest; k of the best F1
probability      of the same person, at least that of the best F1
sure             … at least what is asked for, 0.8
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from assignment_lib.progress import bar
from assignment_lib.retrieval import thresholds
from assignment_lib.retrieval.curves import Sums, frame, sums
from assignment_lib.retrieval.expansion import expand_queries
from assignment_lib.retrieval.mutual import DEEPEST
from assignment_lib.retrieval.pair_scores import (
    SCORES,
    GallerySide,
    gallery_side,
    pair_scores,
    reranked,
    similarity_blocks,
)
from assignment_lib.retrieval.same_person_probability import Candidates, SamePerson, candidates, fit_same_person
from assignment_lib.retrieval.searches import Search, Truth, folds, truth

#: Rule -> the score it cuts.
RULES = {
    "fixed": "similarity",
    "clusters": "similarity",
    "f1": "similarity",
    "precision": "similarity",
    "map": "similarity",
    "z-norm": "z-norm",
    "s-norm": "s-norm",
    "mutual": "mutual",
    "probability": "probability",
    "sure": "probability",
}


class Wanted(NamedTuple):
    """What a user may ask of the rules."""

    fixed: float = 0.3  # the similarity of "fixed"
    precision: float = 0.8  # of "precision"
    share: float = 0.99  # of the whole rankings' mAP, of "map"
    sure: float = 0.8  # the probability of "sure"


#: What is asked for where nobody asks.
USUAL = Wanted()


@dataclass(frozen=True)
class Rule:
    """Images with a score of at least `cut`, `cap` at most (0: as many as there are)."""

    name: str
    score: str  # one of `pair_scores.SCORES`, "re-ranking" or "probability"
    cut: float
    cap: int = 0
    expanded: bool = False  # queries take up what is found first, `expand_queries`, before they are scored


class Learned(NamedTuple):
    """A search whose answers are known, with every score of its pairs: what rules are fitted on and judged by."""

    search: Search
    truth: Truth
    fold: np.ndarray  # (Q,) of each query, by person; -1 where it has no match
    scores: dict[str, Tensor]  # score -> (Q, G) float32; each person's probabilities are learned from the other folds
    sums: dict[str, Sums]
    model: SamePerson | None  # learned from all of them; None where that cannot be
    expanded: bool


def learn(search: Search, after: str = "none", progress: bool = False) -> Learned:
    """Everything that the rules need of a search, such as `as_test` makes.

    `after` is one of `options.AFTER`: with "query expansion" all scores are those of expanded queries, "re-ranking" is one
    more score.

    Holds a few float32 numbers a pair: 30 MiB for 300 queries in 4,000 images, 600 MiB for 1,300 in 21,000. Without two
    people who have matches, or where a probability cannot be learned, the score "probability" is not there. Raises
    ValueError where no query has a match.
    """
    query, gallery, query_ids = search[:3]
    known = truth(search)
    fold = folds(query_ids, known.asked)
    side = gallery_side(query, gallery, known.own)
    if expanded := after == "query expansion":
        query = expand_queries(query, gallery, own=known.own)
    blocks: dict[str, list[Tensor]] = {kind: [] for kind in SCORES}
    found = []
    for similarity in similarity_blocks(query, gallery, known.own):
        for kind in SCORES:
            blocks[kind].append(pair_scores(kind, similarity, side))
        found.append(candidates(similarity, side))
    scores = {kind: torch.cat(parts) for kind, parts in blocks.items()}
    if after == "re-ranking":
        scores["re-ranking"] = reranked(query, gallery, known.own)
    probability, model = _probabilities(
        Candidates(*(torch.cat(part) for part in zip(*found, strict=True))), known, fold
    )
    if probability is not None:
        scores["probability"] = probability
    shown = bar(scores.items(), "scores", show=progress)
    of = {kind: sums(values, known, fold, levels=levels(kind)) for kind, values in shown}
    return Learned(search, known, fold, scores, of, model, expanded)


def levels(kind: str) -> Tensor | None:
    """The levels of `curves.sums` for a score: whole ranks for "mutual", otherwise those of the true matches, None."""
    return torch.arange(-DEEPEST, 0).float() if kind == "mutual" else None


def _probabilities(found: Candidates, known: Truth, fold: np.ndarray) -> tuple[Tensor | None, SamePerson | None]:
    """The probabilities `(Q, G)` of each fold by a model of the others, and the model of all."""
    if fold.max() < 1:
        return None, None
    right = known.right.gather(1, found.order)
    usable = known.counted.gather(1, found.order) & found.there
    of_fold = torch.as_tensor(fold)
    scores = torch.full(known.right.shape, -torch.inf)
    try:
        for number in range(fold.max() + 1):
            taken = usable & ((of_fold >= 0) & (of_fold != number))[:, None]
            model = fit_same_person(found.evidence[taken], right[taken])
            held_out = of_fold == number
            values = model(found.evidence[held_out]).masked_fill(~found.there[held_out], -torch.inf)
            scores[held_out] = scores[held_out].scatter(1, found.order[held_out], values)
        taken = usable & (of_fold >= 0)[:, None]
        return scores, fit_same_person(found.evidence[taken], right[taken])
    except ValueError:
        return None, None


def fit_rule(name: str, learned: Learned, wanted: Wanted = USUAL, among: Sequence[int] | None = None) -> Rule:
    """The rule of `RULES`, fitted on the queries of the folds `among` (None: all).

    Raises ValueError for a name that is none of `RULES`, and where the queries allow no such rule: no threshold reaches the
    wanted precision, or a probability is not there.
    """
    if name not in RULES:
        raise ValueError(f"the rule is {', '.join(RULES)}, not {name!r}")
    kind = RULES[name]
    if kind not in learned.scores:
        raise ValueError(f"the rule {name!r} needs two people who are found again, and right and wrong images")
    return Rule(name, kind, _cut(name, learned, wanted, among), expanded=learned.expanded)


def _cut(name: str, learned: Learned, wanted: Wanted, among: Sequence[int] | None) -> float:
    if name == "fixed":
        return wanted.fixed
    if name == "sure":
        return wanted.sure
    if name == "clusters":
        taken = learned.fold >= 0 if among is None else np.isin(learned.fold, among)
        return thresholds.average_minimum(learned.search[0][torch.as_tensor(taken)], learned.search[2][taken])
    scores = frame(learned.sums[RULES[name]], among)
    if name == "precision":
        return thresholds.for_precision(scores, wanted.precision)
    if name == "map":
        return thresholds.for_map(scores, wanted.share)
    return thresholds.best_f1(scores)


def listed(scores: Tensor, cut: float, cap: int = 0) -> list[Tensor]:
    """Positions of the scores `(n, G)` of at least `cut`, `cap` a row at most, best first: one tensor a row."""
    values, order = scores.sort(dim=1, descending=True, stable=True)
    lengths = (values >= cut).sum(1)
    if cap:
        lengths = lengths.clamp(max=cap)
    return [row[:length].clone() for row, length in zip(order, lengths.tolist(), strict=True)]


def score_blocks(
    kind: str, query: Tensor, gallery: Tensor, model: SamePerson | None = None, expanded: bool = False
) -> Iterator[Tensor]:
    """A score of all pairs of `query` `(Q, D)` and `gallery` `(G, D)`, some rows `(n, G)` after the other.

    `kind` is one of `pair_scores.SCORES`, "re-ranking" or "probability", which needs the `model` of `learn`. `expanded`
    as in `Rule`.
    """
    if kind == "re-ranking":
        yield from reranked(query, gallery).split(256)
        return
    none = gallery.new_empty(0)
    unused = kind in ("similarity", "z-norm")
    side = GallerySide(none, none, none) if unused else gallery_side(query, gallery)
    query = expand_queries(query, gallery) if expanded else query
    for similarity in similarity_blocks(query, gallery):
        if kind != "probability":
            yield pair_scores(kind, similarity, side)
        elif model is None:
            raise ValueError("no probability of the same person was learned, so none can be told")
        else:
            found = candidates(similarity, side)
            scores = torch.full_like(similarity, -torch.inf)
            yield scores.scatter_(1, found.order, model(found.evidence).masked_fill(~found.there, -torch.inf))


def apply_rule(
    rule: Rule, query: Tensor, gallery: Tensor, model: SamePerson | None = None, most: float | None = None
) -> list[Tensor]:
    """For each query the gallery positions that `rule` takes for the same person, the best score first; may be empty.

    `query` `(Q, D)` and `gallery` `(G, D)` float32, L2-normalised; `model` is that of `learn`, for rules of a probability.
    Where the lists would hold more than `most` images on average, the cut is raised until they do not.
    """
    found, values = [], []
    for scores in score_blocks(rule.score, query, gallery, model, rule.expanded):
        kept = listed(scores, rule.cut, rule.cap)
        found += kept
        if most is not None:
            values += [row[places] for row, places in zip(scores, kept, strict=True)]
    if most is None or sum(map(len, found)) <= most * len(query):
        return found
    allowed = int(most * len(query))
    cut = torch.cat(values).sort(descending=True).values[allowed]  # the first one too many
    return [places[mine > cut] for places, mine in zip(found, values, strict=True)]
