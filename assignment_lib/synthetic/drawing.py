"""The built-in data set on disk: drawn pedestrians in the layout of the course, with no network and no real people.

    draw("data/synthetic")     train/ · test/ · queries/ · annotations_train.csv · test_truth.csv · synthetic.json

`data.truth.read_truth` tells who is in test/ and queries/, which the course keeps to itself.

It is meant to be learnable and not solved: six cameras with their own light, colours, sharpness and backgrounds, people of
equal clothing, occlusion, distractors and junk. Class shares follow Market-1501. The same arguments give the same files.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.annotations import ANNOTATIONS_FILE
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, to_annotations
from assignment_lib.data.truth import TRUTH_FILE
from assignment_lib.progress import bar
from assignment_lib.synthetic.counts import Counts, work_out
from assignment_lib.synthetic.marker import FOLDERS, check_own, is_complete, write_mark
from assignment_lib.synthetic.population import Population, populate
from assignment_lib.synthetic.shots import Shot, plan_test, plan_train
from assignment_lib.synthetic.streams import PLAN, stream
from assignment_lib.synthetic.studio import Studio


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
    """Draw the data set into `folder` and return its path; where it stands already, return at once.

    Counts left at None follow from the identities: 9 training images and 8.75 gallery images each, two queries, and 12 % of
    the gallery distractors (id 0), 6 % junk (id -1). `gallery` counts all images of `test/`. `cameras`: 2 to 9. Files are
    64 x 128 JPEGs. The same arguments give the same bytes. `progress` shows a bar that goes away.

    A folder drawn with other arguments, or left half-written, is drawn anew. Raises `FileExistsError` where `folder` holds
    anything this function has not made, and `ValueError` for counts that do not fit together.
    """
    counts = work_out(
        train_identities, test_identities, cameras, train_images, queries, gallery, distractors, junk, seed
    )
    target = Path(folder).resolve()
    if is_complete(target, counts):
        return Path(folder)
    # Drawn beside its place and moved there when whole, so that a crash never leaves half a data set that looks whole.
    part = target.with_name(target.name + ".part")
    for old in (target, part):
        check_own(old)
    _remove(part)
    part.mkdir(parents=True)
    write_mark(part, counts, complete=False)
    _fill(part, counts, progress)
    write_mark(part, counts, complete=True)
    _remove(target)
    os.replace(part, target)
    return Path(folder)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _fill(folder: Path, counts: Counts, progress: bool) -> None:
    rng = stream(counts.seed, PLAN)
    population = populate(counts, rng)
    shots = plan_train(population.train, counts, rng)
    shots += plan_test(population.test, population.strangers, counts, rng)
    for name in FOLDERS:
        (folder / name).mkdir()
    studio = Studio(counts.seed, counts.cameras, population.people(counts.seed))
    for shot in bar(shots, show=progress, desc="drawing pedestrians", unit="image"):
        (folder / shot.folder / shot.file).write_bytes(studio.picture(shot))
    _write_annotations(folder / ANNOTATIONS_FILE, population)
    _write_truth(folder / TRUTH_FILE, shots, population)


def _write_annotations(path: Path, population: Population) -> None:
    """One row a training identity, in the course's columns."""
    table = to_annotations(population.targets_of(population.train))[ANNOTATION_COLUMNS]
    table.insert(0, "id", population.train)
    table.to_csv(path, index=False, lineterminator="\n")


def _write_truth(path: Path, shots: list[Shot], population: Population) -> None:
    """One row an image of queries and gallery: who it is, the camera, and the annotations where it is a test identity."""
    rows = [(shot.folder, shot.file, shot.pid, shot.camera) for shot in shots if shot.folder != "train"]
    table = pd.DataFrame(rows, columns=["folder", "file", "pid", "camera"])
    annotations = to_annotations(population.targets_of(population.test))
    annotations.index = np.array(population.test)
    table = table.join(annotations.astype("Int64"), on="pid").sort_values(["folder", "file"])
    table.to_csv(path, index=False, lineterminator="\n")
