"""Images by a description in words: "female, backpack, red top" -> the images with the most probable attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.attributes import TASKS

_CLASSES = {
    ("gender", "male"): ("male", "man", "boy"),
    ("gender", "female"): ("female", "woman", "girl"),
    **{("age", age): (age,) for age in TASKS["age"]},
    **{(thing, "yes"): (thing,) for thing in ("backpack", "bag", "handbag", "hat")},
    ("clothes", "dress"): ("dress", "skirt"),
    ("clothes", "pants"): ("pants", "trousers", "jeans"),
    **{("hair", length): (f"{length} hair",) for length in TASKS["hair"]},
    **{("up", length): (f"{length} sleeves",) for length in TASKS["up"]},
    **{("down", length): (f"{length} trousers",) for length in TASKS["down"]},
}
#: Words that people type -> task and class.
WORDS = {word: target for target, words in _CLASSES.items() for word in words} | {
    "child": ("age", "young"),
    "cap": ("hat", "yes"),
    "rucksack": ("backpack", "yes"),
    "shorts": ("down", "short"),
}
_TOPS = ("top", "shirt", "t-shirt", "jacket", "coat", "sweater", "upper body")
_BOTTOMS = ("bottom", "trousers", "pants", "jeans", "skirt", "dress", "shorts", "lower body")
_DEPTH = 10  # images of a ranking whose precision is computed
_EXAMPLE = "Try for example: female, adult, backpack, no hat, long hair, short sleeves, red top, blue trousers"


class Condition(NamedTuple):
    """An attribute that images must have: the class of a task."""

    task: str
    name: str


def parse(text: str) -> list[Condition]:
    """Parse a description: "female, backpack, no hat, red top", or "a woman with a backpack and blue trousers".

    A colour needs a word for upper-body or lower-body clothing; "no" or "without" negates a thing that people wear or
    carry. Raises `ValueError` that names unknown words, contradictory conditions, or an empty description.
    """
    parts = re.split(r",|;|\band\b|\bwith\b|(?=\bwithout\b)", text.lower())
    phrases = [" ".join(part.split()) for part in parts if part.strip()]
    if not phrases:
        raise ValueError(f"the description is empty. {_EXAMPLE}")
    parsed = {phrase: _parse_phrase(phrase) for phrase in phrases}
    unknown = [phrase for phrase, conditions in parsed.items() if not conditions]
    if unknown:
        raise ValueError(f"unknown words: {', '.join(unknown)}. {_EXAMPLE}")
    conditions = list(dict.fromkeys(condition for part in parsed.values() for condition in part))
    tasks = [condition.task for condition in conditions]
    repeated = sorted({task for task in tasks if tasks.count(task) > 1})
    if repeated:
        raise ValueError(f"contradictory conditions for {', '.join(repeated)}. Keep one of them.")
    return conditions


def _parse_phrase(phrase: str) -> list[Condition]:
    """The conditions of a phrase between commas or conjunctions; none if a word of it is unknown."""
    negated = re.match(r"(?:no|without(?: an?)?) (.+)", phrase)
    if negated:
        task, name = WORDS.get(negated[1], ("", ""))
        return [Condition(task, "no")] if name == "yes" else []
    phrase = re.sub(r"^an? ", "", phrase)
    if phrase in WORDS:
        return [Condition(*WORDS[phrase])]
    colour, _, garment = phrase.partition(" ")
    for task, garments in (("upcolor", _TOPS), ("downcolor", _BOTTOMS)):
        if colour in TASKS[task] and garment in garments:
            implied = WORDS.get(garment) if task == "downcolor" else None
            return [Condition(task, colour)] + ([Condition(*implied)] if implied else [])
    return []


def rank_by_attributes(probabilities: Mapping[str, Tensor], conditions: Sequence[Condition]) -> tuple[Tensor, Tensor]:
    """Rank images by the probability that all conditions hold, assuming that tasks are independent.

    `probabilities` maps a task to `(N, C)`. Returns gallery positions `(N,)` int64, best first, ties in gallery order,
    and their probabilities `(N,)`. Raises `ValueError` where the network predicts no attributes.
    """
    _check(probabilities, conditions)
    logs = [probabilities[task][:, TASKS[task].index(name)].clamp(min=1e-12).log() for task, name in conditions]
    joint = torch.stack(logs).sum(0).exp()
    order = joint.sort(descending=True, stable=True).indices
    return order, joint[order]


def predicted(probabilities: Mapping[str, Tensor], conditions: Sequence[Condition]) -> Tensor:
    """For which images each condition is the most probable class of its task: bool `(N,)`."""
    _check(probabilities, conditions)
    hits = [probabilities[task].argmax(1) == TASKS[task].index(name) for task, name in conditions]
    return torch.stack(hits).all(0)


def _check(probabilities: Mapping[str, Tensor], conditions: Sequence[Condition]) -> None:
    missing = [task for task, _ in conditions if task not in probabilities]
    if missing:
        raise ValueError(f"there are no predictions for {', '.join(missing)}. Use a network trained on attributes.")


def holding(targets: Tensor, conditions: Sequence[Condition]) -> tuple[Tensor, Tensor]:
    """For which images all `conditions` hold, and for which this is known, both bool `(N,)`.

    `targets` `(N, 12)` int64, -1 where unknown.
    """
    tasks = list(TASKS)
    classes = targets[:, [tasks.index(task) for task, _ in conditions]]
    wanted = torch.tensor([TASKS[task].index(name) for task, name in conditions], dtype=classes.dtype)
    return (classes == wanted).all(1), (classes >= 0).all(1)


def precision_table(probabilities: Mapping[str, Tensor], targets: Tensor, texts: Sequence[str]) -> pd.DataFrame:
    """Precision among the first ten images of several descriptions, and its chance level: one row per text of `texts`.

    `probabilities` are those of `rank_by_attributes`. `targets` `(N, 12)` int64 is -1 where unknown (junk, distractors);
    these images are skipped. Columns: `Description`, `Correct` ("7 of 10", or that no image is predicted to fit),
    `Precision, %`, and `Chance, %`, the precision of a random order. Both are NaN where no attributes are known.
    """
    rows = []
    for text in texts:
        conditions = parse(text)
        order, _ = rank_by_attributes(probabilities, conditions)
        holds, known = holding(targets[order], conditions)
        holds = holds[known]
        first = holds[:_DEPTH]
        correct = f"{int(first.sum())} of {len(first)}"
        if not predicted(probabilities, conditions).any():
            correct += ", no image predicted"
        precision, chance = float(first.double().mean()), float(holds.float().mean())
        rows.append(
            {"Description": text, "Correct": correct, "Precision, %": 100 * precision, "Chance, %": 100 * chance}
        )
    return pd.DataFrame(rows)
