"""The widget: controls, callbacks and layout. Only widgets and options that ipywidgets 7.7.1 and 8 share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from html import escape
from typing import Any, NamedTuple

import ipywidgets as widgets
import numpy as np

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import predict
from assignment_lib.models.explanations import match_map
from assignment_lib.reporting.widget import cards, photos
from assignment_lib.reporting.widget import state as states
from assignment_lib.reporting.widget.cards import Card
from assignment_lib.reporting.widget.state import PAGE_SIZE, Results, State, changed, search
from assignment_lib.retrieval.pipeline import Retrieval

THUMBNAILS = 10  # queries offered at a time
#: Setting -> text and tooltip of its checkbox.
SWITCHES = {
    "show_options": ("Options", "Show re-ranking, filters, attributes and heat maps"),
    "reranking": ("Re-ranking", "Order by k-reciprocal re-ranking, with a threshold of its own"),
    "junk_filter": ("Junk filter", "Remove gallery images that show no person"),
    "show_attributes": ("Show attributes", "Write predicted attributes on results; ✗ marks errors"),
    "show_heat": ("Show where they match", "Darken the places of a result that add little to the similarity"),
}
OPTIONS = ("reranking", "junk_filter", "show_attributes", "show_heat", "attribute", "camera")


def play(retrieval: Retrieval) -> widgets.VBox:
    """The widget: choose a query, a photo or words, and see which gallery images are returned, right, wrong and missed."""
    return View(retrieval).box


class Page(NamedTuple):
    """What is shown for one state."""

    results: int  # on all pages
    texts: dict[str, str]  # name of a text -> HTML
    tiles: dict[str, tuple[str, Sequence[int]]]  # name of tiles -> HTML and the position of each image


class View:
    """The widgets over one `Retrieval`, and its current state."""

    def __init__(self, retrieval: Retrieval):
        self.retrieval, self.queries = retrieval, len(retrieval.query_table)
        self.hardest = cache(partial(states.hardest_queries, retrieval))
        thresholds = {score: round(threshold, 2) for score, threshold in retrieval.thresholds.items()}
        self.state = State(thresholds | {"probability": 0.5}, junk_filter=retrieval.keep is not None)
        self.page = self.render(self.state)
        self.settling = False  # while the program sets controls
        self.message = widgets.HTML()
        self.texts = {name: widgets.HTML() for name in self.page.texts}
        self.tiles = {
            "results": Tiles(PAGE_SIZE, "Result", partial(self.act, search, "gallery")),
            "missed": Tiles(PAGE_SIZE, "Missed match", partial(self.act, search, "gallery")),
            "queries": Tiles(THUMBNAILS, "Thumbnail", partial(self.act, search, "query")),
        }
        self.inputs = self._inputs()
        self.upload = _control(widgets.FileUpload, "Upload a photo", "Search for a photo of a person", accept="image/*")
        self.upload.observe(lambda event: self.search_upload(event["new"]), "value")
        self.options = _box([self.inputs[name] for name in OPTIONS], "qr-row qr-options")
        self.back = self._button("◀ Previous page", "Show the previous results", self.turn, -1)
        self.forward = self._button("Next page ▶", "Show the next results", self.turn, 1)
        self.box = self._layout()
        self.show()

    def act(self, step: Callable[..., State], *arguments: Any) -> None:
        """Show `step(state, *arguments)`. After an error nothing changes, and a message says why."""
        if self.settling:
            return
        try:
            state = step(self.state, *arguments)
            self.state, self.page = state, self.render(state)
            self.message.value = ""
        except Exception as error:
            kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
            text = escape(f"{kind}{str(error).rstrip('.')}. Nothing was changed.")
            self.message.value = f'<p class="qr-message" role="alert">{text}</p>'
        self.show()

    def turn(self, state: State, offset: int) -> State:
        """The page of results at `offset` from the current one."""
        return changed(state, "page", min(max(state.page + offset, 0), max(0, self.page.results - 1) // PAGE_SIZE))

    def step(self, state: State, offset: int) -> State:
        """The query at `offset` from the last one; 0 draws a random one. After the last query comes the first."""
        offset = offset or int(np.random.default_rng().integers(1, max(2, self.queries)))
        return search(state, "query", (state.query + offset) % self.queries)

    def step_to_hardest(self, state: State) -> State:
        """The query with the lowest average precision in the current ranking, or after such a query the next one."""
        order = self.hardest("reranked" if state.reranking else "similarity").tolist()
        if not order:
            raise ValueError("No query has a true match in the gallery, so none is the hardest")
        place = order.index(state.query) + 1 if state.kind == "query" and state.query in order else 0
        return search(state, "query", order[place % len(order)])

    def search_upload(self, value: Any) -> None:
        """Search for the photo in a `FileUpload.value`, and empty that, so that the same file can be uploaded again."""
        if value:
            self.act(self.predict_photo, *photos.uploaded_file(value))
            self.upload.set_trait("value", type(value)())

    def predict_photo(self, state: State, name: str, content: bytes) -> State:
        """Search for an uploaded photo. Raises the errors of `read_photo`."""
        image = photos.read_photo(content, name, self.retrieval.network.image_size)
        predictions = predict(self.retrieval.network, image[None], flip=True)
        return search(state, "photo", photo=states.Photo(name, image, predictions))

    def render(self, state: State) -> Page:
        """Everything that is shown for `state`, without changing a widget."""
        found = states.find(self.retrieval, state)
        count, start, first = len(found.order), state.page * PAGE_SIZE, state.query // THUMBNAILS * THUMBNAILS
        page, missed = found.order[start : start + PAGE_SIZE].tolist(), found.missed[:PAGE_SIZE].tolist()
        queries = range(first, min(first + THUMBNAILS, self.queries))
        strip = [self.card("query", i)._replace(rank=i + 1) for i in queries]
        if state.kind == "query":
            strip[state.query - first] = strip[state.query - first]._replace(verdict=states.CURRENT)
        shown = [self.result(state, found, position, start + i + 1) for i, position in enumerate(page)]
        lost = [self.result(state, found, position) for position in missed]
        some = f", the first {PAGE_SIZE} shown" if len(found.missed) > PAGE_SIZE else ""
        texts = {
            "header": cards.header(state, found, self.queries),
            "query": self.query_panel(state),
            "pages": f"{start + 1:,}–{start + len(page):,} of {count:,}" if count else "0 results",
            "missed": f'<h4 class="qr-heading">Missed matches: {len(found.missed):,}{some}</h4>' if missed else "",
        }
        return Page(count, texts, {
            "results": (cards.cards(shown, "Results", state.show_attributes), page),
            "missed": (cards.cards(lost, "Missed matches", state.show_attributes), missed),
            "queries": (cards.cards(strip, "Queries", False), queries),
        })  # fmt: skip

    def query_panel(self, state: State) -> str:
        """What is searched for: an image with its attributes, or words."""
        if state.kind == "words":
            return f'<p class="qr-words">{cards.title(state)}</p>'
        if state.kind == "photo" and state.photo is not None:
            attributes = cards.predicted_attributes(state.photo.predictions, 0, {})
            card = Card(photos.data_uri(state.photo.image), state.photo.name, -1, attributes)
        else:
            card = self.card(state.kind, state.index)
        return cards.person(card, cards.title(state))

    def result(self, state: State, found: Results, position: int, rank: int = 0) -> Card:
        """The card of a gallery image, with heat maps darkened where it adds little to the similarity."""
        score, verdict = float(found.scores[position]), int(found.verdicts[position])
        card = self.card("gallery", position)._replace(rank=rank, score=score, verdict=verdict)
        if state.show_heat:
            image = self.retrieval.gallery_images[position]
            maps, _ = match_map(self.retrieval.network, image[None], states.embedding(self.retrieval, state)[None])
            card = card._replace(picture=photos.data_uri(photos.with_heat(image, maps[0])))
        return card

    def card(self, kind: str, position: int) -> Card:
        """The card of an image of "query" or "gallery", without rank and score."""
        parts = self.retrieval
        table, images, predictions = parts.gallery_table, parts.gallery_images, parts.gallery
        if kind == "query":
            table, images, predictions = parts.query_table, parts.query_images, parts.query
        row = table.iloc[position]
        attributes = cards.predicted_attributes(predictions, position, row)
        return Card(photos.data_uri(images[position]), str(row["file"]), int(row["camera"]), attributes)

    def show(self) -> None:
        """Put the page on the screen and let the controls show the state."""
        state = self.state
        for name, (html, positions) in self.page.tiles.items():
            self.tiles[name].show(html, positions, state.show_attributes)
        for name, text in self.page.texts.items():  # last, because screen readers read the header out
            self.texts[name].value = text
        self.settling = True
        for name, control in self.inputs.items():
            control.value = getattr(state, name)
        self.inputs["reranking"].disabled = state.kind != "query"
        self.inputs["threshold"].disabled = state.length > 0
        self.options.layout.display = "flex" if state.show_options else "none"
        self.back.disabled = state.page == 0
        self.forward.disabled = (state.page + 1) * PAGE_SIZE >= self.page.results
        self.settling = False

    def _inputs(self) -> dict[str, Any]:
        """The controls, by the name of what they change."""
        parts = self.retrieval
        cameras = sorted({int(camera) for camera in parts.gallery_table["camera"] if camera >= 0})
        classes = [(task, name) for task in TASKS if task in parts.gallery.probabilities for name in TASKS[task]]
        lengths = [("above the threshold", 0), *((f"best {length}", length) for length in (10, 20, 50, 100, 200))]
        made = {
            "words": _control(widgets.Text, "Words", "Search for attributes",
                placeholder="woman, red top, backpack", continuous_update=False),
            "length": _control(widgets.Dropdown, "Return", "Which gallery images are returned", options=lengths),
            "threshold": _control(widgets.FloatSlider, "Threshold", "The smallest score of a returned image",
                min=0, max=1, step=0.01),
            "attribute": _control(widgets.Dropdown, "Attribute", "Return only images with this predicted attribute",
                options=[("any", ()), *((": ".join(pair), pair) for pair in classes)]),
            "camera": _control(widgets.Dropdown, "Camera", "Return only images from this camera",
                options=[("any", -1), *((str(camera), camera) for camera in cameras)]),
        }  # fmt: skip
        for name, (text, tooltip) in SWITCHES.items():
            made[name] = _control(widgets.Checkbox, text, tooltip, indent=False)
        made["junk_filter"].disabled = parts.keep is None
        for name, control in made.items():
            control.style.description_width = "initial"
            control.observe(lambda event, name=name: self.act(changed, name, event["new"]), "value")
        return made

    def _button(self, description: str, tooltip: str, step: Callable[..., State], *arguments: Any) -> Any:
        """A button that takes a step."""
        button = _control(widgets.Button, description, tooltip)
        button.on_click(lambda _: self.act(step, *arguments))
        return button

    def _layout(self) -> widgets.VBox:
        inputs, texts, tiles = self.inputs, self.texts, self.tiles
        buttons = [
            self._button("◀ Previous", "Search for the previous query", self.step, -1),
            self._button("Random", "Search for a random query", self.step, 0),
            self._button("Next ▶", "Search for the next query", self.step, 1),
            self._button("Hardest", "Search for the query with the lowest average precision", self.step_to_hardest),
        ]
        stacks = buttons[:2], buttons[2:], [inputs["words"], self.upload]
        left, middle, right = (_box(stack, "qr-stack", widgets.VBox) for stack in stacks)
        pages = _box([self.back, texts["pages"], self.forward], "qr-row")
        found = [self.message, texts["header"], tiles["results"].box, pages, texts["missed"], tiles["missed"].box]
        rows = [
            widgets.HTML(cards.STYLE),
            _box([left, tiles["queries"].box, middle, right], "qr-row"),
            _box([inputs["length"], inputs["threshold"], inputs["show_options"]], "qr-row qr-result-row"),
            self.options,
            _box([_box([texts["query"]], "qr-side"), _box(found, "qr-found", widgets.VBox)], "qr-main"),
        ]
        return _box(rows, "qr", widgets.VBox)


class Tiles:
    """Images that can be clicked: HTML under a grid of transparent buttons with the same columns.

    One message replaces all images, texts and alternative texts, while the buttons stay; Tab and Enter work.
    """

    def __init__(self, most: int, name: str, clicked: Callable[[int], None]):
        self.html, self.kind, self.positions = widgets.HTML(), f"qr-{name.split()[0].lower()}", list[int]()
        self.clicked = clicked
        numbers = range(1, most + 1)
        buttons = [_control(widgets.Button, f"{name} {i}", f"Search for {name.lower()} {i}") for i in numbers]
        for index, button in enumerate(buttons):
            button.on_click(lambda _, index=index: self.click(index))
        self.box = _box([self.html, _box(buttons, "qr-buttons")], f"qr-tiles {self.kind}")

    def click(self, index: int) -> None:
        """Report the position of the image at `index`, if there is one."""
        if index < len(self.positions):
            self.clicked(self.positions[index])

    def show(self, html: str, positions: Sequence[int], wide: bool) -> None:
        """Show `html` with images at `positions`; `wide` cards have room for attributes."""
        self.positions = list(positions)
        (self.box.add_class if wide else self.box.remove_class)("qr-wide")
        hidden = f".qr .{self.kind} .qr-buttons button:nth-child(n+{len(positions) + 1}) {{ display: none }}"
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
