"""The query's own panel, the figures of an answer, and two pictures beside each other, as HTML."""

from __future__ import annotations

import math
from html import escape

import pandas as pd

from assignment_lib.reporting.widget.cards import VERDICTS, alternative, attributes
from assignment_lib.reporting.widget.counts import Counts
from assignment_lib.reporting.widget.curve import precision_recall
from assignment_lib.reporting.widget.playground import Page, Shown


def asked(page: Page, words: str) -> str:
    """Who is searched for: the picture with all its attributes, or the description."""
    if page.asked is None:
        return f'<div class="qr-asked"><p class="qr-words">“{escape(words)}”</p></div>'
    shown = page.asked
    camera = f" · camera {shown.camera}" if shown.camera >= 0 else ""
    return (
        f'<div class="qr-asked"><img src="{shown.picture}" alt="{escape("Asked for: " + alternative(shown))}">'
        f'<div><span class="qr-file">{escape(shown.file)}{camera}</span>{attributes(shown.said, everything=True)}</div></div>'
    )


def figures(page: Page, everyone: pd.DataFrame | None, threshold: float | None) -> str:
    """Precision, recall and F1 of this query and of all queries at `threshold` (None: an answer that is handed in), and both
    curves. `everyone` is the frame of `overall.all_queries`."""
    of = page.counts
    if not of.known:
        return '<p class="qr-none">Nobody knows who is in these images, so right and wrong are not told.</p>'
    rows = [_row("this query", (of.precision, of.recall, of.f1), f"{of.right} ✓ {of.wrong} ✗ of {of.matches}")]
    there = None
    if everyone is not None and threshold is not None:
        at = everyone.iloc[int((everyone["threshold"] - threshold).abs().argmin())]
        there = float(at["recall"]), float(at["precision"])
        rows.append(_row("all queries", (at["precision"], at["recall"], at["f1"]), f"{at['set_size']:.1f} images"))
    line = None if everyone is None else everyone[everyone["set_size"] > 0]  # of nothing there is no precision
    here = None if math.isnan(of.recall) else (of.recall, of.precision)
    return (
        '<table class="qr-figures"><tr><th></th><th>precision</th><th>recall</th><th>F1</th></tr>'
        f"{''.join(rows)}</table>{precision_recall(page.curve, line, here, there)}"
        f'<p class="qr-key">{_key(of)}</p>'
    )


def _row(name: str, values: tuple[float, float, float], more: str) -> str:
    cells = "".join(f"<td>{'–' if math.isnan(value) else f'{value:.2f}'}</td>" for value in values)
    return f"<tr><th>{name}<br><small>{more}</small></th>{cells}</tr>"


def _key(of: Counts) -> str:
    marks = "; ".join(f"{mark} {meaning}" for _, mark, meaning in VERDICTS.values() if mark)
    return f"{marks}; gray: not in the answer. Full line and ● this query, dashed and ◆ all queries."


def beside(left: tuple[Shown, str, str], right: tuple[Shown, str, str], note: str) -> str:
    """Two pictures, each given as what is shown, its src and a title; `note` says what is painted over them."""
    made = []
    for shown, source, title in (left, right):
        alt = escape(f"{title}: {alternative(shown)}")
        made.append(
            f'<figure class="qr-large"><img src="{source}" alt="{alt}"><figcaption><b>{escape(title)}</b>'
            f"{attributes(shown.said, everything=True)}</figcaption></figure>"
        )
    return (
        f'<div class="qr-beside" role="group" aria-label="Query and result">{"".join(made)}<p>{escape(note)}</p></div>'
    )
