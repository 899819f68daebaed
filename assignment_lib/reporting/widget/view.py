"""The widget: controls, callbacks and layout. Only widgets and options that ipywidgets 7.7.1 and 8 share.

A click is one step: a new state, its results as HTML, then the page. After an error the old state stays, with a message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import predict
from assignment_lib.models.explanations import match_map
from assignment_lib.reporting.widget import cards, photos
from assignment_lib.reporting.widget.cards import Card
from assignment_lib.reporting.widget.results import Results, embedding, find, hardest_queries
from assignment_lib.reporting.widget.state import PAGE_SIZE, Photo, State, changed, next_hardest, search, turn
from assignment_lib.retrieval.pipeline import Retrieval

THUMBNAILS = 10  # queries offered at a time
Step = Callable[[State], State]


def play(retrieval: Retrieval) -> widgets.VBox:
    """The widget: choose a query, a photo or words, and see which gallery images are returned, right, wrong and missed."""
    return View(retrieval).box


class View:
    """The widgets over one `Retrieval`, and its current state."""

    def __init__(self, retrieval: Retrieval):
        self.retrieval, self.queries = retrieval, len(retrieval.query_table)
        self.picture = lru_cache(4096)(self._picture)
        self.hardest = cache(lambda score: hardest_queries(retrieval, score))
        thresholds = {score: round(threshold, 2) for score, threshold in retrieval.thresholds.items()}
        self.state = State(thresholds | {"probability": 0.5}, junk_filter=retrieval.keep is not None)
        self.results, html = self.render(self.state)
        self.settling = False  # while the program sets controls
        self.texts = {name: widgets.HTML() for name in ("message", "header", "query", "pages", "missed_title")}
        self.tiles = {
            "results": Tiles(PAGE_SIZE, "Result", lambda index: self.search_result(self.page(), index)),
            "missed": Tiles(PAGE_SIZE, "Missed match", lambda index: self.search_result(self.results.missed, index)),
            "thumbnails": Tiles(THUMBNAILS, "Query", self.search_thumbnail),
        }
        self.inputs = self._inputs()
        self.upload = _control(widgets.FileUpload, "Upload a photo", "Search for a photo of a person", accept="image/*")
        self.upload.observe(lambda event: self.search_upload(event["new"]), "value")
        self.back = self._button("◀ Previous page", "Show the previous results", lambda state: self.turned(state, -1))
        self.forward = self._button("Next page ▶", "Show the next results", lambda state: self.turned(state, 1))
        self.box = self._layout()
        self.show(html)

    def act(self, step: Step) -> None:
        """Take a step and show its result. After an error nothing changes, and a message says why."""
        if self.settling:
            return
        message = ""
        html: dict[str, str] = {}
        try:
            state = step(self.state)
            self.results, html = self.render(state)
            self.state = state
        except Exception as error:
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            text = escape(f"{kind}{str(error).rstrip('.')}. Nothing was changed.")
            message = f'<p class="qr-message" role="alert">{text}</p>'
        self.texts["message"].value = message
        self.show(html)

    def page(self) -> np.ndarray:
        """Gallery positions of the results on the page."""
        return self.results.order[self.state.page * PAGE_SIZE :][:PAGE_SIZE]

    def turned(self, state: State, offset: int) -> State:
        """The state at another page of the results."""
        return turn(state, len(self.results.order), offset)

    def search_result(self, positions: np.ndarray, index: int) -> None:
        """Search for the gallery image `positions[index]`."""
        if index < len(positions):
            self.act(lambda state: search(state, "gallery", int(positions[index])))

    def search_thumbnail(self, index: int) -> None:
        """Search for the query at `index` of the thumbnails."""
        position = self.state.query // THUMBNAILS * THUMBNAILS + index
        if position < self.queries:
            self.act(lambda state: search(state, "query", position))

    def search_upload(self, value: Any) -> None:
        """Search for the photo in a `FileUpload.value`, and empty that, so that the same file can be uploaded again."""
        file = photos.uploaded_file(value)
        if file is None:
            return

        def step(state: State) -> State:
            image = photos.read_photo(file[1], file[0], self.retrieval.network.image_size)
            predictions = predict(self.retrieval.network, image[None], flip=True)
            return search(state, "photo", photo=Photo(file[0], image, predictions))

        self.act(step)
        self.upload.set_trait("value", type(value)())

    def render(self, state: State) -> tuple[Results, dict[str, str]]:
        """The results of `state` and everything that is shown, by the name of its text or tiles. No widget changes."""
        found = find(self.retrieval, state)
        start, first = state.page * PAGE_SIZE, state.query // THUMBNAILS * THUMBNAILS
        positions = found.order[start : start + PAGE_SIZE]
        shown = [self.result(state, found, position, start + i + 1) for i, position in enumerate(positions)]
        missed = [self.result(state, found, position) for position in found.missed[:PAGE_SIZE]]
        strip = [self.card("query", i) for i in range(first, min(first + THUMBNAILS, self.queries))]
        return found, {
            "header": cards.header(state, found, self.queries),
            "query": self.query_panel(state),
            "results": cards.cards(shown, "Results", state.show_attributes),
            "pages": cards.page_count(state.page, len(found.order)),
            "missed_title": cards.missed_title(len(found.missed)),
            "missed": cards.cards(missed, "Missed matches", state.show_attributes),
            "thumbnails": cards.thumbnails(strip, first, state.index if state.kind == "query" else None),
        }

    def query_panel(self, state: State) -> str:
        """What is searched for: an image with its attributes, or words."""
        if state.kind == "words":
            return f'<p class="qr-words">“{escape(state.words)}”</p>'
        if state.kind == "photo" and state.photo is not None:
            attributes = cards.predicted_attributes(state.photo.predictions, 0, {})
            card = Card(photos.data_uri(state.photo.image), state.photo.name, -1, attributes)
            return cards.person(card, "Your photo")
        title = f"Query {state.index + 1}" if state.kind == "query" else "Gallery image"
        return cards.person(self.card(state.kind, state.index), title)

    def result(self, state: State, found: Results, position: int, rank: int = 0) -> Card:
        """The card of a gallery image, with heat maps darkened where it adds little to the similarity."""
        score, verdict = float(found.scores[position]), int(found.verdicts[position])
        card = self.card("gallery", int(position))._replace(rank=rank, score=score, verdict=verdict)
        if state.show_heat:
            image = self.retrieval.gallery_images[position]
            maps, _ = match_map(self.retrieval.network, image[None], embedding(self.retrieval, state)[None])
            card = card._replace(picture=photos.data_uri(photos.with_heat(image, maps[0])))
        return card

    def card(self, kind: str, position: int) -> Card:
        """The card of an image of "query" or "gallery", without rank and score."""
        parts, is_query = self.retrieval, kind == "query"
        row = (parts.query_table if is_query else parts.gallery_table).iloc[position]
        predictions = parts.query if is_query else parts.gallery
        attributes = cards.predicted_attributes(predictions, position, row)
        return Card(self.picture(kind, position), str(row["file"]), int(row["camera"]), attributes)

    def _picture(self, kind: str, position: int) -> str:
        images = self.retrieval.query_images if kind == "query" else self.retrieval.gallery_images
        return photos.data_uri(images[position])

    def show(self, html: dict[str, str]) -> None:
        """Put a page on the screen, if there is a new one, and let the controls show the state."""
        state, wide = self.state, self.state.show_attributes
        counts = {"results": len(self.page()), "missed": len(self.results.missed), "thumbnails": self.queries}
        for name, text in html.items():
            if name in self.tiles:
                self.tiles[name].show(text, counts[name], wide)
            else:
                self.texts[name].value = text
        self.settling = True
        for name, control in self.inputs.items():
            control.value = getattr(state, name)
        self.inputs["reranking"].disabled = state.kind != "query"
        self.inputs["threshold"].disabled = state.length > 0
        self.back.disabled = state.page == 0
        self.forward.disabled = (state.page + 1) * PAGE_SIZE >= len(self.results.order)
        self.settling = False

    def _inputs(self) -> dict[str, Any]:
        """The controls by the name of what they change."""
        parts = self.retrieval
        cameras = sorted({int(camera) for camera in parts.gallery_table["camera"] if camera >= 0})
        classes = [(task, name) for task in TASKS if task in parts.gallery.probabilities for name in TASKS[task]]
        lengths = [
            ("all above the threshold", 0),
            *((f"the best {length}", length) for length in (10, 20, 50, 100, 200)),
        ]
        return {
            "words": self._input(widgets.Text, "words", "Words", "Search for attributes",
                placeholder="woman, red top, backpack", continuous_update=False),
            "length": self._input(widgets.Dropdown, "length", "Return", "Which gallery images are returned", options=lengths),
            "threshold": self._input(widgets.FloatSlider, "threshold", "Threshold", "The smallest score of a returned image",
                min=0, max=1, step=0.01),
            "reranking": self._input(widgets.Checkbox, "reranking", "Re-ranking",
                "Order by k-reciprocal re-ranking, with a threshold of its own", indent=False),
            "junk_filter": self._input(widgets.Checkbox, "junk_filter", "Junk filter",
                "Remove gallery images that show no person", indent=False, disabled=parts.keep is None),
            "show_attributes": self._input(widgets.Checkbox, "show_attributes", "Show attributes",
                "Write predicted attributes on results; ✗ marks errors", indent=False),
            "show_heat": self._input(widgets.Checkbox, "show_heat", "Show where they match",
                "Darken the places of a result that add little to the similarity", indent=False),
            "attribute": self._input(widgets.Dropdown, "attribute", "Attribute",
                "Return only images with this predicted attribute",
                options=[("any", ()), *((": ".join(pair), pair) for pair in classes)]),
            "camera": self._input(widgets.Dropdown, "camera", "Camera", "Return only images from this camera",
                options=[("any", -1), *((str(camera), camera) for camera in cameras)]),
        }  # fmt: skip

    def _input(self, kind: Any, name: str, description: str, tooltip: str, **options: Any) -> Any:
        """A control that changes `name` of the state."""
        control = _control(kind, description, tooltip, style={"description_width": "initial"}, **options)
        control.observe(lambda event: self.act(lambda state: changed(state, name, event["new"])), "value")
        return control

    def _button(self, description: str, tooltip: str, step: Step) -> Any:
        """A button that takes a step."""
        button = _control(widgets.Button, description, tooltip)
        button.on_click(lambda _: self.act(step))
        return button

    def _layout(self) -> widgets.VBox:
        inputs, texts, tiles, generator = self.inputs, self.texts, self.tiles, np.random.default_rng()

        def query(state: State, offset: int) -> State:
            return search(state, "query", (state.query + offset) % self.queries)

        def hardest(state: State) -> State:
            return next_hardest(state, self.hardest("reranked" if state.reranking else "similarity"))

        stacks = [
            [
                self._button("◀ Previous", "Search for the previous query", lambda state: query(state, -1)),
                self._button(
                    "Random", "Search for a random query", lambda s: query(s, int(generator.integers(self.queries)))
                ),
            ],
            [
                self._button("Next ▶", "Search for the next query", lambda state: query(state, 1)),
                self._button(
                    "Hardest", "Search for the query with the lowest average precision, then the next", hardest
                ),
            ],
            [inputs["words"], self.upload],
        ]
        left, middle, right = (_box(stack, "qr-stack", widgets.VBox) for stack in stacks)
        names = ("reranking", "junk_filter", "show_attributes", "show_heat", "attribute", "camera")
        options = _box([inputs[name] for name in names], "qr-row qr-options")
        options.layout.display = "none"
        more = _control(widgets.Button, "Options ▾", "Show or hide re-ranking, filters, attributes and heat maps")

        def toggle(_: Any) -> None:
            hidden = options.layout.display == "none"
            options.layout.display, more.description = ("flex", "Options ▴") if hidden else ("none", "Options ▾")

        more.on_click(toggle)
        pages = _box([self.back, texts["pages"], self.forward], "qr-row")
        found = [
            texts["message"],
            texts["header"],
            tiles["results"].box,
            pages,
            texts["missed_title"],
            tiles["missed"].box,
        ]
        rows = [
            widgets.HTML(cards.STYLE),
            _box([left, tiles["thumbnails"].box, middle, right], "qr-row"),
            _box([inputs["length"], inputs["threshold"], more], "qr-row qr-result-row"),
            options,
            _box([_box([texts["query"]], "qr-side"), _box(found, "qr-found", widgets.VBox)], "qr-main"),
        ]
        return _box(rows, "qr", widgets.VBox)


class Tiles:
    """Images that can be clicked: HTML under a grid of transparent buttons with the same columns.

    One message replaces all images, texts and alternative texts, while the buttons stay; Tab and Enter work.
    """

    def __init__(self, most: int, name: str, clicked: Callable[[int], None]):
        self.html, self.kind = widgets.HTML(), f"qr-{name.split()[0].lower()}"
        buttons = [
            _control(widgets.Button, f"{name} {i + 1}", f"Search for {name.lower()} {i + 1}") for i in range(most)
        ]
        for index, button in enumerate(buttons):
            button.on_click(lambda _, index=index: clicked(index))
        self.box = _box([self.html, _box(buttons, "qr-buttons")], f"qr-tiles {self.kind}")

    def show(self, html: str, shown: int, wide: bool) -> None:
        """Show `html`, in which the first `shown` images can be clicked; `wide` cards have room for attributes."""
        (self.box.add_class if wide else self.box.remove_class)("qr-wide")
        hidden = f".qr .{self.kind} .qr-buttons button:nth-child(n+{shown + 1}) {{ display: none }}"
        self.html.value = f"{html}<style>{hidden}</style>"


def _control(kind: Any, description: str, tooltip: str, **options: Any) -> Any:
    """A control with a tooltip, which ipywidgets 7 calls `description_tooltip` for all but buttons."""
    control = kind(description=description, **options)
    setattr(control, "tooltip" if control.has_trait("tooltip") else "description_tooltip", tooltip)
    return control


def _box(children: Sequence[widgets.Widget], kinds: str, kind: Any = widgets.Box) -> Any:
    """A box with the CSS classes `kinds`."""
    box = kind(list(children))
    for name in kinds.split():
        box.add_class(name)
    return box
