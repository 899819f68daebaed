"""Who is drawn: the identities of training and test, the strangers that distractors show, and their attributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assignment_lib.synthetic.counts import Counts
from assignment_lib.synthetic.person import Person, person
from assignment_lib.synthetic.shares import allocate
from assignment_lib.synthetic.streams import PERSON, stream

_FIRST_STRANGER = 10_000  # person ids have four digits
_DISTRACTORS_PER_STRANGER = 2.5


@dataclass(frozen=True)
class Population:
    """Keys of the people in ascending order, and their attributes in target form; a key is the person id or a stranger's."""

    train: list[int]
    test: list[int]
    strangers: list[int]
    targets: dict[int, np.ndarray]

    def targets_of(self, keys: list[int]) -> np.ndarray:
        """Return the attributes of these people, int `(len(keys), 12)`."""
        return np.array([self.targets[key] for key in keys])

    def people(self, seed: int) -> dict[int, Person]:
        """Return everybody with traits of their own."""
        return {key: person(row, stream(seed, PERSON, key)) for key, row in self.targets.items()}


def populate(counts: Counts, rng: np.random.Generator) -> Population:
    """Return who is in the data set: person ids without order, every class at least twice in training, once in the test."""
    pids = rng.permutation(counts.train_identities + counts.test_identities) + 1
    train, test = np.sort(pids[: counts.train_identities]), np.sort(pids[counts.train_identities :])
    strangers = _FIRST_STRANGER + np.arange(max(1, round(counts.distractors / _DISTRACTORS_PER_STRANGER)))
    targets: dict[int, np.ndarray] = {}
    for keys, floor in ((train, 2), (test, 1), (strangers, 0)):
        targets |= dict(zip(keys.tolist(), allocate(len(keys), rng, floor), strict=True))
    return Population(train.tolist(), test.tolist(), strangers.tolist(), targets)
