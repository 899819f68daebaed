"""A drawn data set for both modules: drawn once, never written to."""

import pytest

from synthetic_pedestrians import draw


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    counts = dict(train_identities=24, test_identities=12, train_images=150, queries=20, gallery=80)
    return draw(tmp_path_factory.mktemp("drawn") / "small", distractors=10, junk=7, seed=3, progress=False, **counts)
