"""Who is drawn: the classes of the twelve tasks, and traits that tell people of the same classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assignment_lib.data.attributes import TASKS

#: What makes a person different from others with the same attributes; each a number in [0, 1).
# fmt: off
TRAITS = (
    "height", "girth", "legs", "shoulders", "skin", "hair", "hair_value", "hair_length", "hue", "saturation",
    "value", "hue2", "color2", "color3", "down_hue", "down_saturation", "down_value", "down_color2", "pattern",
    "down_pattern", "detail", "detail_color", "sleeve", "hem", "leg_length", "shoe", "shoe_value", "sock",
    "bag_color", "bag_value", "bag_side", "bag_style", "pack_color", "pack_value", "pack_size", "pack_detail",
    "handbag_color", "handbag_side", "hat_style", "hat_color", "beard", "gait", "spread", "glasses",
)
# fmt: on


@dataclass(frozen=True)
class Person:
    """`classes`: task -> class name. `traits`: trait -> number in [0, 1), constant over all pictures of the person."""

    classes: dict[str, str]
    traits: dict[str, float]


def person(targets: np.ndarray | Sequence[int], rng: np.random.Generator) -> Person:
    """Return a person with these twelve classes (indices in task order) and traits from `rng`.

    The same state of `rng` gives the same traits whatever the classes are, so one attribute can be changed alone.
    """
    classes = {task: names[int(index)] for (task, names), index in zip(TASKS.items(), targets, strict=True)}
    return Person(classes, dict(zip(TRAITS, rng.random(len(TRAITS)).tolist(), strict=True)))
