"""What mirror images, whitening, query expansion and re-ranking add to a ranking, and which of them are taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_from_distances
from assignment_lib.evaluation.summary import ReidScores
from assignment_lib.progress import bar
from assignment_lib.retrieval.expansion import expand_queries
from assignment_lib.retrieval.pair_scores import reranked
from assignment_lib.retrieval.searches import Search, truth
from assignment_lib.retrieval.whitening import fit_whitening

#: What is done after the embeddings are there.
AFTER = ("none", "query expansion", "re-ranking")


class Options(NamedTuple):
    """How queries are answered."""

    mirror: bool = False  # embeddings of image and mirror image added up
    whitening: bool = False
    after: str = "none"  # one of `AFTER`


def options_table(
    searches: Mapping[bool, Search], training: Mapping[bool, Tensor] | None = None, progress: bool = False
) -> pd.DataFrame:
    """mAP, rank-1 and mINP in percent of every combination, one row each, the plain one first.

    `searches` is {False: the search with plain embeddings, True: the same with those of mirror images too}; either may be
    left out. `training` has the training embeddings `(M, D)` by the same keys; whitening is fitted on gallery and training
    embeddings, without them on the gallery alone. In query expansion and re-ranking a query that is itself in the gallery
    is not its own neighbour: twice there, it would make re-ranking look 3 mAP points better than it is. Raises ValueError
    where no query has a match.
    """
    rows = []
    with bar(total=2 * len(searches) * len(AFTER), desc="options", show=progress) as done:
        for mirror, search in searches.items():
            own = truth(search).own
            for whitening in (False, True):
                query, gallery = search[:2]
                if whitening:
                    more = [training[mirror]] if training is not None and mirror in training else []
                    whiten = fit_whitening(gallery, *more)
                    query, gallery = whiten(query), whiten(gallery)
                for after in AFTER:
                    scores = _scores(query, gallery, own, search, after)
                    done.update()
                    row = {"mAP": 100 * scores.mAP, "rank-1": 100 * scores.rank1, "mINP": 100 * scores.mINP}
                    rows.append({"Mirror images": mirror, "Whitening": whitening, "After": after, **row})
    return pd.DataFrame(rows)


def _scores(query: Tensor, gallery: Tensor, own: Tensor, search: Search, after: str) -> ReidScores:
    labels = search[2:]
    if after == "query expansion":
        query = expand_queries(query, gallery, own=own)
    if after == "re-ranking":
        return reid_scores_from_distances(-reranked(query, gallery, own).clamp(min=-1e3), *labels)
    return reid_scores(query, gallery, *labels)


def choose_options(table: pd.DataFrame, least: float = 0.2) -> Options:
    """The combination of `options_table` with the best mAP, where it beats the first, plain one by more than `least` points.

    `least` is in percentage points: less than that is chance. Of equal ones the first is taken.
    """
    best = table.loc[table["mAP"].idxmax()]
    if best["mAP"] <= table["mAP"].iloc[0] + least:
        best = table.iloc[0]
    return Options(bool(best["Mirror images"]), bool(best["Whitening"]), str(best["After"]))
