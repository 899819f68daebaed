"""Every layout is found and read; what is missing, ignored or contradictory is named."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up_archives import entries
from made_up_folders import PIDS, TRAIN_NAMES, course, images, market, random_annotations, refused, save_mat, zipped

from assignment_lib.data.attributes import TASKS, to_targets
from assignment_lib.data.dataset import load
from assignment_lib.data.layouts import parse_name


@pytest.mark.parametrize("prefix", ["", "course/", "Kurs 2024/"])
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_found_one_folder_deep_and_in_archives(tmp_path, data_folder, prefix, kind):
    source = course(tmp_path / "source" / prefix).relative_to(tmp_path / "source")
    images(tmp_path / "source" / "__MACOSX" / "train", ["._0002_c1.jpg"])
    given = tmp_path / "source"
    if kind == "zip":
        given = zipped(given, tmp_path / "My Course.zip")
    data = load(given)
    expected = tmp_path / "source" if kind == "folder" else data_folder / "my-course"
    assert data.root == expected / source
    assert data.name == ("source" if kind == "folder" else "my-course")
    assert data.train["file"].tolist() == sorted(TRAIN_NAMES)
    assert all(Path(path).is_file() for path in data.train["path"])


@pytest.mark.parametrize(
    ("made", "gone", "words"),
    [
        (course, "annotations_train.csv", "annotations_train.csv is missing next to train, queries, test"),
        (market, "bounding_box_train", "bounding_box_test, query but no folder bounding_box_train/; add it"),
        (course, "train", "test, queries but no folder train/; add it"),
    ],
)
@pytest.mark.parametrize("prefix", [None, "", "deep/"])
def test_a_missing_part_is_named(tmp_path, data_folder, made, gone, words, prefix):
    folder = made(tmp_path / "source")
    shutil.rmtree(folder / gone) if (folder / gone).is_dir() else (folder / gone).unlink()
    given = folder if prefix is None else zipped(folder, tmp_path / "a.zip", prefix)
    refused(FileNotFoundError, given, given, words)
    assert prefix is None or entries(data_folder) == set()  # a refused archive leaves nothing


def test_folders_that_hold_no_data_set(tmp_path):
    folder = images(tmp_path / "some", [])
    refused(FileNotFoundError, folder, folder, "is empty; expected train/, test/, queries/", "bounding_box_train/")
    images(folder, ["thesis.tex", ".hidden"])
    refused(FileNotFoundError, folder, f"{folder} holds no data set, only thesis.tex; expected train/")
    course(tmp_path / "all" / "a")
    market(tmp_path / "all" / "b")
    refused(ValueError, tmp_path / "all", "holds several data sets (a, b); pass the folder of one of them")
    images(tmp_path / "several" / "one", ["0001_c1.jpg"])
    images(tmp_path / "several" / "two", ["0001_c1.jpg"])
    refused(
        FileNotFoundError, tmp_path / "several", "holds no data set, only one, two; expected", "whose name is a number"
    )
    images(tmp_path / "d" / "train", TRAIN_NAMES)
    images(tmp_path / "d" / "gallery", ["0001_c1_1.jpg"])
    refused(FileNotFoundError, tmp_path / "d", "query/ or gallery/ is missing next to train, gallery")


@pytest.mark.parametrize(
    "name, expected",
    [
        ("0002_c1s1_000451_03.jpg", (2, 1)),
        ("-1_c1s1_000401_03.jpg", (-1, 1)),
        ("0005_c2_f0046985.jpg", (5, 2)),
        ("0001_c001_00016450_0.jpg", (1, 1)),
        ("1501_C3S1.PNG", (1501, 3)),
        ("0042_cam3_1.jpg", (42, 3)),
        ("0042_c1-000451.jpg", (42, 1)),
        ("0042_c1 (2).jpg", (42, 1)),
        ("0042_portrait.jpg", (42, -1)),
        ("0042_cat3s.jpg", (42, -1)),
        ("0042_c12x.jpg", (42, -1)),
        ("0042/c3_2.jpg", (42, 3)),
    ],
)
def test_names_as_data_sets_have_them(name, expected):
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    "name", ["000123.jpg", "_c1.jpg", "abc_c1.jpg", "2-3_c1.jpg", "٣_c1.jpg", "9" * 19 + "_c1.jpg"]
)
def test_names_without_an_id(tmp_path, name):
    with pytest.raises(ValueError, match="does not begin with a person id"):
        parse_name(name)
    images(tmp_path / "plain", ["0001_c1.jpg", name])
    refused(ValueError, tmp_path / "plain", tmp_path / "plain", f"file name {name}", "rename or remove it")


def test_every_format_that_pillow_reads_is_loaded_and_everything_else_is_noted(tmp_path):
    folder = course(tmp_path / "course")
    readable = {"0002_c1s1_9.JPG", "0007_c1.jpeg", "0007_c2.Png", "0011_c1.BMP", "0002_c5.webp", "0002_c6.tif"}
    images(folder / "train", readable)
    images(folder / "test", ["000009.webp"])
    images(folder / "train", ["._0002_c1.jpg", ".DS_Store", "Thumbs.db", "readme.txt", "0002_c1.txt"])
    images(folder / "train" / "more", ["0002_c1.jpg"])
    (folder / "train").rename(folder / "Train")
    data = load(folder)
    assert set(data.train["file"]) == readable | set(TRAIN_NAMES) and "000009.webp" in set(data.gallery["file"])
    assert data.notes == (
        "files in Train/ that are not images are ignored (2 .txt), for example 0002_c1.txt",
        "folders in Train/ are ignored (1), for example more/",
    )


@pytest.mark.parametrize("part", ["test", "queries"])
@pytest.mark.parametrize("name", ["a b.jpg", "a,b.jpg", "a:b.jpg", "a\udcff.jpg"])
def test_broken_links_and_names_that_the_output_files_cannot_hold_are_refused(tmp_path, part, name):
    folder = course(tmp_path / "course")
    images(folder / part, [name])
    refused(ValueError, folder, folder / part, "rename these files").encode()
    (folder / part / "lost.jpg").symlink_to(tmp_path / "nowhere.jpg")
    refused(FileNotFoundError, folder, folder / part, "lost.jpg", "broken links (1)")


def test_names_that_the_output_files_cannot_hold_are_refused_in_every_layout(tmp_path):
    images(tmp_path / "d" / "train", TRAIN_NAMES)
    images(tmp_path / "d" / "query", ["0001_c1_1.jpg"])
    images(tmp_path / "d" / "gallery", ["0001_c2 (1).jpg"])
    refused(ValueError, tmp_path / "d", tmp_path / "d" / "gallery", "rename these files")


def test_course_tables(tmp_path):
    folder = course(tmp_path / "Course Data", reversed(TRAIN_NAMES))
    images(folder / "test", ["0007_c1s1_000001_00.jpg"])  # anonymous, whatever its name is
    data = load(folder)
    assert (data.name, data.layout, data.root, data.notes) == ("course-data", "course", folder, ())
    assert data.train["file"].tolist() == sorted(TRAIN_NAMES)
    assert data.train["path"].tolist() == [str(folder / "train" / name) for name in sorted(TRAIN_NAMES)]
    assert data.train["pid"].tolist() == [2, 2, 7, 11]
    assert data.train["camera"].tolist() == [1, 3, 2, 6]
    expected = to_targets(random_annotations(PIDS)).loc[[2, 2, 7, 11]].reset_index(drop=True)
    pd.testing.assert_frame_equal(data.train[list(TASKS)], expected)
    assert data.gallery["file"].tolist() == ["000000.jpg", "000001.jpg", "000002.jpg", "0007_c1s1_000001_00.jpg"]
    assert data.query["path"].tolist() == [str(folder / "queries" / "000000.jpg")]
    for table in (data.query, data.gallery):
        assert list(table.columns) == ["path", "file", "pid", "camera"]
        assert set(table["pid"]) == {-2} and set(table["camera"]) == {-1}
    assert data.has_attributes and data.has_cameras and not data.has_test_identities


@pytest.mark.parametrize("fault", ["missing", "empty", "a file"])
def test_a_test_folder_without_images_is_noted(tmp_path, fault):
    folder = course(tmp_path / "course")
    full = load(folder)
    shutil.rmtree(folder / "test")
    if fault == "empty":
        (folder / "test").mkdir()
    elif fault == "a file":
        (folder / "test").write_text("x")
    data = load(folder)
    assert len(data.gallery) == 0 and data.notes == ("no images in test/: this part of the test is empty",)
    for table in (full.train, full.gallery, data.gallery):
        assert isinstance(table.index, pd.RangeIndex)
        assert (table.drop(columns=["path", "file"]).dtypes == np.int64).all()
        assert table["path"].dtype == full.train["path"].dtype


def test_junk_and_people_without_images_are_noted(tmp_path):
    folder = course(tmp_path / "course", pids=(2, 7, 9, 11, 15))
    images(folder / "train", ["-1_c1s1_000001_00.jpg"])
    data = load(folder)
    assert data.notes == (
        "junk images (id -1) in train/ are excluded from the training set (1)",
        "annotations_train.csv has people without images in train/: 9, 15",
    )
    assert data.train["pid"].tolist() == [2, 2, 7, 11] and data.train.index.tolist() == [0, 1, 2, 3]
    for name in (*TRAIN_NAMES, "-1_c1s1_000001_00.jpg"):
        (folder / "train" / name).unlink()
    refused(FileNotFoundError, folder, folder / "train", "holds no images")
    images(folder / "train", ["-1_c1.jpg"])
    refused(ValueError, folder, folder / "train", "all its images are junk")


@pytest.mark.parametrize("place", [".", "..", "attribute", "../attribute", "Market-1501_Attribute"])
def test_market1501_tables(tmp_path, place):
    folder = market(tmp_path / "in" / "Market-1501-v15.09.15")
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


def test_market1501_with_missing_attributes(tmp_path):
    folder = market(tmp_path / "in" / "market1501")
    data = load(folder)
    assert (
        not data.has_attributes
        and data.has_test_identities
        and "no market_attribute.mat in or next to market1501/" in data.notes[0]
    )
    assert list(data.gallery.columns) == ["path", "file", "pid", "camera"]
    archive = zipped(folder, tmp_path / "market.zip", "Market-1501-v15.09.15/")
    save_mat(tmp_path / "market_attribute.mat", test_pids=(3,))  # next to the archive
    data = load(archive)
    assert data.notes == ("market_attribute.mat lacks the test people 1",)
    assert (data.query.loc[data.query["pid"] == 1, list(TASKS)] == -1).all(axis=None)
    save_mat(tmp_path / "market_attribute.mat", train_pids=(2, 11))
    refused(ValueError, archive, "market_attribute.mat", "lacks the training people 7;")


def test_cameras_in_some_names_only_are_refused_in_a_test_and_noted_in_training(tmp_path):
    data = load(images(tmp_path / "plain", ["0001_a.jpg", "0001_c2.jpg"]))
    assert data.train["camera"].tolist() == [-1, 2] and not data.has_cameras
    assert "1 of 2 training images, for example 0001_a.jpg" in str(data.notes)
    folder = market(tmp_path / "market1501")
    images(folder / "query", ["0003_camera3_01.jpg"])
    refused(ValueError, folder, "no camera in the names of 1 of 7 test images", "0003_camera3_01.jpg")


@pytest.mark.parametrize("inner", ["", "train", "my images"])
def test_plain_folders_are_re_identification_only(tmp_path, inner):
    images(tmp_path / "plain" / inner, [*TRAIN_NAMES, "0000_c1.jpg"])
    data = load(tmp_path / "plain")
    assert (data.layout, data.name) == ("plain", "plain")
    assert data.train["pid"].tolist() == [0, 2, 2, 7, 11]
    assert list(data.train.columns) == ["path", "file", "pid", "camera"]
    assert len(data.query) == len(data.gallery) == 0
    assert not data.has_attributes and not data.has_test_identities
    assert data.notes == (
        "no test set: training and validation only",
        "no annotations: re-identification only, without attributes",
        "id 0 is treated as a person; in Market-1501 it marks distractors",
    )


@pytest.mark.parametrize("gallery", ["gallery", "test"])
@pytest.mark.parametrize("per_person", [True, False])
def test_train_query_and_gallery_folders_are_read(tmp_path, gallery, per_person):
    parts = {"train": TRAIN_NAMES, gallery: ["-1_c1_1.jpg", "0001_c1_1.jpg"], "query": ["0001_c2_1.jpg"]}
    for part, names in parts.items():
        for name in names:
            images(tmp_path / "d" / part / (name.partition("_")[0] if per_person else ""), [name])
    data = load(tmp_path / "d")
    assert data.layout == "gallery" and data.has_test_identities and not data.has_attributes
    assert data.train["pid"].tolist() == [2, 2, 7, 11]
    assert data.gallery["pid"].tolist() == [-1, 1] and data.query["camera"].tolist() == [2]
    assert all(Path(path).is_file() for path in data.gallery["path"])


@pytest.mark.parametrize("made", [course, market, None])
def test_folders_that_the_layout_does_not_use_are_noted(tmp_path, made):
    folder = made(tmp_path / "d") if made else images(tmp_path / "d" / "train", TRAIN_NAMES).parent
    before = load(folder).notes
    images(folder / "val", ["0001_c1.jpg"])
    assert len(set(load(folder).notes) - set(before)) == 1 and "images in val are ignored" in str(load(folder).notes)


@pytest.mark.parametrize("inner", ["", "train"])
def test_one_folder_per_person(tmp_path, inner):
    for pid in ("0007", "0012"):
        images(tmp_path / "people" / inner / pid, [f"{pid}_c2s1_1.jpg", "c3_2.jpg"])
    data = load(tmp_path / "people")
    assert data.layout == "plain"
    assert data.train["pid"].tolist() == [7, 7, 12, 12] and data.train["camera"].tolist() == [2, 3, 2, 3]
    assert all(Path(path).is_file() for path in data.train["path"])
    images(tmp_path / "people" / "train" / "others", ["0001_c1.jpg"])
    (tmp_path / "people" / "train" / "0009").mkdir()
    refused(ValueError, tmp_path / "people", "others/0001_c1.jpg", "person id")
