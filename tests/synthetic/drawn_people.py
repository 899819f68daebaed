"""What the tests of the generator share: arguments of `draw`, the files of a folder, one plain person."""

from pathlib import Path

import numpy as np

from assignment_lib.data.attributes import TASKS
from synthetic_pedestrians.figure import render_person
from synthetic_pedestrians.person import Pose, create_person

TINY = dict(train_identities=4, test_identities=3, train_images=8, queries=3, gallery=9, progress=False)
SMALL = dict(
    train_identities=24, test_identities=12, train_images=150, queries=20, gallery=80, distractors=10, junk=7, seed=3
)
PLAIN = dict.fromkeys(TASKS, 0) | {"age": 1, "clothes": 1, "upcolor": 5, "downcolor": 5}


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def plain_person(seed: int = 5, **changes: int):
    return create_person(list((PLAIN | changes).values()), np.random.default_rng(seed))


def rendered(yaw: float = 0.0, seed: int = 5, **changes: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours and coverage of the plain person with some attributes changed."""
    return render_person(plain_person(seed, **changes), Pose(yaw=yaw, phase=0.8))
