"""Shared by all tests: the project and its tools on the path, an environment without settings, small data sets."""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

os.environ["TQDM_DISABLE"] = "1"  # bars would fill the output of a failing test
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tools"))

import synthetic_pedestrians as synthetic
from assignment_lib.data import dataset
from assignment_lib.data.attributes import TASKS


@pytest.fixture(scope="session")
def few_data(tmp_path_factory):
    """A drawn data set of twenty training persons with six images each."""
    folder = tmp_path_factory.mktemp("drawn") / "few"
    synthetic.draw(folder, train_identities=20, test_identities=6, train_images=120, progress=False)
    return dataset.load(folder)


@pytest.fixture
def no_settings(monkeypatch, tmp_path):
    """No settings in the environment, and an empty folder for runs."""
    for name in [name for name in os.environ if name.startswith("ASSIGNMENT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ASSIGNMENT_RUNS", str(tmp_path / "runs"))


@pytest.fixture
def make_table():
    """`make_table(identities, images, seed)`: a training table with random attributes, the same for one identity."""

    def make(identities: int = 30, images: int = 4, seed: int = 0) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        persons = pd.DataFrame({"pid": np.arange(identities) * 3 + 2})
        for task, classes in TASKS.items():
            # unbalanced, as pedestrians are: the first class takes most
            shares = np.array([0.7] + [0.3 / (len(classes) - 1)] * (len(classes) - 1))
            persons[task] = random.choice(len(classes), identities, p=shares)
        table = persons.loc[persons.index.repeat(images)].reset_index(drop=True)
        camera = np.tile(np.arange(images) % 3 + 1, identities)
        names = [
            f"{pid:04d}_c{c}s1_{i:06d}_00.jpg" for i, (pid, c) in enumerate(zip(table["pid"], camera, strict=True))
        ]
        table.insert(0, "path", ["/nowhere/" + name for name in names])
        table.insert(1, "file", names)
        table.insert(3, "camera", camera)
        return table

    return make
