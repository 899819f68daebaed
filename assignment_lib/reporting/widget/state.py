"""The state of the widget: everything that a user chooses. A state never changes; each step returns a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.retrieval.attribute_search import Condition, parse

#: Results per page.
PAGE_SIZE = 20


class Photo(NamedTuple):
    """An uploaded photo and the network's predictions for it."""

    name: str
    image: Tensor  # (3, H, W) uint8
    predictions: Predictions  # of one image


@dataclass(frozen=True, eq=False)
class State:
    """What is searched for, how, and what is shown of the result."""

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
        conditions = tuple(parse(value))
        thresholds = {**state.thresholds, "probability": round(0.5 ** len(conditions), 2)}
        return search(state, "words", words=value, conditions=conditions, thresholds=thresholds)
    if name == "threshold":
        name, value = "thresholds", {**state.thresholds, state.score: value}
    return replace(state, **({} if name.startswith("show") else {"page": 0}) | {name: value})


def next_hardest(state: State, hardest: np.ndarray) -> State:
    """The query after the last one in `hardest`, or the first. Raises `ValueError` where `hardest` is empty."""
    if not len(hardest):
        raise ValueError("No query has a true match in the gallery, so none is the hardest")
    order = hardest.tolist()
    place = order.index(state.query) + 1 if state.kind == "query" and state.query in order else 0
    return search(state, "query", order[place % len(order)])
