"""Shared by the tests of data on disk."""

import pytest
from made_up_folders import images, market

from assignment_lib import environment
from assignment_lib.data import dataset
from assignment_lib.data.dataset import load
from assignment_lib.data.market1501 import to_course


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Relative paths and archives never touch the project's own data/."""
    folder = tmp_path / "project data"
    for module in (dataset, environment):
        monkeypatch.setattr(module, "DATA_FOLDER", folder)
    return folder


@pytest.fixture
def converted(tmp_path):
    """A made-up Market-1501, and the folder it was converted to."""
    folder = market(tmp_path / "market1501", tmp_path / "market_attribute.mat")
    images(folder / "bounding_box_test", [f"0003_c{camera}s1_{frame}.jpg" for camera in range(6) for frame in range(4)])
    source = load(folder)
    return source, to_course(source, tmp_path / "as course", seed=3)
