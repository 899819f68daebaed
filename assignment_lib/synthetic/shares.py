"""How many people have each attribute, and which attributes go together: the shares of Market-1501."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assignment_lib.data.attributes import TASKS

#: Share of each class among the 751 training identities of Market-1501, from `market_attribute.mat` (Lin et al., 2019).
SHARES = {
    "age": (0.019, 0.758, 0.213, 0.011),
    "backpack": (0.735, 0.265),
    "bag": (0.754, 0.246),
    "handbag": (0.885, 0.115),
    "clothes": (0.146, 0.854),
    "down": (0.391, 0.609),
    "up": (0.052, 0.948),
    "hair": (0.674, 0.326),
    "hat": (0.973, 0.027),
    "gender": (0.574, 0.426),
    "upcolor": (0.150, 0.304, 0.104, 0.040, 0.048, 0.115, 0.061, 0.075, 0.104),
    "downcolor": (0.390, 0.077, 0.039, 0.003, 0.013, 0.164, 0.164, 0.019, 0.092, 0.040),
}
#: task -> (class, other task, its class, how much likelier): what goes together in the same file, roughly.
_TENDENCIES = {
    "clothes": [("dress", "gender", "male", 1e-4)],
    "hair": [("long", "gender", "male", 0.01)],
    "backpack": [("yes", "age", "adult", 0.12), ("yes", "age", "young", 0.01), ("yes", "age", "old", 0.01)],
    "bag": [("yes", "backpack", "yes", 1e-3), ("yes", "gender", "female", 2.5), ("yes", "age", "young", 0.05)],
    "handbag": [("yes", "age", "young", 0.05)],
    "down": [("short", "clothes", "dress", 4.0)],
    "up": [("long", "down", "long", 1.5)],
    "downcolor": [("pink", "gender", "male", 0.02), ("purple", "gender", "male", 0.05)],
}
#: The tasks as they are allocated: each after those its tendencies name.
_ORDER = ("gender", "age", "clothes", "hair", "backpack", "bag", "handbag", "down", "up", "hat", "upcolor", "downcolor")


def class_counts(shares: Sequence[float], count: int, floor: int) -> np.ndarray:
    """Return how many of `count` identities get each class, int `(C,)`.

    Near the shares, and at least `floor` where there are enough identities.
    """
    wanted = np.asarray(shares) / np.sum(shares)
    floor = min(floor, count // len(wanted))
    counts = np.maximum(np.floor(wanted * count), floor).astype(int)
    while counts.sum() < count:
        counts[np.argmax(wanted * count - counts)] += 1
    while counts.sum() > count:
        counts[np.argmax(np.where(counts > floor, counts - wanted * count, -np.inf))] -= 1
    return counts


def allocate(count: int, rng: np.random.Generator, floor: int) -> np.ndarray:
    """Return the attributes of `count` people in target form, int `(count, 12)`; class counts are those of `class_counts`."""
    chosen: dict[str, np.ndarray] = {}
    for task in _ORDER:
        names = TASKS[task]
        counts = class_counts(SHARES[task], count, floor)
        chosen[task] = np.full(count, int(counts.argmax()))
        free = np.ones(count, bool)
        # Rare classes choose first; the most frequent one takes who is left.
        for index in np.argsort(counts, kind="stable")[:-1]:
            weights = np.ones(count)
            for name, other, value, factor in _TENDENCIES.get(task, ()):
                if name == names[index]:
                    weights[chosen[other] == TASKS[other].index(value)] *= factor
            left = np.flatnonzero(free)
            if counts[index]:
                share = weights[left] / weights[left].sum()
                taken = rng.choice(left, counts[index], replace=False, p=share)
                chosen[task][taken], free[taken] = index, False
    return np.stack([chosen[task] for task in TASKS], 1)
