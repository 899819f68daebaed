"""Data sets on disk, made up: every layout with files called like images, and annotations at random."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, TASKS, to_annotations
from assignment_lib.data.dataset import load

TRAIN_NAMES = ("0002_c1s1_000451_03.jpg", "0002_c3s1_000551_01.jpg", "0007_c2s3_000001_01.jpg", "0011_c6s4_01.png")
GALLERY_NAMES = ("-1_c1s1_000401_03.jpg", "0000_c1s1_000151_01.jpg", "0001_c2s1_000001_00.jpg", "0003_c3s1_01.jpg")
PIDS = (2, 7, 11)


def images(folder: Path, names) -> Path:
    """Files called like images, each with content of its own: `load` never opens one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(os.fsencode(f"{folder.name}/{name}"))
    return folder


def random_annotations(pids, seed: int = 0) -> pd.DataFrame:
    """29 columns, index pid."""
    random = np.random.default_rng(seed)
    targets = pd.DataFrame({task: random.integers(0, len(classes), len(pids)) for task, classes in TASKS.items()})
    return to_annotations(targets).set_axis(pd.Index(pids, name="id"))


def course(folder: Path, names=TRAIN_NAMES, pids=PIDS) -> Path:
    images(folder / "train", names)
    images(folder / "test", ["000001.jpg", "000000.jpg", "000002.jpg"])
    images(folder / "queries", ["000000.jpg"])
    random_annotations(pids)[ANNOTATION_COLUMNS].to_csv(folder / "annotations_train.csv")
    return folder


def save_mat(path: Path, train_pids=PIDS, test_pids=(1, 3), drop=(), change=None) -> dict[str, pd.DataFrame]:
    """A `market_attribute.mat` as the authors' is built; returns the annotations in it."""
    parts = {"train": random_annotations(train_pids, 1), "test": random_annotations(test_pids, 2)}
    fields = {}
    for part, frame in parts.items():
        # as in the real file: another order in each part
        columns = ANNOTATION_COLUMNS if part == "test" else sorted(ANNOTATION_COLUMNS)
        fields[part] = {column: frame[[column]].to_numpy(np.uint8).T for column in columns if column not in drop}
        fields[part]["image_index"] = np.array([f"{pid:04d}" for pid in frame.index], object)
    if change:
        change(fields)
    scipy.io.savemat(path, {"market_attribute": fields})
    return {part: frame[ANNOTATION_COLUMNS] for part, frame in parts.items()}


def market(folder: Path, mat: Path | None = None) -> Path:
    images(folder / "bounding_box_train", TRAIN_NAMES)
    images(folder / "bounding_box_test", GALLERY_NAMES)
    images(folder / "query", ["0001_c1s1_000001_00.jpg", "0003_c4s1_000001_00.jpg"])
    images(folder / "gt_bbox", ["0002_c1s1_000451_00.jpg"])
    if mat:
        save_mat(mat)
    return folder


def zipped(folder: Path, archive: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, prefix + path.relative_to(folder).as_posix())
    return archive


def refused(kind, path, *words, **options) -> str:
    """The one sentence that `load(path)` raises; it holds all `words`."""
    with pytest.raises(kind) as raised:
        load(path, **options)
    sentence = str(raised.value)
    assert type(raised.value) is kind
    assert "\n" not in sentence
    for word in words:
        assert str(word) in sentence, sentence
    return sentence
