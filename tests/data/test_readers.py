"""What each layout becomes: the course's, the official Market-1501, plain folders."""

import os
import shutil

import pandas as pd
import pytest
from made_up_folders import (
    PIDS,
    REAL,
    TRAIN_NAMES,
    course,
    images,
    market,
    needs_real,
    random_annotations,
    refused,
    save_mat,
    zipped,
)

from assignment_lib.data.attributes import TASKS, to_targets
from assignment_lib.data.dataset import load


def test_course_tables(tmp_path):
    folder = course(tmp_path / "Course Data", reversed(TRAIN_NAMES))
    data = load(folder)
    assert (data.name, data.layout, data.root, data.notes) == ("course-data", "course", folder, ())
    assert data.train["file"].tolist() == sorted(TRAIN_NAMES)
    assert data.train["path"].tolist() == [str(folder / "train" / name) for name in sorted(TRAIN_NAMES)]
    assert data.train["pid"].tolist() == [2, 2, 7, 11]
    assert data.train["camera"].tolist() == [1, 3, 2, 6]
    expected = to_targets(random_annotations(PIDS)).loc[[2, 2, 7, 11]].reset_index(drop=True)
    pd.testing.assert_frame_equal(data.train[list(TASKS)], expected)
    assert data.gallery["file"].tolist() == ["000000.jpg", "000001.jpg", "000002.jpg"]
    assert data.query["path"].tolist() == [str(folder / "queries" / "000000.jpg")]
    for table in (data.query, data.gallery):
        assert list(table.columns) == ["path", "file", "pid", "camera"]
        assert set(table["pid"]) == {-2} and set(table["camera"]) == {-1}
    assert data.has_attributes and data.has_cameras and not data.has_test_identities


def test_anonymous_images_stay_anonymous_whatever_they_are_called(tmp_path):
    folder = course(tmp_path / "course")
    images(folder / "test", ["0007_c1s1_000001_00.jpg"])
    assert set(load(folder).gallery["pid"]) == {-2}


def test_annotations_without_images_are_noted(tmp_path):
    data = load(course(tmp_path / "course", pids=(2, 7, 9, 11, 15)))
    assert data.notes == ("annotations_train.csv: ids 9, 15 have annotations but no images in train/",)
    assert set(data.train["pid"]) == {2, 7, 11}


@pytest.mark.parametrize("place", [".", "..", "attribute", "../attribute", "Market-1501_Attribute"])
def test_market1501_tables(tmp_path, place):
    folder = tmp_path / "in" / "Market-1501-v15.09.15"
    market(folder)
    mat = (folder / place).resolve() / "market_attribute.mat"
    mat.parent.mkdir(parents=True, exist_ok=True)
    frames = save_mat(mat)
    data = load(folder)
    assert (data.name, data.layout, data.notes) == ("market-1501-v15.09.15", "market1501", ())
    assert data.train["pid"].tolist() == [2, 2, 7, 11]
    assert data.gallery["pid"].tolist() == [-1, 0, 1, 3] and data.gallery["camera"].tolist() == [1, 1, 2, 3]
    assert data.query["pid"].tolist() == [1, 3] and data.query["camera"].tolist() == [1, 4]
    assert data.has_attributes and data.has_test_identities and data.has_cameras
    for table, annotations in ((data.train, frames["train"]), (data.query, frames["test"])):
        expected = to_targets(annotations).loc[table["pid"]].reset_index(drop=True)
        pd.testing.assert_frame_equal(table[list(TASKS)], expected)
    assert (data.gallery.loc[:1, list(TASKS)] == -1).all(axis=None)
    assert (data.gallery.loc[2:, list(TASKS)] >= 0).all(axis=None)


def test_market1501_without_attributes_is_re_id_only(tmp_path):
    data = load(market(tmp_path / "in" / "market1501"))
    assert not data.has_attributes and data.has_test_identities
    assert data.notes == ("no market_attribute.mat in or beside the folder market1501: re-ID only, without attributes",)
    assert list(data.gallery.columns) == ["path", "file", "pid", "camera"]


def test_market1501_in_an_archive_with_the_attributes_beside_it(tmp_path):
    archive = zipped(market(tmp_path / "source"), tmp_path / "Market-1501-v15.09.15.zip", "Market-1501-v15.09.15/")
    save_mat(tmp_path / "market_attribute.mat")
    data = load(archive)
    assert data.has_attributes and data.name == "market-1501-v15.09.15"


def test_test_identities_without_attributes_are_noted(tmp_path):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", test_pids=(3,))
    data = load(folder)
    assert data.notes == ("market_attribute.mat: id 1 has test images but no annotations",)
    assert (data.query.loc[data.query["pid"] == 1, list(TASKS)] == -1).all(axis=None)


def test_a_training_identity_without_attributes_is_refused(tmp_path):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", train_pids=(2, 11))
    refused(ValueError, folder, folder / "market_attribute.mat", "id 7 has training images but no annotations")


@needs_real
def test_the_official_list_as_a_data_set(tmp_path):
    """The real names and attributes through `load`, with empty files for the images, which are never opened."""
    folder = tmp_path / "market1501" / "bounding_box_train"
    folder.mkdir(parents=True)
    for name in (REAL / "train_files.txt").read_text().split():
        os.close(os.open(folder / name, os.O_CREAT))
    shutil.copy(REAL / "market_attribute.mat", tmp_path)
    data = load(folder.parent)
    assert len(data.train) == 12_936 and data.train["pid"].nunique() == 751
    assert data.has_attributes and data.has_cameras and not data.has_test_identities
    assert len(data.notes) == 2  # no query, no gallery


@pytest.mark.parametrize("inner", ["", "train", "my images"])
def test_plain_folders_are_re_id_only(tmp_path, inner):
    folder = tmp_path / "plain"
    images(folder / inner, TRAIN_NAMES)
    data = load(folder)
    assert (data.layout, data.name) == ("plain", "plain")
    assert data.train["pid"].tolist() == [2, 2, 7, 11] and list(data.train.columns) == ["path", "file", "pid", "camera"]
    assert len(data.query) == len(data.gallery) == 0
    assert not data.has_attributes and not data.has_test_identities
    assert data.notes == (
        "no annotations: re-ID only, without attributes",
        "no test set: gallery and queries are empty",
    )


def test_id_zero_is_mentioned(tmp_path):
    images(tmp_path / "plain", ["0000_c1.jpg", "0001_c2.jpg"])
    assert any("id 0 is treated as a person" in note for note in load(tmp_path / "plain").notes)


def test_plain_folders_that_are_refused(tmp_path):
    images(tmp_path / "anonymous", ["000001.jpg"])
    refused(ValueError, tmp_path / "anonymous", "000001.jpg", "does not begin with a person id")
    images(tmp_path / "junk", ["-1_c1.jpg"])
    refused(ValueError, tmp_path / "junk", "all its images are junk")
    for name in ("one", "two"):
        images(tmp_path / "several" / name, ["0001_c1.jpg"])
    refused(ValueError, tmp_path / "several", "several folders of images (one, two) under unknown names")
