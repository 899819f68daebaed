"""Contents of the drawn data set, class frequencies, and protection of folders and of parallel processes."""

import json
import re
import shutil
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest

from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_targets
from synthetic_pedestrians import draw, drawing
from synthetic_pedestrians.drawing import FOLDERS, SHARES, allocate, class_counts
from synthetic_pedestrians.scenes import Renderer

TINY = dict(train_identities=4, test_identities=3, train_images=8, queries=3, gallery=9, progress=False)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    counts = dict(train_identities=24, test_identities=12, train_images=150, queries=20, gallery=80)
    return draw(tmp_path_factory.mktemp("drawn") / "small", distractors=10, junk=7, seed=3, progress=False, **counts)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("drawn") / "tiny", **TINY)


@pytest.fixture
def drawn(tiny, tmp_path):
    """A copy of `tiny` that a test may change."""
    return shutil.copytree(tiny, tmp_path / "set")


@pytest.fixture
def truth(small):
    return pd.read_csv(small / "test_truth.csv", dtype={"file": str})


def test_names_and_counts_of_the_files(small):
    train, test, queries = (sorted(path.name for path in (small / name).iterdir()) for name in FOLDERS)
    assert len(train) == 150 and len({name[:4] for name in train}) == 24
    assert all(re.fullmatch(r"\d{4}_c[1-6]s[1-3]_\d{6}_\d{2}\.jpg", name) for name in train)
    assert test == [f"{number:06d}.jpg" for number in range(80)]
    assert queries == [f"{number:06d}.jpg" for number in range(20)]


def test_annotations_have_every_class_twice(small):
    table = pd.read_csv(small / "annotations_train.csv")
    assert list(table.columns) == ["id", *ANNOTATION_COLUMNS]
    targets = to_targets(table)
    assert sorted(table["id"]) == sorted({int(path.name[:4]) for path in (small / "train").iterdir()})
    for task, classes in TASKS.items():  # 24 identities are enough for two of each of ten classes
        counts = np.bincount(targets[task], minlength=len(classes))
        assert counts.min() >= 2 and counts.tolist() == class_counts(SHARES[task], 24, 2).tolist(), task


def test_truth_describes_every_test_image(small, truth):
    for folder in ("test", "queries"):
        assert set(truth.loc[truth["folder"] == folder, "file"]) == {path.name for path in (small / folder).iterdir()}
    assert not truth.duplicated(["folder", "file"]).any()
    people = truth["pid"] > 0
    train = {int(path.name[:4]) for path in (small / "train").iterdir()}
    assert truth.loc[people, "pid"].nunique() == 12 and not train & set(truth["pid"])
    attributes = truth[CLASSIFICATION_COLUMNS]
    assert attributes[~people].isna().all(axis=None) and not to_targets(attributes[people].astype(int)).empty
    assert (attributes[people].groupby(truth["pid"]).nunique() == 1).all(axis=None)
    special = truth[~people].groupby(["folder", "pid"]).size()
    assert special.to_dict() == {("test", -1): 7, ("test", 0): 10}


def test_queries_are_in_the_gallery_and_file_names_do_not_reveal_people(truth):
    gallery = truth[truth["folder"] == "test"].sort_values("file")
    for query in truth[truth["folder"] == "queries"].itertuples():
        cameras = set(gallery.loc[gallery["pid"] == query.pid, "camera"])
        assert query.camera in cameras and cameras - {query.camera}
    pids = gallery.loc[gallery["pid"] > 0, "pid"].to_numpy()
    assert (pids[1:] == pids[:-1]).mean() < 0.4  # in the order of drawing it would be above 0.8


def test_same_arguments_same_bytes(tiny, tmp_path):
    assert files(tiny) == files(draw(tmp_path / "two", **TINY))
    other = files(draw(tmp_path / "three", seed=1, **TINY))
    assert files(tiny)["test/000000.jpg"] != other["test/000000.jpg"]


@pytest.mark.parametrize(
    "changes, word",
    [(dict(cameras=1), "cameras"), (dict(train_images=7), "train_images"), (dict(gallery=5), "gallery"),
     (dict(junk=-1), "negative"), (dict(test_identities=9_999), "9999")],
)  # fmt: skip
def test_counts_that_do_not_fit_are_refused(tmp_path, changes, word):
    with pytest.raises(ValueError, match=word):
        draw(tmp_path / "set", **(TINY | changes))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("count", [20, 80, 751])
def test_class_counts_follow_the_shares_and_omit_no_class(count):
    for task, shares in SHARES.items():
        counts = class_counts(shares, count, 2)
        assert len(counts) == len(TASKS[task]) and counts.sum() == count and counts.min() >= 2
        assert np.abs(counts - np.maximum(np.array(shares) * count, 2)).max() <= 2 * len(shares)
    assert class_counts(SHARES["age"], 751, 2).tolist() == [14, 569, 160, 8]


def test_attributes_are_correlated_as_in_market_1501():
    people = pd.DataFrame(allocate(300, np.random.default_rng(0), 2), columns=list(TASKS))
    female = people["gender"] == 1
    assert female[people["clothes"] == 0].mean() > 0.95
    assert female[people["hair"] == 1].mean() > 0.9
    assert people.groupby(list(TASKS)).size().max() >= 3  # some people have equal attributes


def test_a_complete_folder_stays_and_another_is_replaced(drawn, monkeypatch):
    before = files(drawn)
    image = drawn / "test" / "000000.jpg"
    image.write_bytes(b"kept")
    assert draw(drawn, **TINY) == drawn and image.read_bytes() == b"kept"
    min((drawn / "train").iterdir()).unlink()
    assert files(draw(drawn, **TINY)) == before
    assert files(draw(drawn, seed=1, **TINY)) != before
    monkeypatch.setattr(drawing, "VERSION", drawing.VERSION + 1)
    draw(drawn, seed=1, **TINY)
    assert json.loads((drawn / "synthetic.json").read_text())["version"] == drawing.VERSION


def test_a_crash_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(Renderer, "jpeg", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        draw(tmp_path / "set", **TINY)
    assert not any(tmp_path.iterdir())


def test_a_folder_with_other_files_is_refused_untouched(tmp_path):
    thesis = tmp_path / "train" / "thesis.jpg"  # neither the name of the folder nor the suffix makes it ours
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    for folder in (thesis.parent, thesis):
        with pytest.raises(FileExistsError, match="Pass another folder"):
            draw(folder, **TINY)
    assert thesis.read_text() == "years of work"


@pytest.mark.parametrize("place", ["notes.txt", "photo.jpg", "train/notes.txt", "train/mine/photo.jpg"])
def test_a_file_added_to_a_drawn_folder_is_not_lost(drawn, place):
    (drawn / place).parent.mkdir(exist_ok=True)
    (drawn / place).write_text("mine")
    with pytest.raises(FileExistsError, match=re.escape(place.rsplit("/", 1)[0])):
        draw(drawn, seed=1, **TINY)
    assert (drawn / place).read_text() == "mine"


@pytest.mark.parametrize("outdated", [False, True])
def test_the_result_of_a_process_that_finished_first_is_used(tiny, tmp_path, monkeypatch, outdated):
    """Another process draws the whole folder while this one draws its first image."""
    folder, jpeg, inodes = tmp_path / "set", Renderer.jpeg, []
    if outdated:
        draw(folder, seed=1, **TINY)

    def slow(self, shot):
        monkeypatch.setattr(Renderer, "jpeg", jpeg)
        draw(folder, **TINY)
        inodes.append(folder.stat().st_ino)
        return self.jpeg(shot)

    monkeypatch.setattr(Renderer, "jpeg", slow)
    draw(folder, **TINY)
    assert [folder.stat().st_ino] == inodes, "the first result was replaced"
    assert files(folder) == files(tiny) and [path.name for path in tmp_path.iterdir()] == ["set"]
