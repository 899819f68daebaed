"""The files of the data set: which people exist, which images are taken of them, and how the folder is written.

The data is meant to be learnable but not trivial: six cameras with different light, colours, sharpness and backgrounds,
people with equal clothes, occlusion, distractors and junk images.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, TASKS, to_annotations
from assignment_lib.files import bar
from synthetic_pedestrians.canvas import Rng
from synthetic_pedestrians.person import PERSON, PLAN, create_person, stream
from synthetic_pedestrians.scenes import JUNK_KINDS, Renderer, Shot

#: Raise it whenever the images change, so that folders drawn by older code are replaced.
VERSION = 1
ANNOTATIONS_FILE, TRUTH_FILE = "annotations_train.csv", "test_truth.csv"
FOLDERS = ("train", "test", "queries")
#: File that marks a folder as drawn, and its signature, which older versions wrote too.
MARKER_FILE, _MADE_BY = "synthetic.json", "assignment_lib.synthetic"
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
#: Task -> (class, other task, its class, factor of the probability): approximate correlations in the same file.
_CORRELATIONS = {
    "clothes": [("dress", "gender", "male", 1e-4)],
    "hair": [("long", "gender", "male", 0.01)],
    "backpack": [("yes", "age", "adult", 0.12), ("yes", "age", "young", 0.01), ("yes", "age", "old", 0.01)],
    "bag": [("yes", "backpack", "yes", 1e-3), ("yes", "gender", "female", 2.5), ("yes", "age", "young", 0.05)],
    "handbag": [("yes", "age", "young", 0.05)],
    "down": [("short", "clothes", "dress", 4.0)],
    "up": [("long", "down", "long", 1.5)],
    "downcolor": [("pink", "gender", "male", 0.02), ("purple", "gender", "male", 0.05)],
}
#: Order in which tasks are allocated: each follows the tasks that its correlations name.
_ORDER = ("gender", "age", "clothes", "hair", "backpack", "bag", "handbag", "down", "up", "hat", "upcolor", "downcolor")
_FIRST_DISTRACTOR = 10_000  # person ids have four digits
_IMAGES_PER_DISTRACTOR = 2.5


@dataclass(frozen=True)
class Counts:
    """The arguments of `draw` with all defaults resolved; `synthetic.json` stores them in this order."""

    train_identities: int
    test_identities: int
    cameras: int
    train_images: int
    queries: int
    gallery: int
    distractors: int
    junk: int
    seed: int

    def __post_init__(self) -> None:
        train, test = self.train_identities, self.test_identities
        people = self.gallery - self.distractors - self.junk
        problems = [
            (min(astuple(self)) < 0, "a count or the seed is negative"),
            (not 2 <= self.cameras <= 9, f"cameras is {self.cameras}; pass 2 to 9"),
            (train < 1 or test < 1, "pass at least one training and one test identity"),
            (train + test > 9999, "file names have four digits for the person; pass at most 9999 identities"),
            (self.train_images < 2 * train, "train_images must be at least twice train_identities"),
            (people < 2 * test, "gallery without distractors and junk must be at least twice test_identities"),
        ]
        for wrong, sentence in problems:
            if wrong:
                raise ValueError(f"synthetic_pedestrians.draw: {sentence}")


def draw(
    folder: str | Path,
    *,
    train_identities: int = 120,
    test_identities: int = 80,
    cameras: int = 6,
    train_images: int | None = None,
    queries: int | None = None,
    gallery: int | None = None,
    distractors: int | None = None,
    junk: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Path:
    """Draw the data set into `folder` and return its path; a complete folder is left as it is.

    The folder gets `train/`, `test/`, `queries/`, `annotations_train.csv`, `test_truth.csv` (identities and attributes of
    the test images, which the course withholds) and `synthetic.json`. Images are 64 x 128 JPEGs. The same arguments give
    the same bytes. Defaults per identity: 9 training images, 8.75 gallery images, 2 queries. `gallery` counts all images of
    `test/`; by default 12 % of them are distractors (id 0) and 6 % junk (id -1). `cameras` is 2 to 9.

    A folder drawn with other arguments is replaced. Each process draws into a temporary folder of its own and renames it at
    the end; of several processes that draw the same data set, the first result stays. Raises `FileExistsError` if `folder`
    contains files that this function did not write, and `ValueError` for counts that do not fit together.
    """

    train_images = _default(train_images, 9 * train_identities)
    queries = _default(queries, 2 * test_identities)
    gallery = _default(gallery, 8.75 * test_identities)
    distractors, junk = _default(distractors, 0.12 * gallery), _default(junk, 0.06 * gallery)
    counts = Counts(train_identities, test_identities, cameras, train_images, queries, gallery, distractors, junk, seed)
    target = Path(folder).resolve()
    if not is_complete(target, counts):
        check_drawn(target)
        temporary = target.with_name(f"{target.name}.part-{uuid.uuid4().hex[:12]}")
        temporary.mkdir(parents=True)
        try:
            _fill(temporary, counts, progress)
            _publish(temporary, target, counts)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return Path(folder)


def _default(value: int | None, otherwise: float) -> int:
    return round(otherwise) if value is None else int(value)


def _publish(temporary: Path, target: Path, counts: Counts) -> None:
    """Rename a finished folder to `target`, unless another process has published the same data set there."""
    while not is_complete(target, counts):
        check_drawn(target)
        replaced = target.with_name(f"{target.name}.part-{uuid.uuid4().hex[:12]}")
        with contextlib.suppress(FileNotFoundError):
            target.rename(replaced)
        try:
            temporary.rename(target)
        except OSError:
            if not target.exists():
                raise
        finally:
            shutil.rmtree(replaced, ignore_errors=True)


def is_complete(folder: Path, counts: Counts) -> bool:
    """Whether the folder holds everything that `draw` writes for these counts."""
    marker = _read_marker(folder)
    if not marker or (marker.get("version"), marker.get("arguments")) != (VERSION, asdict(counts)):
        return False
    images = {"train": counts.train_images, "test": counts.gallery, "queries": counts.queries}
    tables = all((folder / name).is_file() for name in (ANNOTATIONS_FILE, TRUTH_FILE))
    return tables and all(len(list((folder / name).glob("*.jpg"))) == count for name, count in images.items())


def check_drawn(folder: Path) -> None:
    """Raise `FileExistsError` if the folder contains anything that `draw` did not write."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    own = {MARKER_FILE, TRUTH_FILE, ANNOTATIONS_FILE, ".DS_Store", "Thumbs.db"}
    places = [folder / name for name in FOLDERS]
    others = [path for path in folder.rglob("*") if path.name not in own and path not in places]
    foreign = [path for path in others if path.suffix != ".jpg" or path.parent not in places]
    if _read_marker(folder) is None or foreign:
        example = f" ({min(foreign).relative_to(folder).as_posix()})" if foreign else ""
        raise FileExistsError(f"{folder} has files that were not drawn{example}. Pass another folder, or move it away.")


def _read_marker(folder: Path) -> dict[str, Any] | None:
    try:
        marker = json.loads((folder / MARKER_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) and marker.get("made_by") == _MADE_BY else None


def _fill(folder: Path, counts: Counts, progress: bool) -> None:
    rng = stream(counts.seed, PLAN)
    train, test, distractors, targets = create_population(counts, rng)
    shots = plan_train(train, counts, rng) + plan_test(test, distractors, counts, rng)
    for name in FOLDERS:
        (folder / name).mkdir()
    people = {key: create_person(row, stream(counts.seed, PERSON, key)) for key, row in targets.items()}
    renderer = Renderer(counts.seed, counts.cameras, people)
    for shot in bar(shots, show=progress, desc="drawing pedestrians", unit="image"):
        (folder / shot.folder / shot.file).write_bytes(renderer.jpeg(shot))
    annotations = to_annotations(np.array([targets[key] for key in train]))[ANNOTATION_COLUMNS]
    annotations.insert(0, "id", train)
    annotations.to_csv(folder / ANNOTATIONS_FILE, index=False, lineterminator="\n")
    rows = [(shot.folder, shot.file, shot.pid, shot.camera) for shot in shots if shot.folder != "train"]
    truth = pd.DataFrame(rows, columns=["folder", "file", "pid", "camera"])
    annotations = to_annotations(np.array([targets[key] for key in test]))
    annotations.index = np.array(test)
    truth = truth.join(annotations.astype("Int64"), on="pid").sort_values(["folder", "file"])
    truth.to_csv(folder / TRUTH_FILE, index=False, lineterminator="\n")
    marker = {"made_by": _MADE_BY, "version": VERSION, "complete": True, "arguments": asdict(counts)}
    (folder / MARKER_FILE).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")


def create_population(counts: Counts, rng: Rng) -> tuple[list[int], list[int], list[int], dict[int, np.ndarray]]:
    """Return the keys of training, test and distractor people, and the class indices int `(12,)` of each key.

    Keys are sorted person ids, from 10,000 on for distractors. Every class occurs at least twice in training and once in the
    test, if there are enough people.
    """
    pids = rng.permutation(counts.train_identities + counts.test_identities) + 1
    train, test = np.sort(pids[: counts.train_identities]), np.sort(pids[counts.train_identities :])
    distractors = _FIRST_DISTRACTOR + np.arange(max(1, round(counts.distractors / _IMAGES_PER_DISTRACTOR)))
    targets: dict[int, np.ndarray] = {}
    for keys, floor in ((train, 2), (test, 1), (distractors, 0)):
        targets |= dict(zip(keys.tolist(), allocate(len(keys), rng, floor), strict=True))
    return train.tolist(), test.tolist(), distractors.tolist(), targets


def class_counts(shares: Sequence[float], count: int, floor: int) -> np.ndarray:
    """Return the number of identities per class, int `(C,)`: close to the shares, at least `floor` where possible."""
    wanted = np.array(shares) / np.sum(shares)
    floor = min(floor, count // len(wanted))
    counts: np.ndarray = np.maximum(np.floor(wanted * count), floor).astype(int)
    while counts.sum() < count:
        counts[np.argmax(wanted * count - counts)] += 1
    while counts.sum() > count:
        counts[np.argmax(np.where(counts > floor, counts - wanted * count, -np.inf))] -= 1
    return counts


def allocate(count: int, rng: Rng, floor: int) -> np.ndarray:
    """Return the class indices of `count` people, int `(count, 12)`, with the frequencies of `class_counts`."""
    chosen: dict[str, np.ndarray] = {}
    for task in _ORDER:
        names = TASKS[task]
        counts = class_counts(SHARES[task], count, floor)
        chosen[task] = np.full(count, int(counts.argmax()))
        free = np.ones(count, bool)
        # Rare classes choose first; the most frequent one gets everyone else.
        for index in np.argsort(counts, kind="stable")[:-1]:
            weights = np.ones(count)
            for name, other, value, factor in _CORRELATIONS.get(task, ()):
                if name == names[index]:
                    weights[chosen[other] == TASKS[other].index(value)] *= factor
            left = np.flatnonzero(free)
            if counts[index]:
                probabilities = weights[left] / weights[left].sum()
                taken = rng.choice(left, counts[index], replace=False, p=probabilities)
                chosen[task][taken], free[taken] = index, False
    return np.stack([chosen[task] for task in TASKS], 1)


def plan_train(pids: list[int], counts: Counts, rng: Rng) -> list[Shot]:
    """Return the training images of these identities, with file names as in Market-1501."""
    shots = []
    for pid, images in zip(pids, _spread(counts.train_images, len(pids), rng, 2), strict=True):
        cameras = _pick_cameras(counts.cameras, images, rng)
        for camera, count in zip(cameras, _spread(images, len(cameras), rng, 1), strict=True):
            sequence, frame = int(rng.integers(1, 4)), int(rng.integers(1, 30_000))
            for index in range(count):
                file = f"{pid:04d}_c{camera}s{sequence}_{frame + 25 * index:06d}_{int(rng.integers(1, 5)):02d}.jpg"
                shots.append(Shot("train", file, pid, pid, camera, sequence, index))
    return shots


def plan_test(pids: list[int], distractors: list[int], counts: Counts, rng: Rng) -> list[Shot]:
    """Return queries, then gallery, with anonymous file names; `distractors` are the people of distractor images.

    The gallery contains each query's person from the query's camera and from another one.
    """
    queries, gallery = _plan_identities(pids, counts, rng)
    for index in range(counts.distractors):
        key, camera = distractors[index % len(distractors)], int(rng.integers(1, counts.cameras + 1))
        kind = "cropped" if rng.random() < 0.2 else "person"
        gallery.append(Shot("test", "", 0, key, camera, int(rng.integers(1, 4)), index, kind))
    for index in range(counts.junk):
        key, camera = int(rng.choice(pids)), int(rng.integers(1, counts.cameras + 1))
        kind = JUNK_KINDS[index % len(JUNK_KINDS)]
        gallery.append(Shot("test", "", -1, key, camera, int(rng.integers(1, 4)), 20_000 + index, kind))
    return _anonymous(queries, rng) + _anonymous(gallery, rng)


def _plan_identities(pids: list[int], counts: Counts, rng: Rng) -> tuple[list[Shot], list[Shot]]:
    """Return queries and gallery images of the test identities, without file names."""
    query_shots, gallery_shots = [], []
    images_per_pid = _spread(counts.gallery - counts.distractors - counts.junk, len(pids), rng, 2)
    queries_per_pid = np.full(len(pids), counts.queries // len(pids))
    queries_per_pid[rng.permutation(len(pids))[: counts.queries % len(pids)]] += 1
    for pid, images, queries in zip(pids, images_per_pid, queries_per_pid.tolist(), strict=True):
        cameras = _pick_cameras(counts.cameras, images, rng)
        sequences = {camera: int(rng.integers(1, 4)) for camera in cameras}
        for camera, count in zip(cameras, _spread(images, len(cameras), rng, 1), strict=True):
            gallery_shots += [Shot("test", "", pid, pid, camera, sequences[camera], index) for index in range(count)]
        order = rng.permutation(cameras).tolist()
        for number in range(queries):
            camera = order[number % len(order)]
            index = 10_000 + number // len(order)
            query_shots.append(Shot("queries", "", pid, pid, camera, sequences[camera], index))
    return query_shots, gallery_shots


def _anonymous(shots: list[Shot], rng: Rng) -> list[Shot]:
    """Name the files by numbers in random order."""
    numbers = rng.permutation(len(shots)).tolist()
    return [replace(shot, file=f"{number:06d}.jpg") for shot, number in zip(shots, numbers, strict=True)]


def _spread(total: int, parts: int, rng: Rng, least: int) -> list[int]:
    """Split `total` into `parts` uneven integers, each at least `least`."""
    weights = rng.uniform(0.4, 1.6, parts)
    exact = (total - least * parts) * weights / weights.sum()
    numbers = np.floor(exact).astype(int)
    numbers[np.argsort(numbers - exact, kind="stable")[: total - least * parts - numbers.sum()]] += 1
    return [int(number) for number in numbers + least]


def _pick_cameras(cameras: int, images: int, rng: Rng) -> list[int]:
    """Draw the cameras that see a person: two to six, but at most one per image."""
    count = min(int(rng.choice([2, 3, 4, 5, 6], p=[0.12, 0.25, 0.30, 0.20, 0.13])), cameras, images)
    return sorted(int(camera) for camera in rng.permutation(cameras)[:count] + 1)
