"""The built-in data set: drawn pedestrians in the layout of the course, with no network and no real people.

    draw("data/synthetic")     train/ · test/ · queries/ · annotations_train.csv · test_truth.csv · synthetic.json

`data.truth.read_truth` tells who is in test/ and queries/, which the course keeps to itself.

It is meant to be learnable and not solved: six cameras with their own light, colours, sharpness and backgrounds, people of
equal clothing, occlusion, distractors and junk. Class shares follow Market-1501. The same arguments give the same files.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, TASKS, to_annotations
from assignment_lib.data.truth import TRUTH_FILE
from assignment_lib.environment import relative
from assignment_lib.progress import bar
from assignment_lib.synthetic.camera import Shot, Studio, stream
from assignment_lib.synthetic.person import person

#: Raised whenever the pictures change, so that a folder drawn by older code is drawn again.
VERSION = 1
MARK = "synthetic.json"
_FOLDERS = ("train", "test", "queries")

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
_ORDER = ("gender", "age", "clothes", "hair", "backpack", "bag", "handbag", "down", "up", "hat", "upcolor", "downcolor")


# --- the files -------------------------------------------------------------------------------------------------------


def draw(
    folder: str | Path,
    *,
    train_identities: int = 80,
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
    """Draw the data set into `folder` and return its path; where it stands already, return at once.

    Counts left at None follow from the identities: 13 training images and 8.75 gallery images each, two queries, and 12 % of
    the gallery distractors (id 0), 6 % junk (id -1). `gallery` counts all images of `test/`. `cameras`: 2 to 9. Files are
    64 x 128 JPEGs. The same arguments give the same bytes. `progress` shows a bar that goes away.

    A folder drawn with other arguments, or left half-written, is drawn anew. Raises `FileExistsError` where `folder` holds
    anything this function has not made, and `ValueError` for counts that do not fit together.
    """
    settings = _settings(
        train_identities, test_identities, cameras, train_images, queries, gallery, distractors, junk, seed
    )
    target = Path(folder).resolve()
    if _complete(target, settings):
        return Path(folder)
    # Drawn beside its place and moved there when whole, so that a crash never leaves half a data set that looks whole.
    part = target.with_name(target.name + ".part")
    for old in (target, part):
        _check_own(old)
    _remove(part)
    part.mkdir(parents=True)
    _write_mark(part, settings, complete=False)
    _fill(part, settings, progress)
    _write_mark(part, settings, complete=True)
    _remove(target)
    os.replace(part, target)
    return Path(folder)


def _settings(
    train_identities, test_identities, cameras, train_images, queries, gallery, distractors, junk, seed
) -> dict[str, int]:
    def default(value, otherwise):
        return round(otherwise) if value is None else value

    gallery = default(gallery, 8.75 * test_identities)
    settings = {
        "train_identities": train_identities,
        "test_identities": test_identities,
        "cameras": cameras,
        "train_images": default(train_images, 13 * train_identities),
        "queries": default(queries, 2 * test_identities),
        "gallery": gallery,
        "distractors": default(distractors, 0.12 * gallery),
        "junk": default(junk, 0.06 * gallery),
        "seed": seed,
    }
    settings = {name: int(value) for name, value in settings.items()}
    people = settings["gallery"] - settings["distractors"] - settings["junk"]
    problems = [
        (min(settings.values()) < 0, "a count or the seed is negative"),
        (not 2 <= cameras <= 9, f"cameras is {cameras}, it must be 2 to 9"),
        (train_identities < 1 or test_identities < 1, "there must be at least one training and one test identity"),
        (
            train_identities + test_identities > 9999,
            "file names have four digits for the person, so at most 9999 identities",
        ),
        (settings["train_images"] < 2 * train_identities, "train_images must be at least twice train_identities"),
        (people < 2 * test_identities, "gallery without distractors and junk must be at least twice test_identities"),
    ]
    for wrong, sentence in problems:
        if wrong:
            raise ValueError(f"synthetic.draw: {sentence}")
    return settings


def _write_mark(folder: Path, settings: dict, complete: bool) -> None:
    mark = {"made_by": "assignment_lib.synthetic", "version": VERSION, "complete": complete, "arguments": settings}
    (folder / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")


def _read_mark(folder: Path) -> dict | None:
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and mark.get("made_by") == "assignment_lib.synthetic" else None


def _complete(folder: Path, settings: dict) -> bool:
    mark = _read_mark(folder)
    if not mark or (mark.get("complete"), mark.get("version"), mark.get("arguments")) != (True, VERSION, settings):
        return False
    counts = {"train": settings["train_images"], "test": settings["gallery"], "queries": settings["queries"]}
    tables = all((folder / name).is_file() for name in ("annotations_train.csv", TRUTH_FILE))
    return tables and all(len(list((folder / name).glob("*.jpg"))) == count for name, count in counts.items())


def _check_own(folder: Path) -> None:
    """Raise where `folder` holds anything that `draw` has not put there."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    strangers = _strangers(folder) if folder.is_dir() else []
    if _read_mark(folder) is None or strangers:
        what = f" ({', '.join(strangers[:3])})" if strangers else ""
        raise FileExistsError(
            f"{relative(folder)} holds something that synthetic.draw has not made{what}, and it is left untouched: "
            "give another folder, or move that one away"
        )


def _strangers(folder: Path) -> list[str]:
    own = {MARK, TRUTH_FILE, "annotations_train.csv", *_FOLDERS, ".DS_Store", "Thumbs.db"}
    inside = [path for name in _FOLDERS if (folder / name).is_dir() for path in (folder / name).iterdir()]
    others = [path for path in inside if path.suffix != ".jpg" and path.name not in own]
    return sorted(path.relative_to(folder).as_posix() for path in others) + sorted(
        path.name for path in folder.iterdir() if path.name not in own
    )


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _fill(folder: Path, settings: dict, progress: bool) -> None:
    seed, cameras = settings["seed"], settings["cameras"]
    n_train, n_test = settings["train_identities"], settings["test_identities"]
    rng = stream(seed, 0)
    pids = rng.permutation(n_train + n_test) + 1
    train_pids, test_pids = np.sort(pids[:n_train]), np.sort(pids[n_train:])
    n_strangers = max(1, round(settings["distractors"] / 2.5))
    stranger_keys = 10_000 + np.arange(n_strangers)
    targets = {}
    for keys, floor in ((train_pids, 2), (test_pids, 1), (stranger_keys, 0)):
        targets |= dict(zip(keys.tolist(), allocate(len(keys), rng, floor), strict=True))
    people = {key: person(row, stream(seed, 1, key)) for key, row in targets.items()}

    shots = _plan_train(train_pids.tolist(), settings, rng)
    shots += _plan_test(test_pids.tolist(), stranger_keys.tolist(), settings, rng)
    for name in _FOLDERS:
        (folder / name).mkdir()
    studio = Studio(seed, cameras, people)
    for shot in bar(shots, show=progress, desc="drawing pedestrians", unit="image"):
        (folder / shot.folder / shot.file).write_bytes(studio.picture(shot))

    train = to_annotations(np.array([targets[pid] for pid in train_pids.tolist()]))[ANNOTATION_COLUMNS]
    train.insert(0, "id", train_pids)
    train.to_csv(folder / "annotations_train.csv", index=False, lineterminator="\n")
    tested = [shot for shot in shots if shot.folder != "train"]
    table = pd.DataFrame(
        [(s.folder, s.file, s.pid, s.camera) for s in tested], columns=["folder", "file", "pid", "camera"]
    )
    annotations = to_annotations(np.array([targets[pid] for pid in test_pids.tolist()]))
    annotations.index = test_pids
    table = table.join(annotations.astype("Int64"), on="pid").sort_values(["folder", "file"])
    table.to_csv(folder / TRUTH_FILE, index=False, lineterminator="\n")


# --- who is there, and where -----------------------------------------------------------------------------------------


def class_counts(shares: tuple[float, ...], count: int, floor: int) -> np.ndarray:
    """How many of `count` identities get each class: near the shares, at least `floor` where there are enough."""
    shares = np.asarray(shares) / np.sum(shares)
    floor = min(floor, count // len(shares))
    counts = np.maximum(np.floor(shares * count), floor).astype(int)
    while counts.sum() < count:
        counts[np.argmax(shares * count - counts)] += 1
    while counts.sum() > count:
        counts[np.argmax(np.where(counts > floor, counts - shares * count, -np.inf))] -= 1
    return counts


def allocate(count: int, rng: np.random.Generator, floor: int) -> np.ndarray:
    """Attributes of `count` people: target form, int `(count, 12)`, class counts exactly those of `class_counts`."""
    chosen = {}
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


def _spread(total: int, parts: int, rng: np.random.Generator, least: int) -> list[int]:
    """`total` in `parts` uneven whole numbers, each at least `least`."""
    weights = rng.uniform(0.4, 1.6, parts)
    exact = (total - least * parts) * weights / weights.sum()
    numbers = np.floor(exact).astype(int)
    numbers[np.argsort(numbers - exact, kind="stable")[: total - least * parts - numbers.sum()]] += 1
    return (numbers + least).tolist()


def _pick_cameras(cameras: int, images: int, rng: np.random.Generator) -> list[int]:
    count = min(int(rng.choice([2, 3, 4, 5, 6], p=[0.12, 0.25, 0.30, 0.20, 0.13])), cameras, images)
    return sorted((rng.permutation(cameras)[:count] + 1).tolist())


def _plan_train(pids: list[int], settings: dict, rng: np.random.Generator) -> list[Shot]:
    shots = []
    for pid, images in zip(pids, _spread(settings["train_images"], len(pids), rng, 2), strict=True):
        cameras = _pick_cameras(settings["cameras"], images, rng)
        for camera, count in zip(cameras, _spread(images, len(cameras), rng, 1), strict=True):
            sequence, frame = int(rng.integers(1, 4)), int(rng.integers(1, 30_000))
            for index in range(count):
                file = f"{pid:04d}_c{camera}s{sequence}_{frame + 25 * index:06d}_{int(rng.integers(1, 5)):02d}.jpg"
                shots.append(Shot("train", file, pid, pid, camera, sequence, index))
    return shots


def _plan_test(pids: list[int], strangers: list[int], settings: dict, rng: np.random.Generator) -> list[Shot]:
    """Queries and gallery; each query's person is in the gallery, by the same camera and by another one."""
    asked, shown = [], []
    images_of = _spread(settings["gallery"] - settings["distractors"] - settings["junk"], len(pids), rng, 2)
    queries_of = np.full(len(pids), settings["queries"] // len(pids))
    queries_of[rng.permutation(len(pids))[: settings["queries"] % len(pids)]] += 1
    for pid, images, queries in zip(pids, images_of, queries_of.tolist(), strict=True):
        cameras = _pick_cameras(settings["cameras"], images, rng)
        sequences = {camera: int(rng.integers(1, 4)) for camera in cameras}
        for camera, count in zip(cameras, _spread(images, len(cameras), rng, 1), strict=True):
            shown += [Shot("test", "", pid, pid, camera, sequences[camera], index) for index in range(count)]
        order = rng.permutation(cameras).tolist()
        for number in range(queries):
            camera = order[number % len(order)]
            asked.append(Shot("queries", "", pid, pid, camera, sequences[camera], 10_000 + number // len(order)))
    for index in range(settings["distractors"]):
        who, camera = strangers[index % len(strangers)], int(rng.integers(1, settings["cameras"] + 1))
        kind = "cropped" if rng.random() < 0.2 else "person"
        shown.append(Shot("test", "", 0, who, camera, int(rng.integers(1, 4)), index, kind))
    for index in range(settings["junk"]):
        who, camera = int(rng.choice(pids)), int(rng.integers(1, settings["cameras"] + 1))
        kind = ("background", "legs", "upper", "pair", "edge")[index % 5]
        shown.append(Shot("test", "", -1, who, camera, int(rng.integers(1, 4)), 20_000 + index, kind))
    named = []
    for shots in (asked, shown):
        numbers = rng.permutation(len(shots)).tolist()
        named += [replace(shot, file=f"{number:06d}.jpg") for shot, number in zip(shots, numbers, strict=True)]
    return named
