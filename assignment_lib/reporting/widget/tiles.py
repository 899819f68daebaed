"""Pictures that can be clicked: an HTML text under a grid of transparent buttons, both with the same columns.

Compared for the grid, 20 results a page: (1) anywidget: a click is a few lines of JavaScript of one's own, and nothing shows
where it is not installed, as on Colab; (2) an Image, an HTML and a Button of ipywidgets a result: 60 messages a click, and alt
texts are not to be had; (3) this: one message a click with pictures, texts and alt texts, while the buttons stay as they are.
It is real buttons, so that Tab and Enter work, and the same code under ipywidgets 7.7.1 and 8. The three were compared by what
they need, not by time; `benchmarks/widget.py` measures the third.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import NamedTuple

import ipywidgets as widgets

_numbers = count()


class Tiles(NamedTuple):
    """`box` is shown; `show(html, shown)` puts other pictures in, the first `shown` of which can be clicked."""

    box: widgets.Box
    show: Callable[[str, int], None]


def tiles(most: int, name: str, clicked: Callable[[int], None], big: bool) -> Tiles:
    """A grid of at most `most` pictures; `clicked` gets the position of one.

    `name` is what a screen reader says of each button, followed by its number. `big` are cards, others are thumbnails; `style`
    has their sizes.
    """
    text = widgets.HTML()
    buttons = [widgets.Button(description=f"{name} {i + 1}", tooltip=f"{name} {i + 1}") for i in range(most)]
    for place, button in enumerate(buttons):
        button.on_click(lambda _, place=place: clicked(place))
    layer = widgets.Box(buttons)
    layer.add_class("qr-buttons")
    box = widgets.Box([text, layer])
    own = f"qr-{next(_numbers)}"
    for kind in ("qr-tiles", "qr-big" if big else "qr-small", own):
        box.add_class(kind)

    def show(html: str, shown: int) -> None:
        # one message says both; buttons of their own would each send one
        text.value = f"{html}<style>.{own} .qr-buttons button:nth-child(n+{shown + 1}) {{ display: none }}</style>"

    return Tiles(box, show)
