"""Random streams: one of its own for each thing drawn, so that no picture depends on the order of drawing."""

from __future__ import annotations

import numpy as np

#: What a stream is for: the second number of its key, after the seed.
PLAN, PERSON, CAMERA, PLACE, WALK, PICTURE = range(6)


def stream(*key: int) -> np.random.Generator:
    """Return the generator of a key: the seed, what the stream is for, and the numbers that tell it apart."""
    return np.random.default_rng([int(number) for number in key])
