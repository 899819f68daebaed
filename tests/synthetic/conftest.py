"""Drawn data sets for several modules: drawn once, never written to."""

import shutil
from pathlib import Path

import pytest
from drawn_people import SMALL, TINY

from synthetic_pedestrians import draw


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    return draw(tmp_path_factory.mktemp("drawn") / "small", progress=False, **SMALL)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return draw(tmp_path_factory.mktemp("drawn") / "tiny", **TINY)


@pytest.fixture
def drawn(tiny, tmp_path) -> Path:
    """A copy of `tiny` that a test may change."""
    return Path(shutil.copytree(tiny, tmp_path / "set"))
