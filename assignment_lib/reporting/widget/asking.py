"""What is asked, and how: all that a person sets. A state is never changed, a new one takes its place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

#: Pictures on a page of results.
PAGE = 20


@dataclass(frozen=True)
class State:
    """Everything that a person sets."""

    network: str  # whose look
    threshold: float
    kind: str = "query"  # "query", "gallery", "upload" or "words"
    index: int = 0  # of the query, or of the gallery image that is asked with
    query: int = 0  # of the last query: previous and next go on from there
    words: str = ""
    mirror: bool = False
    whitening: bool = False
    reranking: bool = False
    junk_filter: bool = False
    answer: str = "threshold"  # or "list", "set": what is handed in
    attribute: tuple[str, str] | None = None  # only images that are said to have this class of this task
    camera: int | None = None  # only images from there
    page: int = 0
    compared: int | None = None  # gallery image beside the query


def with_query(state: State, index: int) -> State:
    """Ask with a query."""
    return replace(state, kind="query", index=index, query=index, page=0, compared=None)


def with_gallery(state: State, place: int) -> State:
    """Ask with a gallery image."""
    return replace(state, kind="gallery", index=place, page=0, compared=None)


def with_words(state: State, words: str) -> State:
    """Ask by a description."""
    return replace(state, kind="words", words=words, page=0, compared=None)


def with_upload(state: State) -> State:
    """Ask with the picture that was uploaded."""
    return replace(state, kind="upload", index=0, page=0, compared=None)


def with_setting(state: State, **settings: object) -> State:
    """Set switches, filters or the answer; the first page is shown again where these change what is listed."""
    stays = set(settings) <= {"threshold", "page", "compared"}
    return replace(state, **({} if stays else {"page": 0, "compared": None}), **settings)  # type: ignore[arg-type]


def stepped(state: State, queries: int, step: int) -> State:
    """The query so many places on from the last one; the first follows the last."""
    return with_query(state, (state.query + step) % queries)


def at_random(state: State, queries: int, rng: np.random.Generator) -> State:
    """Any other query."""
    if queries < 2:
        return with_query(state, 0)
    return with_query(state, (state.query + int(rng.integers(1, queries))) % queries)


def harder(state: State, hardest: np.ndarray) -> State:
    """The next one of the `hardest` queries, worst first; the worst where the last query is none of them or the easiest."""
    if not len(hardest):
        return state
    at = np.flatnonzero(hardest == state.query)
    if state.kind != "query" or not len(at):
        return with_query(state, int(hardest[0]))
    return with_query(state, int(hardest[(int(at[0]) + 1) % len(hardest)]))


def pages(images: int) -> int:
    """How many pages so many images take, one at least."""
    return max(1, -(-images // PAGE))


def turned(state: State, images: int, step: int) -> State:
    """The next page, or the one before; there is none beyond the first and the last of `images`."""
    return replace(state, page=min(max(state.page + step, 0), pages(images) - 1))
