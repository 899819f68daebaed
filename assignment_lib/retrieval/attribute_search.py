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
_EXAMPLE = "try for example: female, adult, backpack, no hat, long hair, short sleeves, red top, blue trousers"


class Condition(NamedTuple):
    """An attribute that images must have: the class of a task."""

    task: str
    name: str


def parse(text: str) -> list[Condition]:
    """Parse a description: "female, backpack, no hat, red top", or "a woman with a backpack and blue trousers".

    A colour needs a word for upper-body or lower-body clothing; "no" or "without" negates a thing that people wear or
    carry. Raises `ValueError` that names unknown words, contradictory conditions, or an empty description.
    """
    conditions: list[Condition] = []
    unknown = []
    for part in re.split(r",|;|\band\b|\bwith\b|(?=\bwithout\b)", text.lower()):
        phrase = " ".join(part.split())
        if not phrase:
            continue
        parsed = _parse_phrase(phrase)
        if parsed is None:
            unknown.append(phrase)
        else:
            conditions += parsed
    if unknown:
        raise ValueError(f"unknown words: {', '.join(unknown)}; {_EXAMPLE}")
    conditions = list(dict.fromkeys(conditions))
    tasks = [condition.task for condition in conditions]
    repeated = sorted({task for task in tasks if tasks.count(task) > 1})
    if repeated:
        raise ValueError(f"contradictory conditions for {', '.join(repeated)}; keep one of them")
    if not conditions:
        raise ValueError(f"the description is empty; {_EXAMPLE}")
    return conditions


def _parse_phrase(phrase: str) -> list[Condition] | None:
    negated = re.match(r"(?:no|without(?: an?)?) (.+)", phrase)
    if negated:
        task, name = WORDS.get(negated[1], ("", ""))
        return [Condition(task, "no")] if name == "yes" else None
    phrase = re.sub(r"^an? ", "", phrase)
    if phrase in WORDS:
        return [Condition(*WORDS[phrase])]
    colour, _, garment = phrase.partition(" ")
    for task, garments in (("upcolor", _TOPS), ("downcolor", _BOTTOMS)):
        if colour in TASKS[task] and garment in garments:
            implied = WORDS.get(garment) if task == "downcolor" else None
            return [Condition(task, colour)] + ([Condition(*implied)] if implied else [])
    return None


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


def result_note(probabilities: Mapping[str, Tensor], conditions: Sequence[Condition]) -> str:
    """A sentence about the result: how many images are predicted to meet all conditions, or that none is."""
    matches = predicted(probabilities, conditions)
    description = ", ".join(f"{task}: {name}" for task, name in conditions)
    if not matches.any():
        return f"No image is predicted to have {description}; the closest images come first."
    return f"{int(matches.sum()):,} of {len(matches):,} images are predicted to have {description}."


def _check(probabilities: Mapping[str, Tensor], conditions: Sequence[Condition]) -> None:
    missing = [task for task, _ in conditions if task not in probabilities]
    if missing:
        raise ValueError(f"there are no predictions for {', '.join(missing)}; use a network trained on attributes")


def holding(targets: Tensor, conditions: Sequence[Condition]) -> tuple[Tensor, Tensor]:
    """For which images all `conditions` hold, and for which this is known, both bool `(N,)`.

    `targets` `(N, 12)` int64, -1 where unknown.
    """
    tasks = list(TASKS)
    classes = targets[:, [tasks.index(task) for task, _ in conditions]]
    wanted = torch.tensor([TASKS[task].index(name) for task, name in conditions], dtype=classes.dtype)
    return (classes == wanted).all(1), (classes >= 0).all(1)


class Precision(NamedTuple):
    """Precision among the first images of a search by words."""

    correct: int  # images for which all conditions hold
    judged: int  # images whose attributes are known, at most the depth
    chance: float  # share of all images with known attributes for which all conditions hold

    @property
    def share(self) -> float:
        """Precision at this depth; NaN where no attributes are known."""
        return self.correct / self.judged if self.judged else float("nan")


def precision_at(order: Tensor, targets: Tensor, conditions: Sequence[Condition], depth: int = 10) -> Precision:
    """Precision among the first `depth` images of `order` whose attributes are known, and its chance level.

    `order` `(K,)` holds positions from `rank_by_attributes`; `targets` `(N, 12)` int64 is -1 where unknown (junk,
    distractors), and these images are skipped. Chance is the precision of a random order of the same images.
    """
    holds, known = holding(targets[order], conditions)
    correct = holds[known]
    first = correct[:depth]
    return Precision(int(first.sum()), len(first), float(correct.float().mean()) if len(correct) else float("nan"))


def precision_table(
    probabilities: Mapping[str, Tensor], targets: Tensor, texts: Sequence[str], depth: int = 10
) -> pd.DataFrame:
    """`precision_at` for several descriptions: one row per text of `texts`.

    `probabilities` are those of `rank_by_attributes`, `targets` those of `precision_at`. Columns: `Description`,
    `Correct` ("7 of 10", or that no image is predicted to fit), `Precision, %`, `Chance, %`.
    """
    rows = []
    for text in texts:
        conditions = parse(text)
        order, _ = rank_by_attributes(probabilities, conditions)
        result = precision_at(order, targets, conditions, depth)
        correct = f"{result.correct} of {result.judged}"
        if not predicted(probabilities, conditions).any():
            correct += ", no image predicted"
        figures = {"Precision, %": 100 * result.share, "Chance, %": 100 * result.chance}
        rows.append({"Description": text, "Correct": correct} | figures)
    return pd.DataFrame(rows)
