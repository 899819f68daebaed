"""One folder of images as a table: types, empty folders, junk, names without an id."""

import shutil

import numpy as np
import pandas as pd
import pytest
from made_up_folders import TRAIN_NAMES, course, images, market, refused

from assignment_lib.data.dataset import load


def test_types_and_index_are_the_same_for_full_and_empty_tables(tmp_path):
    data = load(course(tmp_path / "full"))
    shutil.rmtree(tmp_path / "full" / "test")
    empty = load(tmp_path / "full").gallery
    assert len(empty) == 0
    for table in (data.train, data.query, data.gallery, empty):
        assert isinstance(table.index, pd.RangeIndex)
        assert (table.drop(columns=["path", "file"]).dtypes == np.int64).all()
        assert table["path"].dtype == data.train["path"].dtype
    assert all(isinstance(path, str) for path in data.train["path"])


@pytest.mark.parametrize("gone", ["test", "queries"])
def test_a_missing_test_folder_is_noted(tmp_path, gone):
    folder = course(tmp_path / "course")
    shutil.rmtree(folder / gone)
    data = load(folder)
    assert len(data.gallery if gone == "test" else data.query) == 0
    assert data.notes == (f"no {gone}/: this part of the test is empty",)


def test_an_empty_test_folder_is_noted(tmp_path):
    folder = course(tmp_path / "course")
    for path in (folder / "test").iterdir():
        path.unlink()
    assert load(folder).notes == ("no images in test/: this part of the test is empty",)


def test_a_file_called_like_a_folder_is_none(tmp_path):
    folder = course(tmp_path / "course")
    shutil.rmtree(folder / "queries")
    (folder / "queries").write_text("x")
    assert load(folder).notes == ("no queries/: this part of the test is empty",)


def test_junk_in_the_training_set_is_left_out_and_noted(tmp_path):
    folder = course(tmp_path / "course")
    images(folder / "train", ["-1_c1s1_000001_00.jpg"])
    data = load(folder)
    assert len(data.train) == len(TRAIN_NAMES) and data.train.index.tolist() == [0, 1, 2, 3]
    assert data.notes == ("1 junk images (id -1) in train/ are left out of the training set",)


def test_a_folder_without_images(tmp_path):
    folder = course(tmp_path / "course")
    for path in (folder / "train").iterdir():
        path.unlink()
    refused(FileNotFoundError, folder, folder / "train", "holds no images", ".jpg")


def test_a_training_image_without_an_id(tmp_path):
    folder = course(tmp_path / "course")
    images(folder / "train", ["portrait.jpg"])
    refused(ValueError, folder, folder / "train", "file name portrait.jpg", "rename or remove it")


def test_a_gallery_image_without_an_id_is_refused(tmp_path):
    folder = market(tmp_path / "market1501")
    images(folder / "bounding_box_test", ["000123.jpg"])
    refused(ValueError, folder, folder / "bounding_box_test", "000123.jpg")


def test_cameras_may_be_unknown(tmp_path):
    images(tmp_path / "plain", ["0001_a.jpg", "0001_c2.jpg"])
    data = load(tmp_path / "plain")
    assert data.train["camera"].tolist() == [-1, 2] and not data.has_cameras
