"""Everything that is set by hand. Only widgets that ipywidgets 7.7.1 and 8 share."""

from __future__ import annotations

from typing import NamedTuple

import ipywidgets as widgets

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting.widget.playground import Playground

SEARCHES, COMPARES = "searches by it", "compares it with the query"
MATCH = "the match"
#: No filter. A word, since a Dropdown shows nothing where None is chosen.
ANY = "any"
#: As wide as the words.
_CLOSE = {"description_width": "initial"}


class Controls(NamedTuple):
    """The widgets, by what they set."""

    previous: widgets.Button
    next: widgets.Button
    random: widgets.Button
    hardest: widgets.Button
    query: widgets.IntSlider
    words: widgets.Text
    upload: widgets.FileUpload
    threshold: widgets.FloatSlider
    answer: widgets.Dropdown
    network: widgets.Dropdown
    mirror: widgets.Checkbox
    whitening: widgets.Checkbox
    reranking: widgets.Checkbox
    junk_filter: widgets.Checkbox
    attribute: widgets.Dropdown
    camera: widgets.Dropdown
    click: widgets.Dropdown
    heat: widgets.Dropdown
    back: widgets.Button
    on: widgets.Button


def controls(game: Playground) -> Controls:
    """All of them, standing as `game.state` does."""
    state = game.state
    cameras = [(ANY, ANY), *((str(camera), camera) for camera in game.sides.cameras)]
    classes = [(ANY, ANY), *((f"{task}: {name}", (task, name)) for task in TASKS for name in TASKS[task])]
    return Controls(
        previous=_button("◀ Previous", "The query before"),
        next=_button("Next ▶", "The next query"),
        random=_button("Random", "Any other query"),
        hardest=_button("Hardest", "The query with the lowest average precision, then the next"),
        query=widgets.IntSlider(
            value=1,
            min=1,
            max=len(game.sides.query),
            description="Query",
            continuous_update=False,
            layout=_wide("260px"),
            style=_CLOSE,
        ),
        words=widgets.Text(
            placeholder="woman, red top, backpack",
            description="Words",
            continuous_update=False,
            layout=_wide("260px"),
            style=_CLOSE,
        ),
        upload=widgets.FileUpload(accept="image/*", multiple=False, description="Your picture", layout=_wide("150px")),
        threshold=widgets.FloatSlider(
            value=state.threshold,
            min=0,
            max=1,
            step=0.01,
            description="Threshold",
            layout=_wide("300px"),
            style=_CLOSE,
        ),
        answer=_dropdown(
            "Answer", ["threshold", *dict.fromkeys(n for look in game.looks.values() for n in look.answers)]
        ),
        network=_dropdown("Network", list(game.looks)),
        mirror=_checkbox("Mirror images", state.mirror),
        whitening=_checkbox("Whitening", state.whitening),
        reranking=_checkbox("Re-ranking", state.reranking),
        junk_filter=_checkbox("Junk filter", state.junk_filter),
        attribute=_dropdown("Only", classes),
        camera=_dropdown("Camera", cameras),
        click=_dropdown("A click", [SEARCHES, COMPARES]),
        heat=_dropdown("Heat of", [MATCH, *TASKS]),
        back=_button("◀ Page", "The results before"),
        on=_button("Page ▶", "More results"),
    )


def adjust(of: Controls, game: Playground) -> None:
    """Let the controls say what `game.state` is, and offer only what its network has."""
    state, look = game.state, game.look
    of.query.value = state.query + 1
    of.threshold.disabled = state.answer != "threshold" and state.kind == "query"
    of.answer.disabled = state.kind != "query" or not look.answers
    of.mirror.disabled = len(look.views) < 2
    of.junk_filter.disabled = look.keep is None
    of.back.disabled = state.page == 0
    if state.kind != "words":
        of.words.value = ""


def rows(of: Controls, thumbnails: widgets.Box) -> list[widgets.Widget]:
    """The controls as they stand on the page; what offers no choice is left out."""
    switches = [of.mirror, of.whitening, of.reranking, of.junk_filter]
    networks = [of.network] if len(of.network.options) > 1 else []
    return [
        _row([of.previous, of.next, of.random, of.hardest, of.query, of.words, of.upload]),
        thumbnails,
        _row([of.threshold, of.answer, *networks, *switches]),
        _row([of.attribute, of.camera, of.click, of.heat]),
    ]


def _row(children: list[widgets.Widget]) -> widgets.Box:
    row = widgets.Box(children)
    row.add_class("qr-row")
    return row


def _wide(width: str) -> widgets.Layout:
    return widgets.Layout(width=width)


def _button(text: str, tooltip: str) -> widgets.Button:
    return widgets.Button(description=text, tooltip=tooltip, layout=_wide("95px"))


def _checkbox(text: str, value: bool) -> widgets.Checkbox:
    return widgets.Checkbox(value=value, description=text, indent=False, layout=_wide("auto"))


def _dropdown(text: str, options: list) -> widgets.Dropdown:
    return widgets.Dropdown(options=options, description=text, layout=_wide("auto"), style=_CLOSE)
