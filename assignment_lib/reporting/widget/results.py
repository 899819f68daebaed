"""The gallery images that a state returns, compared with the known identities."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from assignment_lib.data.attributes import target_tensor
from assignment_lib.evaluation.checks import NoValidQueryError
from assignment_lib.evaluation.protocol import excluded
from assignment_lib.evaluation.reid_scores import reid_scores_from_distances
from assignment_lib.evaluation.validation import known_cameras
from assignment_lib.reporting.widget.state import State
from assignment_lib.retrieval import attribute_search
from assignment_lib.retrieval.attribute_search import Condition
from assignment_lib.retrieval.pipeline import Retrieval

#: Whether an image shows what is searched for: unknown, yes, no, or excluded by the protocol of Market-1501.
UNKNOWN, MATCH, WRONG, EXCLUDED = 0, 1, 2, 3
CURRENT = 4  # the query that is searched for, among others to choose from


class Results(NamedTuple):
    """The M images that are returned from a gallery of G images."""

    order: np.ndarray  # (M,) int64 gallery positions, largest score first
    scores: np.ndarray  # (G,) float32, rounded to the two decimals that are shown
    verdicts: np.ndarray  # (G,) int8: UNKNOWN, MATCH, WRONG or EXCLUDED
    missed: np.ndarray  # (K,) int64 gallery positions of the matches that are not returned, largest score first

    def count(self, verdict: int) -> int:
        """The number of returned images with a verdict."""
        return int((self.verdicts[self.order] == verdict).sum())


def find(retrieval: Retrieval, state: State) -> Results:
    """The results of `state`, ties in gallery order. Raises `ValueError` where the network does not predict an attribute.

    The threshold applies to the score as it is shown, rounded to two decimals.
    """
    scores, verdicts = _scores(retrieval, state), _verdicts(retrieval, state)
    eligible = np.ones(len(scores), bool)
    if state.attribute:
        conditions = [Condition(*state.attribute)]
        eligible &= attribute_search.predicted(retrieval.gallery.probabilities, conditions).numpy()
    if state.camera >= 0:
        eligible &= retrieval.gallery_table["camera"].to_numpy() == state.camera
    kept = eligible
    if state.junk_filter and retrieval.keep is not None:
        kept = eligible & retrieval.keep.numpy()
    order = np.flatnonzero(kept)
    order = order[np.argsort(-scores[order], kind="stable")]
    shown = scores.round(2)
    enough = shown[order] > state.threshold - 1e-4
    order = order[: state.length] if state.length else order[enough]
    # a match that the junk filter removes is missed; one that the user filters out is not
    missed = np.setdiff1d(np.flatnonzero(eligible & (verdicts == MATCH)), order)
    return Results(order, shown, verdicts, missed[np.argsort(-scores[missed], kind="stable")])


def _scores(retrieval: Retrieval, state: State) -> np.ndarray:
    """The score of each gallery image, `(G,)` float32."""
    gallery = retrieval.gallery
    if state.kind == "words":
        order, probabilities = attribute_search.rank_by_attributes(gallery.probabilities, state.conditions)
        return torch.empty(len(order)).scatter_(0, order, probabilities.float()).numpy()
    if state.kind == "query":
        return (retrieval.reranked if state.score == "reranked" else retrieval.similarity)[state.index].numpy()
    return (gallery.embeddings @ embedding(retrieval, state)).numpy()


def embedding(retrieval: Retrieval, state: State) -> Tensor:
    """The embedding `(D,)` of the image that is searched for. Raises `ValueError` for words."""
    if state.kind == "words":
        raise ValueError("Words have no embedding. Search for a query or a photo first")
    if state.kind == "photo" and state.photo is not None:
        return state.photo.predictions.embeddings[0]
    return (retrieval.query if state.kind == "query" else retrieval.gallery).embeddings[state.index]


def _verdicts(retrieval: Retrieval, state: State) -> np.ndarray:
    """Whether each gallery image matches, `(G,)` int8. The image that is searched for is itself excluded."""
    table = retrieval.gallery_table
    verdicts, targets = np.full(len(table), UNKNOWN, np.int8), target_tensor(table)
    if state.kind == "words" and targets is not None:
        holds, known = (part.numpy() for part in attribute_search.holding(targets, state.conditions))
        verdicts[known] = np.where(holds, MATCH, WRONG)[known]
    if state.kind not in ("query", "gallery"):
        return verdicts
    row = (retrieval.query_table if state.kind == "query" else table).iloc[state.index]
    pid, camera = int(row["pid"]), int(row["camera"])
    if retrieval.known and pid > 0:
        ids = table["pid"].to_numpy()
        skipped = excluded(pid, camera if camera >= 0 else None, ids, table["camera"].to_numpy())
        verdicts[:] = np.where(skipped, EXCLUDED, np.where(ids == pid, MATCH, WRONG))
    own = state.index
    if state.kind == "query":
        own = -1 if retrieval.copies is None else int(retrieval.copies[state.index])
    if own >= 0:
        verdicts[own] = EXCLUDED
    return verdicts


def hardest_queries(retrieval: Retrieval, score: str) -> np.ndarray:
    """Queries with a match by the average precision of the "similarity" or "reranked" score, lowest first: int64 `(V,)`.

    Where identities are unknown, all queries by the score of the image that is most similar, apart from their own copy.
    """
    scores = retrieval.reranked if score == "reranked" else retrieval.similarity
    if not retrieval.known:
        best = scores.topk(min(2, scores.shape[1]), dim=1).values
        copied = torch.zeros(len(scores), dtype=torch.bool) if retrieval.copies is None else retrieval.copies >= 0
        return torch.where(copied, best[:, -1], best[:, 0]).argsort(stable=True).numpy()
    query, gallery = retrieval.query_table, retrieval.gallery_table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notebook warns about partly unknown cameras
        cameras, gallery_cameras = known_cameras(query, gallery)
    ids, gallery_ids = query["pid"].to_numpy(), gallery["pid"].to_numpy()
    try:
        result = reid_scores_from_distances(-scores, ids, gallery_ids, cameras, gallery_cameras)
    except NoValidQueryError:
        return np.arange(0)
    return np.flatnonzero(result.valid)[np.argsort(result.ap, kind="stable")]
