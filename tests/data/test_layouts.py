"""Every layout is found, also one folder deep; what is missing is named."""

import shutil
import tarfile
from pathlib import Path

import pytest
from made_up_folders import TRAIN_NAMES, course, images, market, refused, zipped

from assignment_lib.data.dataset import load


@pytest.mark.parametrize("prefix", ["", "course/", "Kurs 2024/"])
@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz"])
def test_found_one_folder_deep_and_in_archives(tmp_path, data_folder, prefix, kind):
    source = course(tmp_path / "source" / prefix).relative_to(tmp_path / "source")
    images(tmp_path / "source" / "__MACOSX" / "train", ["._0002_c1.jpg"])
    given = tmp_path / "source"
    if kind == "zip":
        given = zipped(given, tmp_path / "My Course.zip")
    elif kind == "tar.gz":
        given = tmp_path / "My Course.tar.gz"
        with tarfile.open(given, "w:gz") as file:
            file.add(tmp_path / "source", ".")
    data = load(given)
    expected = tmp_path / "source" if kind == "folder" else data_folder / "my-course"
    assert data.root == expected / source
    assert data.name == ("source" if kind == "folder" else "my-course")
    assert data.train["file"].tolist() == sorted(TRAIN_NAMES)
    assert all(Path(path).is_file() for path in data.train["path"])


def test_a_missing_annotation_file(tmp_path):
    folder = course(tmp_path / "course")
    (folder / "annotations_train.csv").unlink()
    sentence = refused(FileNotFoundError, folder, folder / "annotations_train.csv", "is missing; put it beside train/")
    assert f"give {folder / 'train'} itself" in sentence
    assert not load(folder / "train").has_attributes


def test_market1501_without_its_training_folder(tmp_path):
    folder = market(tmp_path / "market1501")
    shutil.rmtree(folder / "bounding_box_train")
    refused(FileNotFoundError, folder, folder, "bounding_box_test, query but no folder bounding_box_train/; add it")


@pytest.mark.parametrize("prefix", ["", "deep/"])
def test_a_zip_without_train_is_named_and_leaves_nothing(tmp_path, data_folder, prefix):
    source = course(tmp_path / "source")
    shutil.rmtree(source / "train")
    archive = zipped(source, tmp_path / "course.zip", prefix)
    refused(FileNotFoundError, archive, archive, "test, queries, annotations_train.csv but no folder train/")
    assert not list(data_folder.glob("*"))


def test_folders_that_hold_no_data_set(tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    refused(FileNotFoundError, folder, folder, "is empty; expected train/, test/, queries/", "bounding_box_train/")
    (folder / "thesis.tex").write_text("x")
    (folder / ".hidden").write_text("x")
    refused(FileNotFoundError, folder, f"{folder} holds no data set, only thesis.tex; expected train/")


def test_several_data_sets_in_one_folder(tmp_path):
    course(tmp_path / "all" / "a")
    market(tmp_path / "all" / "b")
    refused(ValueError, tmp_path / "all", "holds several data sets (a, b); give the folder of one of them")
