"""Images by a description: "female, backpack, red top" -> the gallery images that fit it best."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.attributes import TASKS

#: Words for a class, beside the task's own: what people type.
WORDS = {
    **{word: ("gender", "male") for word in ("male", "man", "boy")},
    **{word: ("gender", "female") for word in ("female", "woman", "girl")},
    **{word: ("age", word) for word in TASKS["age"]},
    "child": ("age", "young"),
    **{word: ("hat", "yes") for word in ("hat", "cap")},
    "backpack": ("backpack", "yes"),
    "rucksack": ("backpack", "yes"),
    "bag": ("bag", "yes"),
    "handbag": ("handbag", "yes"),
    "dress": ("clothes", "dress"),
    "skirt": ("clothes", "dress"),
    "pants": ("clothes", "pants"),
    "trousers": ("clothes", "pants"),
    "jeans": ("clothes", "pants"),
    "shorts": ("down", "short"),
    "short hair": ("hair", "short"),
    "long hair": ("hair", "long"),
    "short sleeves": ("up", "short"),
    "long sleeves": ("up", "long"),
    "short trousers": ("down", "short"),
    "long trousers": ("down", "long"),
}
_TOPS = ("top", "shirt", "t-shirt", "jacket", "coat", "sweater", "upper body")
_BOTTOMS = ("bottom", "trousers", "pants", "jeans", "skirt", "dress", "shorts", "lower body")


class Condition(NamedTuple):
    """One wish: this task, this class."""

    task: str
    name: str


def parse(text: str) -> list[Condition]:
    """Wishes -> conditions: "female, backpack, no hat, red top", or "a woman with a backpack and blue trousers".

    A colour goes with a word for the upper or the lower body; "no" or "without" turns a thing one may carry or wear
    around. Raises ValueError naming the words it does not know, and for two different wishes about one task.
    """
    conditions, unknown = [], []
    for part in re.split(r",|;|\band\b|\bwith\b|(?=\bwithout\b)", text.lower()):
        wish = " ".join(part.split())
        if not wish:
            continue
        found = _one(wish)
        if found is None:
            unknown.append(wish)
        else:
            conditions += found
    if unknown:
        raise ValueError(
            f"not understood: {', '.join(unknown)}; say for example: female, adult, backpack, no hat, long hair, "
            "short sleeves, red top, blue trousers"
        )
    conditions = list(dict.fromkeys(conditions))
    tasks = [condition.task for condition in conditions]
    doubled = sorted({task for task in tasks if tasks.count(task) > 1})
    if doubled:
        raise ValueError(f"two wishes about {', '.join(doubled)}; leave one")
    if not conditions:
        raise ValueError("nothing is asked for; say for example: female, backpack, red top")
    return conditions


def _one(wish: str) -> list[Condition] | None:
    negated = re.match(r"(?:no|without(?: an?)?) (.+)", wish)
    if negated:
        task, name = WORDS.get(negated[1], ("", ""))
        return [Condition(task, "no")] if name == "yes" else None
    wish = re.sub(r"^an? ", "", wish)
    if wish in WORDS:
        return [Condition(*WORDS[wish])]
    colour, _, rest = wish.partition(" ")
    for task, things in (("upcolor", _TOPS), ("downcolor", _BOTTOMS)):
        if colour in TASKS[task] and rest in things:
            garment = WORDS.get(rest) if task == "downcolor" else None
            return [Condition(task, colour)] + ([Condition(*garment)] if garment else [])
    return None


def rank_by_attributes(probabilities: dict[str, Tensor], conditions: list[Condition]) -> tuple[Tensor, Tensor]:
    """Images by the probability that all conditions hold, as if they were independent.

    `probabilities` is task -> `(N, C)`, calibrated ones (`calibration.calibrated`): raw ones let the task that the network
    is most overconfident about decide. Returns positions `(N,)` int64, best first and stable, and their probabilities.
    """
    logs = [probabilities[task][:, TASKS[task].index(name)].clamp(min=1e-12).log() for task, name in conditions]
    together = torch.stack(logs).sum(0).exp()
    order = together.sort(descending=True, stable=True).indices
    return order, together[order]


def holding(targets: Tensor, conditions: Sequence[Condition]) -> tuple[Tensor, Tensor]:
    """Of which images all `conditions` hold, and of which that is known, both bool `(N,)`.

    `targets` `(N, 12)` int64, -1 where unknown.
    """
    tasks = list(TASKS)
    true = targets[:, [tasks.index(task) for task, _ in conditions]]
    wanted = torch.tensor([TASKS[task].index(name) for task, name in conditions], dtype=true.dtype)
    return (true == wanted).all(1), (true >= 0).all(1)


class Precision(NamedTuple):
    """How right the first images of a search are."""

    right: int  # images of which all conditions hold
    judged: int  # images whose attributes are known, at most the depth
    chance: float  # share of all images whose attributes are known of which all conditions hold

    @property
    def share(self) -> float:
        """Precision at that depth; not a number where nothing is known."""
        return self.right / self.judged if self.judged else float("nan")


def precision_at(order: Tensor, targets: Tensor, conditions: Sequence[Condition], depth: int = 10) -> Precision:
    """Precision among the first `depth` images of `order` whose attributes are known, beside chance.

    `order` `(K,)` are positions as `rank_by_attributes` gives them; `targets` `(N, 12)` int64, -1 where unknown: such images
    (junk, distractors) are passed over. Chance is that of drawing among the images in `order`.
    """
    holds, known = holding(targets[order], conditions)
    right = holds[known]
    first = right[:depth]
    return Precision(int(first.sum()), len(first), float(right.float().mean()) if len(right) else float("nan"))


def precision_table(
    probabilities: dict[str, Tensor], targets: Tensor, texts: Sequence[str], depth: int = 10
) -> pd.DataFrame:
    """`precision_at` of several descriptions: one row a text of `texts`, as `parse` takes them.

    `probabilities` as `rank_by_attributes` takes them, `targets` as `precision_at`. Columns: `Asked`, `Right` ("7 of 10"),
    `Precision, %`, `Chance, %`. The depth is in `Right`, since fewer images may be known.
    """
    rows = []
    for text in texts:
        conditions = parse(text)
        order, _ = rank_by_attributes(probabilities, conditions)
        found = precision_at(order, targets, conditions, depth)
        figures = {"Precision, %": 100 * found.share, "Chance, %": 100 * found.chance}
        rows.append({"Asked": text, "Right": f"{found.right} of {found.judged}"} | figures)
    return pd.DataFrame(rows)
