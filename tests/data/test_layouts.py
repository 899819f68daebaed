"""Every layout is found and read; what is missing, dropped or contradictory is named."""

import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
from assignment_lib.data.layouts import parse_name


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
    sentence = refused(FileNotFoundError, folder, folder / "annotations_train.csv", "is missing")
    assert str(folder / "train") in sentence and "queries, test" in sentence
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
    refused(FileNotFoundError, archive, archive, "test, queries but no folder train/")
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
    refused(ValueError, tmp_path / "all", "holds several data sets (a, b); pass the folder of one of them")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("0002_c1s1_000451_03.jpg", (2, 1)),
        ("-1_c1s1_000401_03.jpg", (-1, 1)),
        ("0000_c6s1_000401_03.jpg.jpg", (0, 6)),
        ("0005_c2_f0046985.jpg", (5, 2)),
        ("0001_c001_00016450_0.jpg", (1, 1)),
        ("1501_c3.png", (1501, 3)),
        ("1501_C3S1.PNG", (1501, 3)),
        ("0042_cam3_1.jpg", (42, 3)),
        ("0042_c1-000451.jpg", (42, 1)),
        ("0042_c1 (2).jpg", (42, 1)),
        ("0042_portrait.jpg", (42, -1)),
        ("0042_cat3s.jpg", (42, -1)),
        ("0042_c12x.jpg", (42, -1)),
    ],
)
def test_names_as_data_sets_have_them(name, expected):
    assert parse_name(name) == expected


@settings(deadline=None)
@given(st.integers(-1, 10**17), st.integers(0, 999), st.integers(1, 9), st.integers(0, 999_999), st.integers(0, 8),
       st.sampled_from(["jpg", "JPEG", "png", "bmp"]))  # fmt: skip
def test_names_round_trip(pid, camera, sequence, frame, width, suffix):
    assert parse_name(f"{pid:0{width}d}_c{camera}s{sequence}_{frame:06d}_01.{suffix}") == (pid, camera)


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_any_name_parses_or_is_refused_by_name(first, rest):
    name = f"{first}_{rest}"
    try:
        pid, camera = parse_name(name)
    except ValueError as error:
        assert name in str(error)
        assert not (first.isascii() and first.isdigit() and len(first) <= 18)
    else:
        assert int(first.partition("_")[0]) == pid and camera >= -1


@pytest.mark.parametrize(
    "name", ["000123.jpg", "_c1.jpg", "abc_c1.jpg", "2-3_c1.jpg", "٣_c1.jpg", "9" * 30 + "_c1.jpg"]
)
def test_names_without_an_id(name):
    with pytest.raises(ValueError, match="does not begin with a person id"):
        parse_name(name)


def test_suffixes_clutter_and_case(tmp_path):
    folder = course(tmp_path / "course")
    for name in ("0002_c1s1_9.JPG", "0007_c1.jpeg", "0007_c2.Png", "0011_c1.BMP"):
        shutil.copy(folder / "train" / TRAIN_NAMES[0], folder / "train" / name)
    for name in ("._0002_c1.jpg", ".DS_Store", "Thumbs.db", "readme.txt", "0002_c1.txt"):
        (folder / "train" / name).write_bytes(b"x")
    (folder / "train" / "0002_c9.jpg").mkdir()
    (folder / "train").rename(folder / "Train")
    data = load(folder)
    assert len(data.train) == len(TRAIN_NAMES) + 4
    assert data.notes == ("2 files in Train/ are not images and are ignored (2 .txt), such as 0002_c1.txt",)
    assert "0011_c1.BMP" in set(data.train["file"])


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
    assert data.notes == (
        "no market_attribute.mat in or next to market1501/: re-identification only, without attributes",
    )
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
        "no annotations: re-identification only, without attributes",
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
    refused(ValueError, tmp_path / "several", "several folders of images (one, two) with unknown names")


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
    assert data.notes == ("1 junk images (id -1) in train/ are excluded from the training set",)


def test_a_folder_without_images(tmp_path):
    folder = course(tmp_path / "course")
    for path in (folder / "train").iterdir():
        path.unlink()
    refused(FileNotFoundError, folder, folder / "train", "holds no images")


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


def test_every_format_that_pillow_reads_is_loaded(tmp_path):
    folder = course(tmp_path / "course")
    images(folder / "train", ["0002_c5.webp", "0002_c6.tif"])
    images(folder / "test", ["000009.webp"])
    data = load(folder)
    assert {"0002_c5.webp", "0002_c6.tif"} <= set(data.train["file"]) and "000009.webp" in set(data.gallery["file"])
    assert data.notes == ()


@pytest.mark.parametrize("part", ["train", "test", "queries"])
def test_a_link_to_a_missing_file_is_an_error(tmp_path, part):
    folder = course(tmp_path / "course")
    (folder / part / "0002_c1s1_lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    refused(FileNotFoundError, folder, folder / part, "0002_c1s1_lost.jpg", "1 links point to missing files")


@pytest.mark.parametrize("part", ["bounding_box_test", "query"])
def test_a_test_with_cameras_in_some_names_only_is_refused(tmp_path, part):
    folder = market(tmp_path / "market1501")
    images(folder / part, ["0003_camera3_01.jpg"])
    refused(ValueError, folder, "1 of 7 test images have no camera", "0003_camera3_01.jpg")


@pytest.mark.parametrize("gallery", ["gallery", "test"])
def test_train_query_and_gallery_folders_are_read(tmp_path, gallery):
    images(tmp_path / "d" / "train", TRAIN_NAMES)
    images(tmp_path / "d" / gallery, ["0001_c1_1.jpg", "-1_c1_1.jpg"])
    images(tmp_path / "d" / "query", ["0001_c2_1.jpg"])
    data = load(tmp_path / "d")
    assert data.layout == "gallery" and data.has_test_identities and not data.has_attributes
    assert data.gallery["pid"].tolist() == [-1, 1] and data.query["camera"].tolist() == [2]


def test_a_gallery_without_queries_is_refused(tmp_path):
    images(tmp_path / "d" / "train", TRAIN_NAMES)
    images(tmp_path / "d" / "gallery", ["0001_c1_1.jpg"])
    refused(FileNotFoundError, tmp_path / "d", "train, gallery", "query/")


@pytest.mark.parametrize("inner", ["", "train"])
def test_one_folder_per_person(tmp_path, inner):
    for pid in ("0007", "0012"):
        images(tmp_path / "people" / inner / pid, [f"{pid}_c2s1_1.jpg", "c3_2.jpg", "portrait.jpg"])
    data = load(tmp_path / "people")
    assert data.train["pid"].tolist() == [7, 7, 7, 12, 12, 12]
    assert data.train["camera"].tolist() == [2, 3, -1] * 2
    assert all(Path(path).is_file() for path in data.train["path"])


@pytest.mark.parametrize("part", ["test", "queries"])
@pytest.mark.parametrize("name", ["a b.jpg", "a,b.jpg"])
def test_names_that_the_output_files_cannot_hold_are_refused_at_load(tmp_path, part, name):
    folder = course(tmp_path / "course")
    images(folder / part, [name])
    refused(ValueError, folder, folder / part / name, "rename it")
