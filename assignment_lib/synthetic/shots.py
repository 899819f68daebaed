"""Which pictures are taken: of whom, by which camera, as training image, query, gallery image, distractor or junk."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from assignment_lib.synthetic.counts import Counts

#: What junk shows, in turn.
JUNK_KINDS = ("background", "legs", "upper", "pair", "edge")


@dataclass(frozen=True)
class Shot:
    """One picture to draw.

    pid: what the truth says. who: key of the person in the picture. sequence: of the camera. index: of the picture in the
    sequence. kind: person, cropped, or one of `JUNK_KINDS`.
    """

    folder: str
    file: str
    pid: int
    who: int
    camera: int
    sequence: int
    index: int
    kind: str = "person"


def plan_train(pids: list[int], counts: Counts, rng: np.random.Generator) -> list[Shot]:
    """Return the training images of these identities, named as in Market-1501."""
    shots = []
    for pid, images in zip(pids, _spread(counts.train_images, len(pids), rng, 2), strict=True):
        cameras = _pick_cameras(counts.cameras, images, rng)
        for camera, count in zip(cameras, _spread(images, len(cameras), rng, 1), strict=True):
            sequence, frame = int(rng.integers(1, 4)), int(rng.integers(1, 30_000))
            for index in range(count):
                file = f"{pid:04d}_c{camera}s{sequence}_{frame + 25 * index:06d}_{int(rng.integers(1, 5)):02d}.jpg"
                shots.append(Shot("train", file, pid, pid, camera, sequence, index))
    return shots


def plan_test(pids: list[int], strangers: list[int], counts: Counts, rng: np.random.Generator) -> list[Shot]:
    """Return queries, then gallery, under names that say nothing.

    Each query's person is in the gallery, by the same camera and by another one. `strangers` are the people that
    distractors show.
    """
    asked, shown = _plan_identities(pids, counts, rng)
    for index in range(counts.distractors):
        who, camera = strangers[index % len(strangers)], int(rng.integers(1, counts.cameras + 1))
        kind = "cropped" if rng.random() < 0.2 else "person"
        shown.append(Shot("test", "", 0, who, camera, int(rng.integers(1, 4)), index, kind))
    for index in range(counts.junk):
        who, camera = int(rng.choice(pids)), int(rng.integers(1, counts.cameras + 1))
        kind = JUNK_KINDS[index % len(JUNK_KINDS)]
        shown.append(Shot("test", "", -1, who, camera, int(rng.integers(1, 4)), 20_000 + index, kind))
    return _anonymous(asked, rng) + _anonymous(shown, rng)


def _plan_identities(pids: list[int], counts: Counts, rng: np.random.Generator) -> tuple[list[Shot], list[Shot]]:
    """Queries and gallery images of the test identities, without names."""
    asked, shown = [], []
    images_of = _spread(counts.gallery - counts.distractors - counts.junk, len(pids), rng, 2)
    queries_of = np.full(len(pids), counts.queries // len(pids))
    queries_of[rng.permutation(len(pids))[: counts.queries % len(pids)]] += 1
    for pid, images, queries in zip(pids, images_of, queries_of.tolist(), strict=True):
        cameras = _pick_cameras(counts.cameras, images, rng)
        sequences = {camera: int(rng.integers(1, 4)) for camera in cameras}
        for camera, count in zip(cameras, _spread(images, len(cameras), rng, 1), strict=True):
            shown += [Shot("test", "", pid, pid, camera, sequences[camera], index) for index in range(count)]
        order = rng.permutation(cameras).tolist()
        for number in range(queries):
            camera = order[number % len(order)]
            asked.append(Shot("queries", "", pid, pid, camera, sequences[camera], 10_000 + number // len(order)))
    return asked, shown


def _anonymous(shots: list[Shot], rng: np.random.Generator) -> list[Shot]:
    """The shots under numbers in random order."""
    numbers = rng.permutation(len(shots)).tolist()
    return [replace(shot, file=f"{number:06d}.jpg") for shot, number in zip(shots, numbers, strict=True)]


def _spread(total: int, parts: int, rng: np.random.Generator, least: int) -> list[int]:
    """`total` in `parts` uneven whole numbers, each at least `least`."""
    weights = rng.uniform(0.4, 1.6, parts)
    exact = (total - least * parts) * weights / weights.sum()
    numbers = np.floor(exact).astype(int)
    numbers[np.argsort(numbers - exact, kind="stable")[: total - least * parts - numbers.sum()]] += 1
    return [int(number) for number in numbers + least]


def _pick_cameras(cameras: int, images: int, rng: np.random.Generator) -> list[int]:
    """The cameras that see a person, two to six where there are as many images."""
    count = min(int(rng.choice([2, 3, 4, 5, 6], p=[0.12, 0.25, 0.30, 0.20, 0.13])), cameras, images)
    return sorted(int(camera) for camera in rng.permutation(cameras)[:count] + 1)
