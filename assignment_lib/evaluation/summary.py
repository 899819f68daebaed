"""CMC, mAP and mINP from the ranks of the true matches; `protocol` has the same in plain lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assignment_lib.evaluation.inputs import no_valid_query
from assignment_lib.evaluation.pairs import Labels

#: Length of the CMC curve that `ReidScores.cmc` holds, or the gallery's length where that is less.
CMC_LENGTH = 50


@dataclass(frozen=True)
class ReidScores:
    """What `reid_scores` and its relatives return. All scores are fractions between 0 and 1 over the valid queries."""

    mAP: float  #: mean average precision
    mINP: float  #: mean inverse negative penalty (Ye et al., TPAMI 2021, section 4.1): matches / rank of the last one
    rank1: float  #: share of queries with a true match in first place
    rank5: float  #: … among the first five
    rank10: float
    rank20: float
    cmc: np.ndarray  #: float64 (min(50, G),): share of queries with a true match among the first 1, 2, …
    ap: np.ndarray  #: float64 (V,): average precision of each valid query, in the order of the queries
    inp: np.ndarray  #: float64 (V,): inverse negative penalty of each valid query
    valid: np.ndarray  #: bool (Q,): which queries have a true match left in the gallery
    valid_queries: int  #: how many those are, V

    def as_dict(self) -> dict[str, float | int]:
        """The single figures as plain numbers, as `metrics.json` holds them."""
        names = ("mAP", "mINP", "rank1", "rank5", "rank10", "rank20", "valid_queries")
        return {**{name: getattr(self, name) for name in names}, "queries": len(self.valid)}


def summary(queries: np.ndarray, ahead: np.ndarray, labels: Labels, interpolation: str) -> ReidScores:
    """Scores from the query of each true match and the number of other people's images `ahead` of it: int64 `(M,)`.

    `interpolation` is that of `reid_scores`. Raises `ValueError` where there is no match at all.
    """
    if not len(queries):
        raise no_valid_query()
    # A better placed match has no more wrong images before it, so the sorted numbers belong to the 1st, 2nd, … match.
    queries, ahead = np.divmod(np.sort(queries * (labels.images + 1) + ahead), labels.images + 1)
    starts = np.flatnonzero(np.diff(queries, prepend=-1))
    matches = np.diff(starts, append=len(queries))
    nth = np.arange(1, len(queries) + 1) - np.repeat(starts, matches)
    rank = ahead + nth
    precision = nth / rank
    if interpolation == "trapezoid":
        one_place_before = np.divide(nth - 1, rank - 1, out=np.ones(len(rank)), where=rank > 1)
        precision = (precision + one_place_before) / 2
    ap = np.add.reduceat(precision, starts) / matches
    inp = matches / rank[starts + matches - 1]
    first = rank[starts]
    valid = np.zeros(len(labels.query_ids), bool)
    valid[queries[starts]] = True

    def cmc(places: int) -> float:
        return float((first <= places).mean())

    curve = np.array([cmc(places) for places in range(1, min(CMC_LENGTH, labels.images) + 1)])
    return ReidScores(
        float(ap.mean()), float(inp.mean()), cmc(1), cmc(5), cmc(10), cmc(20), curve, ap, inp, valid, len(starts)
    )
