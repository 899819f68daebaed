"""What a user chooses, and the gallery images that this returns, compared with the known identities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from assignment_lib.data.attributes import target_tensor
from assignment_lib.evaluation.checks import NoValidQueryError
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.evaluation.protocol import excluded
from assignment_lib.evaluation.reid_scores import reid_scores_from_distances
from assignment_lib.evaluation.validation import known_cameras
from assignment_lib.retrieval import attribute_search
from assignment_lib.retrieval.attribute_search import Condition
from assignment_lib.retrieval.pipeline import Retrieval

#: Whether an image shows what is searched for: unknown, yes, no, or excluded by the protocol of Market-1501.
UNKNOWN, MATCH, WRONG, EXCLUDED = 0, 1, 2, 3
CURRENT = 4  # the query that is searched for, among others to choose from
PAGE_SIZE = 20  # results per page


class Photo(NamedTuple):
    """An uploaded photo and the network's predictions for it."""

    name: str
    image: Tensor  # (3, H, W) uint8
    predictions: Predictions  # of one image


@dataclass(frozen=True, eq=False)
class State:
    """What is searched for, how, and what is shown of the result. A state never changes; each step makes a new one."""

    thresholds: Mapping[str, float]  # smallest "similarity", "reranked" score and "probability" of a result
    kind: str = "query"  # what is searched for: a "query", a "gallery" image, a "photo" or "words"
    index: int = 0  # position of that image among the queries or in the gallery
    query: int = 0  # the last query; Previous and Next continue from it
    photo: Photo | None = None
    words: str = ""
    conditions: tuple[Condition, ...] = ()  # the parsed words
    reranking: bool = False
    junk_filter: bool = False
    length: int = 0  # number of results; 0 returns all images that reach the threshold
    attribute: tuple[str, ...] = ()  # task and class: only images predicted to have it
    camera: int = -1  # only images from this camera; -1 for all
    page: int = 0
    show_options: bool = False
    show_attributes: bool = False
    show_heat: bool = False

    @property
    def score(self) -> str:
        """The score that is shown, ordered by and compared with its threshold. Only queries are re-ranked."""
        if self.kind == "words":
            return "probability"
        return "reranked" if self.reranking and self.kind == "query" else "similarity"

    @property
    def threshold(self) -> float:
        """The threshold of the current score."""
        return self.thresholds[self.score]


def search(state: State, kind: str, index: int = 0, words: str = "", **details: Any) -> State:
    """Search for another image, or for words (see `changed`), from the first page on."""
    query = index if kind == "query" else state.query
    return replace(state, kind=kind, index=index, query=query, words=words, page=0, **details)


def changed(state: State, name: str, value: Any) -> State:
    """Give the field `name`, "words" or "threshold" another value. The first page is shown again if the results change.

    New words start with a threshold of 0.5 per condition. Raises `ValueError` for unknown words.
    """
    if name == "words":
        if not value.strip():
            return state
        conditions = tuple(attribute_search.parse(value))
        thresholds = {**state.thresholds, "probability": round(0.5 ** len(conditions), 2)}
        return search(state, "words", words=value, conditions=conditions, thresholds=thresholds)
    if name == "threshold":
        name, value = "thresholds", {**state.thresholds, state.score: value}
    return replace(state, **({} if name.startswith("show") else {"page": 0}) | {name: value})


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
        wanted = [Condition(*state.attribute)]
        eligible &= attribute_search.predicted(retrieval.gallery.probabilities, wanted).numpy()
    if state.camera >= 0:
        eligible &= retrieval.gallery_table["camera"].to_numpy() == state.camera
    kept = eligible & retrieval.keep.numpy() if state.junk_filter and retrieval.keep is not None else eligible
    order = np.flatnonzero(kept)
    order = order[np.argsort(-scores[order], kind="stable")]
    shown = scores.round(2)
    order = order[: state.length] if state.length else order[shown[order] > state.threshold - 1e-4]
    # a match that the junk filter removes is missed; one that the user filters out is not
    missed = np.setdiff1d(np.flatnonzero(eligible & (verdicts == MATCH)), order)
    return Results(order, shown, verdicts, missed[np.argsort(-scores[missed], kind="stable")])


def _scores(retrieval: Retrieval, state: State) -> np.ndarray:
    """The score of each gallery image, `(G,)` float32."""
    if state.kind == "words":
        order, probabilities = attribute_search.rank_by_attributes(retrieval.gallery.probabilities, state.conditions)
        return torch.empty(len(order)).scatter_(0, order, probabilities.float()).numpy()
    if state.kind == "query":
        return (retrieval.reranked if state.score == "reranked" else retrieval.similarity)[state.index].numpy()
    return (retrieval.gallery.embeddings @ embedding(retrieval, state)).numpy()


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
    verdicts = np.full(len(table), UNKNOWN, np.int8)
    if state.kind == "words" and (targets := target_tensor(table)) is not None:
        holds, known = (part.numpy() for part in attribute_search.holding(targets, state.conditions))
        verdicts[known] = np.where(holds, MATCH, WRONG)[known]
    if state.kind not in ("query", "gallery"):
        return verdicts
    pid, camera = (retrieval.query_table if state.kind == "query" else table)[["pid", "camera"]].iloc[state.index]
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
    ids, gallery_ids = query["pid"].to_numpy(), gallery["pid"].to_numpy()
    try:
        result = reid_scores_from_distances(-scores, ids, gallery_ids, *known_cameras(query, gallery))
    except NoValidQueryError:
        return np.arange(0)
    return np.flatnonzero(result.valid)[np.argsort(result.ap, kind="stable")]
