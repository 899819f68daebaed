"""Results, queries, attributes and counts as HTML. A mark is a symbol, a word for screen readers, a colour and a line style."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.evaluation.protocol import precision_recall_f1
from assignment_lib.reporting.widget.state import CURRENT, EXCLUDED, MATCH, UNKNOWN, WRONG, Results, State

STYLE = f"<style>{Path(__file__).with_name('style.css').read_text(encoding='utf-8')}</style>"
#: Verdict -> CSS class, symbol, words, tooltip of its count.
MARKS = {
    UNKNOWN: ("qr-unknown", "", "", ""),
    CURRENT: ("qr-current", "", "", ""),
    MATCH: ("qr-match", "✓", "correct", "Returned images that show what is searched for"),
    WRONG: ("qr-wrong", "✗", "wrong", "Returned images that show something else"),
    EXCLUDED: ("qr-excluded", "○", "not scored", "The query itself, junk, and the same person in the same camera"),
}
#: Score -> its name in sentences.
SCORES = {"similarity": "cosine similarity", "reranked": "re-ranked score", "probability": "probability"}
_LABELS = {
    "age": "Age", "backpack": "Backpack", "bag": "Bag", "handbag": "Handbag", "clothes": "Lower body", "down": "Lower length",
    "up": "Sleeves", "hair": "Hair", "hat": "Hat", "gender": "Gender", "upcolor": "Upper colour", "downcolor": "Lower colour",
}  # fmt: skip
_PHRASES = {"upcolor": "{} top", "downcolor": "{} bottom", "hair": "{} hair", "up": "{} sleeves", "down": "{} bottom"}


class Prediction(NamedTuple):
    """A predicted attribute of an image."""

    task: str
    name: str  # predicted class
    confidence: float
    true: str  # true class, "" where unknown

    @property
    def phrase(self) -> str:
        """The attribute in words, for example "red top" or "backpack"; "" for a thing that is not there."""
        if self.name in ("no", "yes"):
            return self.task if self.name == "yes" else ""
        return _PHRASES.get(self.task, "{}").format(self.name)

    def html(self, text: str) -> str:
        """`text` with the confidence, and a mark where another class is true."""
        error = '<span class="qr-error" role="img" aria-label="wrong:">✗</span> '
        return f"{error if self.true not in ('', self.name) else ''}{text} <small>{self.confidence:.0%}</small>"


class Card(NamedTuple):
    """One image with what is written under it."""

    picture: str  # src of an <img>
    file: str
    camera: int  # -1 where unknown
    predictions: list[Prediction]
    rank: int = 0  # from 1; 0 for a card without a rank
    score: float = math.nan
    verdict: int = UNKNOWN

    @property
    def alt(self) -> str:
        """File, camera and predicted attributes, as alternative text."""
        camera = [f"camera {self.camera}"] if self.camera >= 0 else []
        phrases = (prediction.phrase for prediction in self.predictions)
        return escape(", ".join([self.file, *camera, *filter(None, phrases)]))


def predicted_attributes(predictions: Predictions, position: int, targets: Mapping[str, int]) -> list[Prediction]:
    """The most probable class of each task for the image at `position`, next to its `targets` (-1 where unknown)."""
    made = []
    for task, probabilities in predictions.probabilities.items():
        confidence, best = probabilities[position].max(0)
        target = int(targets.get(task, -1))
        true = TASKS[task][target] if target >= 0 else ""
        made.append(Prediction(task, TASKS[task][int(best)], float(confidence), true))
    return made


def cards(shown: Sequence[Card], label: str, with_attributes: bool) -> str:
    """A group of cards called `label`. Attributes on cards are gender, age, colours, and what a person wears or carries."""
    items = []
    for card in shown:
        rank = f"<b>{card.rank}</b>" if card.rank else ""
        score = "" if math.isnan(card.score) else f"<span>{card.score:.2f}</span>"
        lines = "".join(
            f"<li>{prediction.html(prediction.phrase)}</li>"
            for prediction in (card.predictions if with_attributes else [])
            if prediction.task in ("gender", "age", "upcolor", "downcolor") or prediction.name == "yes"
        )
        items.append(
            f'<figure class="qr-card {MARKS[card.verdict][0]}"><img src="{card.picture}" alt="{card.alt}">'
            f"<figcaption>{rank}{score}{mark(card.verdict)}</figcaption><ul>{lines}</ul></figure>"
        )
    return f'<div class="qr-cards" role="group" aria-label="{label}">{"".join(items)}</div>'


def mark(verdict: int) -> str:
    """The symbol of a verdict, with its words for screen readers."""
    kind, symbol, words, _ = MARKS[verdict]
    return f'<span class="qr-mark {kind}" role="img" aria-label="{words}">{symbol}</span>' if symbol else ""


def person(card: Card, title: str) -> str:
    """One image in large; under it predicted and, where known, true attributes as aligned columns."""
    lines = [f"<strong>{title}</strong>", escape(card.file), *([f"Camera {card.camera}"] if card.camera >= 0 else [])]
    known = any(prediction.true for prediction in card.predictions)
    rows = [
        f'<tr><th scope="row">{_LABELS[prediction.task]}</th><td>{prediction.html(prediction.name)}</td>'
        f"{f'<td>{prediction.true}</td>' if known else ''}</tr>"
        for prediction in card.predictions
    ]
    head = f"<tr><th></th><th>Predicted</th>{'<th>True</th>' if known else ''}</tr>"
    table = f'<table class="qr-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>' if rows else ""
    return (
        f'<div class="qr-person"><div class="qr-portrait"><img src="{card.picture}" alt="{card.alt}">'
        f"<p>{'<br>'.join(lines)}</p></div>{table}</div>"
    )


def title(state: State) -> str:
    """What is searched for."""
    names = {"query": f"Query {state.index + 1}", "gallery": "Gallery image", "photo": "Your photo"}
    return names.get(state.kind) or f"“{escape(state.words)}”"


def header(state: State, results: Results, queries: int) -> str:
    """A sentence with the number of results; the count of each mark; precision, recall and F1."""
    name = title(state) + (f" of {queries:,}" if state.kind == "query" else "")
    count, gallery, score = len(results.order), len(results.scores), SCORES[state.score]
    if state.length:
        sentence = f"the {count:,} of {gallery:,} gallery images with the highest {score}."
    else:
        sentence = f"{count:,} of {gallery:,} gallery images have a {score} of at least {state.threshold:.2f}."
        sentence += "" if count else " Lower the threshold, or return a list."
    sentence = f'<p class="qr-sentence" role="status"><strong>{name}:</strong> {sentence}</p>'
    if not np.isin(results.verdicts, (MATCH, WRONG)).any():
        return f"{sentence}<p>It is unknown which results are correct, so they carry no marks.</p>"
    counts = [
        f'<span title="{MARKS[verdict][3]}">{mark(verdict)} {results.count(verdict):,} {MARKS[verdict][2]}</span>'
        for verdict in (MATCH, WRONG, EXCLUDED)
    ]
    right, wrong, missed = results.count(MATCH), results.count(WRONG), len(results.missed)
    counts.append(f'<span title="Matches that are not returned">{missed:,} missed</span>')
    if right + missed:
        precision, recall, f1 = precision_recall_f1(right, right + wrong, right + missed)
        counts.append(f"<span>Precision {precision:.2f} · Recall {recall:.2f} · F1 {f1:.2f}</span>")
    return f'{sentence}<p class="qr-counts">{"".join(counts)}</p>'
