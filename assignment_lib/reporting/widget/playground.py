"""What the widget is about, without widgets: a state and everything that follows from it, computed once and kept.

`Playground.page()` is all that is seen for the present state. Nothing here works through images one by one, but for the
pictures of one page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting.widget import counts, finding, overall, pictures
from assignment_lib.reporting.widget.asking import PAGE, State, pages
from assignment_lib.reporting.widget.counts import Counts
from assignment_lib.reporting.widget.finding import Ranked
from assignment_lib.reporting.widget.looks import Look, View
from assignment_lib.reporting.widget.sides import Side, Sides
from assignment_lib.retrieval.search import parse

#: Searches and pictures that are remembered.
_SEARCHES, _PICTURES = 32, 4000


class Said(NamedTuple):
    """What the network says of one image, and what is true."""

    classes: np.ndarray  # (12,) int64, -1 without attribute heads
    confidence: np.ndarray  # (12,)
    true: np.ndarray  # (12,) int64, -1 where nobody knows


class Shown(NamedTuple):
    """One picture of a page."""

    place: int  # in its side
    rank: int  # from 1; 0 for one that has none
    score: float  # similarity, or how likely a description holds
    same: float  # probability "same person"; NaN where there is none
    verdict: int  # of `finding`
    within: bool  # in the answer
    file: str
    camera: int
    picture: str  # src of an <img>
    said: Said


class Page(NamedTuple):
    """All that is seen."""

    asked: Shown | None  # the query's picture; None for a description
    sentence: str
    results: list[Shown]
    missed: list[Shown]
    missed_in_all: int
    counts: Counts
    pages: int
    curve: pd.DataFrame


class Playground:
    """A state, and what follows from it. `state` is set from outside, by the functions of `asking`."""

    def __init__(self, sides: Sides, looks: Mapping[str, Look]):
        if not looks:
            raise ValueError("no network has looked at the images; give at least one look")
        self.sides, self.looks = sides, dict(looks)
        name, first = next(iter(self.looks.items()))
        self.state = State(
            name, first.threshold, mirror=first.usual.mirror, whitening=first.usual.whitening,
            reranking=first.reranked, junk_filter=first.keep is not None,
        )  # fmt: skip
        self.upload: tuple[str, Tensor] | None = None
        self._asked: dict[str, tuple[dict[bool, Tensor], dict[str, Tensor]]] = {}
        self._found: dict[State, tuple[Ranked, Tensor | None]] = {}
        self._classes: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        self._overall: dict[tuple[str, View, bool], pd.DataFrame | None] = {}
        self._hardest: dict[tuple[str, View], np.ndarray] = {}
        self._pictures: dict[tuple[str, int], str] = {}

    @property
    def look(self) -> Look:
        """The present network's."""
        return self.looks[self.state.network]

    @property
    def view(self) -> View:
        """How embeddings are made now; a network that was never asked about mirror images is not asked for them."""
        wanted = View(self.state.mirror, self.state.whitening)
        return wanted if wanted.mirror in self.look.views else self.look.usual._replace(whitening=wanted.whitening)

    def take_upload(self, name: str, image: Tensor) -> None:
        """Ask all networks about an image `(3, H, W)` uint8 of one's own. Raises ValueError where one is not at hand."""
        self._asked = {network: look.ask(image) for network, look in self.looks.items()}
        self.upload = name, image
        self._found = {state: found for state, found in self._found.items() if state.kind != "upload"}
        self._pictures.pop(("upload", 0), None)

    def found(self) -> tuple[Ranked, Tensor | None]:
        """The ranking of the present state, and the probabilities "same person" `(G,)`.

        Raises ValueError for a description that is not understood.
        """
        # what moves nothing in a ranking is no part of its name
        key = replace(self.state, threshold=0.0, answer="", page=0, compared=None, query=0)
        if key not in self._found:
            while len(self._found) >= _SEARCHES:
                del self._found[next(iter(self._found))]
            self._found[key] = self._search()
        return self._found[key]

    def _search(self) -> tuple[Ranked, Tensor | None]:
        state, look, gallery = self.state, self.look, self.sides.gallery
        wanted = finding.passing(gallery, self.classes("gallery")[0], state.attribute, state.camera)
        keep = look.keep.numpy() if look.keep is not None and state.junk_filter else None
        if state.kind == "words":
            conditions, likely = parse(state.words), look.probabilities("gallery")
            if not likely:
                raise ValueError("this network has not learned attributes, so nothing can be searched by words")
            logs = [likely[task][:, TASKS[task].index(name)].clamp(min=1e-12).log() for task, name in conditions]
            verdict = finding.verdicts_of_words(gallery, conditions)
            return finding.ranked(torch.stack(logs).sum(0).exp(), verdict, wanted, keep), None
        embeddings = look.embeddings(self.view)["gallery"]
        asked, usual = self._embedding(self.view), self._embedding(look.usual)
        own = state.index if state.kind == "gallery" else None
        pid, camera = -1, -1
        if state.kind != "upload":
            side = self._side()
            pid, camera = int(side.pids[state.index]), int(side.cameras[state.index])
        verdict = finding.verdicts(gallery, pid, camera)
        pair = (asked, embeddings) if state.reranking else None
        return finding.ranked(embeddings @ asked, verdict, wanted, keep, own, pair), look.same_person(usual, own)

    def _embedding(self, view: View) -> Tensor:
        if self.state.kind == "upload":
            return self.look.white(self._asked[self.state.network][0][view.mirror], view)[0]
        return self.look.embeddings(view)[self.state.kind][self.state.index]

    def _side(self) -> Side:
        return self.sides.gallery if self.state.kind == "gallery" else self.sides.query

    def within(self, found: Ranked) -> tuple[np.ndarray, np.ndarray]:
        """Which images the answer holds, bool `(G,)`, and the gallery places in the order in which they are shown."""
        listed = self.look.answers.get(self.state.answer)
        if listed is None or self.state.kind != "query":
            return counts.answered(found, self.state.threshold), found.order
        places = listed[self.state.index].numpy()
        within = counts.answered(found, 0, places)
        return within, np.concatenate([places[within[places]], found.order[~within[found.order]]])

    def images(self) -> int:
        """How many gallery images are listed now."""
        return len(self.found()[0].order)

    def page(self) -> Page:
        """All that is seen now. Raises ValueError for a description that is not understood."""
        found, same = self.found()
        within, order = self.within(found)
        start = self.state.page * PAGE
        results = order[start : start + PAGE]
        lost = counts.missed(found, within)
        asked = None
        if self.state.kind != "words":
            asked = self.shown(self.state.kind, self.state.index)
        of = counts.counts(found, within)
        return Page(
            asked, self._sentence(of, len(order)),
            [self._result(int(place), start + i + 1, found, same, within) for i, place in enumerate(results)],
            [self._result(int(place), 0, found, same, within) for place in lost[:PAGE]],
            len(lost), of, pages(len(order)), counts.curve_of_query(found),
        )  # fmt: skip

    def _sentence(self, of: Counts, there: int) -> str:
        state = self.state
        who = {
            "query": f"Query {state.index + 1} of {len(self.sides.query)}",
            "gallery": f"Gallery image {state.index + 1}",
            "upload": f"Your picture {self.upload[0]}" if self.upload else "",
            "words": f"“{state.words}”",
        }[state.kind]
        if state.answer in self.look.answers and state.kind == "query":
            return f"{who}: the {state.answer} that is handed in holds {of.returned} of {there:,} images."
        level = "are as likely as" if state.kind == "words" else "reach the threshold"
        return f"{who}: {of.returned} of {there:,} images {level} {state.threshold:.2f}."

    def shown(self, kind: str, place: int) -> Shown:
        """A picture of the side `kind`, "query", "gallery" or "upload", by itself."""
        if kind == "upload":
            assert self.upload is not None
            likely = self._asked[self.state.network][1]
            pairs = [likely[task].max(0) if task in likely else (torch.tensor(0.0), torch.tensor(-1)) for task in TASKS]
            said = Said(
                np.array([int(best) for _, best in pairs]), np.array([float(sure) for sure, _ in pairs]),
                np.full(len(TASKS), -1),
            )  # fmt: skip
            return Shown(0, 0, np.nan, np.nan, finding.UNKNOWN, True, self.upload[0], -1, self.picture(kind, 0), said)
        side = self.sides.query if kind == "query" else self.sides.gallery
        said = self.said(kind, place)
        picture = self.picture(kind, place)
        camera = int(side.cameras[place])
        return Shown(place, 0, np.nan, np.nan, finding.UNKNOWN, True, side.files[place], camera, picture, said)

    def _result(self, place: int, rank: int, found: Ranked, same: Tensor | None, within: np.ndarray) -> Shown:
        return self.shown("gallery", place)._replace(
            rank=rank, score=float(found.score[place]), same=float("nan") if same is None else float(same[place]),
            verdict=int(found.verdict[place]), within=bool(within[place]),
        )  # fmt: skip

    def classes(self, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Predicted classes `(N, 12)` int64 and their confidence `(N, 12)` of "query" or "gallery"; -1 and 0 where none."""
        key = (self.state.network, kind)
        if key not in self._classes:
            likely = self.look.probabilities(kind)
            count = len(self.sides.query if kind == "query" else self.sides.gallery)
            classes, sure = np.full((count, len(TASKS)), -1), np.zeros((count, len(TASKS)))
            for column, task in enumerate(TASKS):
                if task in likely:
                    best = likely[task].max(1)
                    classes[:, column], sure[:, column] = best.indices.numpy(), best.values.numpy()
            self._classes[key] = classes, sure
        return self._classes[key]

    def said(self, kind: str, place: int) -> Said:
        """What is said of one image of "query" or "gallery"."""
        classes, sure = self.classes(kind)
        side = self.sides.query if kind == "query" else self.sides.gallery
        return Said(classes[place], sure[place], side.targets[place])

    def image(self, kind: str, place: int) -> Tensor:
        """The pixels, uint8 `(3, H, W)`, of an image of "query", "gallery" or "upload"."""
        if kind == "upload":
            assert self.upload is not None
            return self.upload[1]
        return (self.sides.query if kind == "query" else self.sides.gallery).images[place]

    def picture(self, kind: str, place: int) -> str:
        """The image as the src of an `<img>`."""
        if (kind, place) not in self._pictures:
            while len(self._pictures) >= _PICTURES:
                del self._pictures[next(iter(self._pictures))]
            self._pictures[kind, place] = pictures.data_uri(self.image(kind, place))
        return self._pictures[kind, place]

    def overall(self) -> pd.DataFrame | None:
        """`overall.all_queries` for the present switches, filters of camera and attribute left aside."""
        keep = self.look.keep if self.state.junk_filter else None
        key = (self.state.network, self.view, keep is not None)
        if key not in self._overall:
            made = self.look.embeddings(self.view)
            self._overall[key] = overall.all_queries(self.sides, made["query"], made["gallery"], keep)
        return self._overall[key]

    def hardest(self) -> np.ndarray:
        """`overall.hardest` for the present switches."""
        key = (self.state.network, self.view)
        if key not in self._hardest:
            self._hardest[key] = overall.hardest(self.sides, *self.look.embeddings(self.view).values())
        return self._hardest[key]
