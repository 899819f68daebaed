"""Pictures with rank, verdict and attributes, as HTML.

A verdict is a frame in a colour of the palette of all figures, a style of its line and a mark, so that it is read without
colours; the text beside a picture says in words what the picture shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting.widget.finding import NOT_COUNTED, RIGHT, UNKNOWN, WRONG
from assignment_lib.reporting.widget.playground import Said, Shown

#: Verdict -> class of the frame, mark, words.
VERDICTS = {
    RIGHT: ("qr-right", "✓", "the same person"),
    WRONG: ("qr-wrong", "✗", "another person"),
    NOT_COUNTED: ("qr-out", "○", "not counted: junk, or the person from the query's own camera"),
    UNKNOWN: ("qr-plain", "", ""),
}
#: So many lines of attributes fit on a card.
_LINES = 8
#: Of these tasks a card says the class, of the others only what is worn or carried.
_ALWAYS = ("gender", "age", "upcolor", "downcolor")
_SUFFIX = {"upcolor": "top", "downcolor": "bottom", "hair": "hair", "up": "sleeves", "down": "trousers"}


def words(task: str, name: str) -> str:
    """A class in words, for example `red top`, `no hat`, `short sleeves`."""
    if TASKS[task] == ("no", "yes"):
        return task if name == "yes" else f"no {task}"
    return f"{name} {_SUFFIX[task]}" if task in _SUFFIX else name


def attributes(said: Said, everything: bool = False) -> str:
    """A list of predicted attributes with their confidence; where the truth is another one, a mark and the truth.

    With `everything` all of them, else what fits on a card, that which is wrong first.
    """
    items: list[str] = []
    wrong: list[str] = []
    for column, (task, names) in enumerate(TASKS.items()):
        best, sure, true = int(said.classes[column]), float(said.confidence[column]), int(said.true[column])
        if best < 0:
            continue
        differs = true >= 0 and true != best
        if not (everything or differs or task in _ALWAYS or names[best] == "yes"):
            continue
        text = f"{words(task, names[best])} <small>{sure:.0%}</small>"
        if differs:
            truth = words(task, names[true])
            text = f"<b>≠</b> <s>{text}</s> <em>{truth}</em>"
        elif everything and true >= 0:
            text = f"= {text}"
        (wrong if differs and not everything else items).append(
            f"<li{' class=qr-differs' if differs else ''}>{text}</li>"
        )
    lines = [2] * len(wrong) + [1] * len(items)  # what is struck out and what is true take two
    items = wrong + items
    fit = int(np.searchsorted(np.cumsum(lines), _LINES, side="right"))
    if not everything and fit < len(items):
        fit = int(np.searchsorted(np.cumsum(lines), _LINES - 1, side="right"))
        items[fit:] = [f"<li>… {len(items) - fit} more</li>"]
    return f'<ul class="qr-says">{"".join(items)}</ul>' if items else ""


def alternative(shown: Shown) -> str:
    """What a picture shows, in words."""
    parts = [f"Rank {shown.rank}" if shown.rank else "Picture", VERDICTS[shown.verdict][2]]
    if not math.isnan(shown.score):
        parts.append(f"similarity {shown.score:.2f}")
    said = zip(TASKS.items(), shown.said.classes.tolist(), strict=True)
    parts += [words(task, names[best]) for (task, names), best in said if best >= 0 and names[best] != "no"]
    if shown.rank and not shown.within:
        parts.append("not in the answer")
    return ", ".join(part for part in parts if part)


def card(shown: Shown) -> str:
    """One result: the picture, and beside it rank, mark, similarity, probability, file and attributes."""
    kind, mark, meaning = VERDICTS[shown.verdict]
    below = "" if shown.within else " qr-below"
    rank = f"<b>{shown.rank}</b> " if shown.rank else ""
    likely = "" if math.isnan(shown.same) else f' <span title="probability: same person">p {shown.same:.0%}</span>'
    camera = f" · cam {shown.camera}" if shown.camera >= 0 else ""
    return (
        f'<figure class="qr-card {kind}{below}"><img src="{shown.picture}" alt="{escape(alternative(shown))}">'
        f'<figcaption><span class="qr-mark" title="{escape(meaning)}">{mark}</span>{rank}{shown.score:.2f}{likely}'
        f'<span class="qr-file">{escape(shown.file)}{camera}</span>{attributes(shown.said)}</figcaption></figure>'
    )


def cards(shown: Sequence[Shown], label: str) -> str:
    """Results one after the other, under the name `label`; a sentence where there are none."""
    if not shown:
        return f'<p class="qr-none">{escape(label)}: none.</p>'
    return f'<div class="qr-cards" role="group" aria-label="{escape(label)}">{"".join(map(card, shown))}</div>'


def thumbnails(shown: Sequence[Shown], chosen: int | None) -> str:
    """Queries to choose from, small; the `chosen` one, by its place, is framed and says so."""
    made = []
    for one in shown:
        here = one.place == chosen
        alt = escape(f"Query {one.place + 1}{', chosen' if here else ''}: {alternative(one)}")
        kind = " qr-chosen" if here else ""
        made.append(f'<figure class="qr-thumb{kind}"><img src="{one.picture}" alt="{alt}">{one.place + 1}</figure>')
    return f'<div class="qr-cards" role="group" aria-label="Queries to choose from">{"".join(made)}</div>'
