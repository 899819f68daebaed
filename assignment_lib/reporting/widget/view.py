"""All of it together: widgets over a `Playground`. What is clicked makes a new state, and what changed is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from assignment_lib.reporting.widget import asking, cards, controls, panel, pictures
from assignment_lib.reporting.widget.asking import PAGE, State
from assignment_lib.reporting.widget.controls import ANY, COMPARES, MATCH
from assignment_lib.reporting.widget.looks import Look
from assignment_lib.reporting.widget.playground import Page, Playground
from assignment_lib.reporting.widget.sides import Sides
from assignment_lib.reporting.widget.style import STYLE
from assignment_lib.reporting.widget.tiles import tiles
from assignment_lib.reporting.widget.upload import read_picture, uploaded

#: Queries that are offered at a time.
THUMBNAILS = 16
#: Settings that a control's value is, as it is.
_SETTINGS = ("threshold", "answer", "network", "mirror", "whitening", "reranking", "junk_filter", "attribute", "camera")


def play(sides: Sides, looks: Look | Mapping[str, Look]) -> widgets.VBox:
    """The widget of notebook 05: search by queries, results, pictures of one's own and words, and see what is right.

    `looks` is what a network says (`look`), or several by name, to be chosen from.
    """
    game = Playground(sides, {"network": looks} if isinstance(looks, Look) else looks)
    of = controls.controls(game)
    rng = np.random.default_rng()
    sentence, asked, figures, beside = (widgets.HTML() for _ in range(4))
    missed_title, page_title = widgets.HTML(), widgets.HTML()
    seen: list[Page] = []
    settling = [False]

    def act(step: Callable[[State], State], first_of_all: Callable[[], None] | None = None) -> None:
        """Take a step, show what follows; a sentence where it cannot be taken, and everything stays as it was."""
        before = game.state
        try:
            if first_of_all:
                first_of_all()
            game.state = step(game.state)
            show(game.page())
        except ValueError as error:
            game.state = before
            sentence.value = f'<p class="qr-sentence qr-trouble" role="alert">{escape(str(error))}</p>'

    def show(page: Page) -> None:
        state = game.state
        seen[:] = [page]
        results.show(cards.cards(page.results, "Results"), len(page.results))
        lost.show(cards.cards(page.missed, "Matches that the answer lacks") if page.missed else "", len(page.missed))
        more = f", {len(page.missed)} shown" if page.missed_in_all > len(page.missed) else ""
        missed_title.value = f"<h4>Missed matches: {page.missed_in_all}{more}</h4>" if page.counts.known else ""
        page_title.value = f"page {state.page + 1} of {page.pages}"
        asked.value = panel.asked(page, state.words)
        first = state.query // THUMBNAILS * THUMBNAILS
        offered = [game.shown("query", i) for i in range(first, min(first + THUMBNAILS, len(sides.query)))]
        chosen = state.index if state.kind == "query" else None
        thumbnails.show(cards.thumbnails(offered, chosen), len(offered))
        compare(page)
        settling[0] = True
        controls.adjust(of, game)
        of.on.disabled = state.page + 1 >= page.pages
        settling[0] = False
        # it is read out, so what it speaks of is there before it
        sentence.value = f'<p class="qr-sentence" role="status">{escape(page.sentence)}</p>'
        # last: pictures do not wait for the figures of all queries, which other switches move
        by_level = state.answer == "threshold" or state.kind != "query"
        level = state.threshold if by_level else None
        figures.value = panel.figures(page, game.overall() if state.kind == "query" else None, level)

    def compare(page: Page) -> None:
        place = game.state.compared
        if place is None or page.asked is None:
            beside.value = ""
            return
        left, right = page.asked, game.shown("gallery", place)
        images = game.image(game.state.kind, left.place), game.image("gallery", place)
        look, note = game.look, "This network paints no heat."
        if of.heat.value == MATCH and look.heat is not None:
            images = tuple(map(pictures.with_heat, images, look.heat(*map(look.fitting, images))))  # type: ignore[assignment]
            note = "Bright: the places that speak for the match (of the pictures as they are, before whitening)."
        elif of.heat.value != MATCH and look.attribute_heat is not None:
            maps = [look.attribute_heat(look.fitting(image), of.heat.value) for image in images]
            images = tuple(map(pictures.with_heat, images, maps))  # type: ignore[assignment]
            note = f"Bright: the places that speak for what is said of {of.heat.value}."
        sources = [pictures.data_uri(image) for image in images]
        beside.value = panel.beside((left, sources[0], "Query"), (right, sources[1], "Result"), note)

    def clicked(shown: list[Any], position: int) -> None:
        if position < len(shown):
            place = shown[position].place
            if of.click.value == COMPARES:
                act(lambda state: asking.with_setting(state, compared=place))
            else:
                act(lambda state: asking.with_gallery(state, place))

    def picked(position: int) -> None:
        first = game.state.query // THUMBNAILS * THUMBNAILS
        act(lambda state: asking.with_query(state, min(first + position, len(sides.query) - 1)))

    results = tiles(PAGE, "Result", lambda i: clicked(seen[0].results, i), big=True)
    lost = tiles(PAGE, "Missed match", lambda i: clicked(seen[0].missed, i), big=True)
    thumbnails = tiles(THUMBNAILS, "Query", picked, big=False)

    def upload(change: dict) -> None:
        file = uploaded(change["new"])
        if file is not None:
            name, content = file
            size = tuple(sides.gallery.images.shape[2:])
            act(asking.with_upload, lambda: game.take_upload(name, read_picture(content, name, size)))  # type: ignore[arg-type]

    def hand(control: widgets.Widget, step: Callable[[State, Any], State]) -> None:
        def moved(change: dict) -> None:
            if not settling[0]:
                act(lambda state: step(state, change["new"]))

        control.observe(moved, "value")

    def setter(name: str) -> Callable[[State, Any], State]:
        return lambda state, value: asking.with_setting(state, **{name: None if value == ANY else value})

    count = len(sides.query)
    of.previous.on_click(lambda _: act(lambda state: asking.stepped(state, count, -1)))
    of.next.on_click(lambda _: act(lambda state: asking.stepped(state, count, 1)))
    of.random.on_click(lambda _: act(lambda state: asking.at_random(state, count, rng)))
    of.hardest.on_click(lambda _: act(lambda state: asking.harder(state, game.hardest())))
    of.back.on_click(lambda _: act(lambda state: asking.turned(state, game.images(), -1)))
    of.on.on_click(lambda _: act(lambda state: asking.turned(state, game.images(), 1)))
    hand(of.query, lambda state, value: asking.with_query(state, value - 1))
    hand(of.words, lambda state, text: asking.with_words(state, text) if text.strip() else state)
    hand(of.heat, lambda state, _: state)
    for name in _SETTINGS:
        hand(getattr(of, name), setter(name))
    of.upload.observe(upload, "value")

    turning = widgets.Box([of.back, page_title, of.on])
    side = widgets.VBox([asked, figures])
    found = widgets.VBox([sentence, beside, results.box, turning, missed_title, lost.box])
    main = widgets.Box([side, found])
    lost.box.add_class("qr-lost")
    for box, kind in ((turning, "qr-row"), (side, "qr-side"), (found, "qr-found"), (main, "qr-main")):
        box.add_class(kind)
    whole = widgets.VBox([widgets.HTML(STYLE), *controls.rows(of, thumbnails.box), main])
    whole.add_class("qr")
    whole.add_class("query-retrieval")
    show(game.page())
    return whole
