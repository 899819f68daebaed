"""From folders and archives to tables: every layout, every way it can be wrong, and the conversion."""

import csv
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data import dataset
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS, to_annotations, to_targets
from assignment_lib.data.dataset import (
    load,
    parse_name,
    read_annotations,
    read_market_attributes,
    to_course,
    with_test_truth,
)
from assignment_lib.environment import PROJECT_ROOT

REAL = PROJECT_ROOT.parent / "shared" / "data" / "market1501"
needs_real = pytest.mark.skipif(
    not (REAL / "market_attribute.mat").is_file(), reason="the attributes of Market-1501 are not beside the project"
)
TRAIN_NAMES = ("0002_c1s1_000451_03.jpg", "0002_c3s1_000551_01.jpg", "0007_c2s3_000001_01.jpg", "0011_c6s4_01.png")
PIDS = (2, 7, 11)


@pytest.fixture(autouse=True)
def data_folder(tmp_path, monkeypatch):
    """Relative paths and archives never touch the project's own data/."""
    folder = tmp_path / "project data"
    monkeypatch.setattr(dataset, "DATA_FOLDER", folder)
    return folder


def images(folder: Path, names) -> Path:
    """Files called like images, each with content of its own: this module never opens one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"{folder.name}/{name}")
    return folder


def random_annotations(pids, seed: int = 0) -> pd.DataFrame:
    """29 columns, index pid."""
    random = np.random.default_rng(seed)
    targets = pd.DataFrame({task: random.integers(0, len(classes), len(pids)) for task, classes in TASKS.items()})
    return to_annotations(targets).set_axis(pd.Index(pids, name="id"))


def course(folder: Path, names=TRAIN_NAMES, pids=PIDS) -> Path:
    images(folder / "train", names)
    images(folder / "test", ["000001.jpg", "000000.jpg", "000002.jpg"])
    images(folder / "queries", ["000000.jpg"])
    random_annotations(pids)[ANNOTATION_COLUMNS].to_csv(folder / "annotations_train.csv")
    return folder


def rewrite(folder: Path, change) -> Path:
    """Let `change` edit the annotations, read as text."""
    path = folder / "annotations_train.csv"
    frame = change(pd.read_csv(path, dtype=str))
    frame.to_csv(path, index=False)
    return path


def save_mat(path: Path, train_pids=PIDS, test_pids=(1, 3), drop=(), change=None) -> dict[str, pd.DataFrame]:
    """A `market_attribute.mat` as the authors' is built; returns the annotations in it."""
    parts = {"train": random_annotations(train_pids, 1), "test": random_annotations(test_pids, 2)}
    fields = {}
    for part, frame in parts.items():
        # as in the real file: another order in each part
        columns = ANNOTATION_COLUMNS if part == "test" else sorted(ANNOTATION_COLUMNS)
        fields[part] = {column: frame[[column]].to_numpy(np.uint8).T for column in columns if column not in drop}
        fields[part]["image_index"] = np.array([f"{pid:04d}" for pid in frame.index], object)
    if change:
        change(fields)
    scipy.io.savemat(path, {"market_attribute": fields})
    return {part: frame[ANNOTATION_COLUMNS] for part, frame in parts.items()}


GALLERY_NAMES = ("-1_c1s1_000401_03.jpg", "0000_c1s1_000151_01.jpg", "0001_c2s1_000001_00.jpg", "0003_c3s1_01.jpg")


def market(folder: Path, mat: Path | None = None) -> Path:
    images(folder / "bounding_box_train", TRAIN_NAMES)
    images(folder / "bounding_box_test", GALLERY_NAMES)
    images(folder / "query", ["0001_c1s1_000001_00.jpg", "0003_c4s1_000001_00.jpg"])
    images(folder / "gt_bbox", ["0002_c1s1_000451_00.jpg"])
    if mat:
        save_mat(mat)
    return folder


def zipped(folder: Path, archive: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, prefix + path.relative_to(folder).as_posix())
    return archive


def refused(kind, path, *words, **options) -> str:
    """The one sentence that `load(path)` raises; it holds all `words`."""
    with pytest.raises(kind) as raised:
        load(path, **options)
    sentence = str(raised.value)
    assert type(raised.value) is kind
    assert "\n" not in sentence
    for word in words:
        assert str(word) in sentence, sentence
    return sentence


# --------------------------------------------------------------------------------------------------- file names


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
        assert not (first.isascii() and first.isdigit())
    else:
        assert int(first.partition("_")[0]) == pid and camera >= -1


@pytest.mark.parametrize(
    "name", ["000123.jpg", "_c1.jpg", "abc_c1.jpg", "2-3_c1.jpg", "٣_c1.jpg", "9" * 30 + "_c1.jpg"]
)
def test_names_without_an_id(name):
    with pytest.raises(ValueError, match="does not begin with a person id"):
        parse_name(name)


# --------------------------------------------------------------------------------------------------- course layout


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


def test_the_truth_beside_the_test_is_not_read(tmp_path):
    folder = course(tmp_path / "course")
    (folder / "test_truth.csv").write_text("folder,file,pid,camera\ntest,000000.jpg,5,1\n")
    assert set(load(folder).gallery["pid"]) == {-2}


def test_anonymous_images_stay_anonymous_whatever_they_are_called(tmp_path):
    folder = course(tmp_path / "course")
    images(folder / "test", ["0007_c1s1_000001_00.jpg"])
    assert set(load(folder).gallery["pid"]) == {-2}


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
    assert "0011_c1.BMP" in set(data.train["file"])


def test_annotations_without_images_are_noted(tmp_path):
    data = load(course(tmp_path / "course", pids=(2, 7, 9, 11, 15)))
    assert data.notes == ("annotations_train.csv: ids 9, 15 have annotations but no images in train/",)
    assert set(data.train["pid"]) == {2, 7, 11}


def test_junk_in_the_training_set_is_left_out_and_noted(tmp_path):
    folder = course(tmp_path / "course")
    images(folder / "train", ["-1_c1s1_000001_00.jpg"])
    data = load(folder)
    assert len(data.train) == len(TRAIN_NAMES) and data.train.index.tolist() == [0, 1, 2, 3]
    assert data.notes == ("1 junk images (id -1) in train/ are left out of the training set",)


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


def test_an_archive_is_unpacked_once_and_where_asked(tmp_path, data_folder):
    archive = zipped(course(tmp_path / "source"), tmp_path / "course.zip")
    target = tmp_path / "elsewhere"
    data = load(archive, unpack_to=target)
    assert data.root == target and not data_folder.exists()
    marked = target / "train" / "0002_c1s1_extra.jpg"  # survives only if nothing is unpacked again
    shutil.copy(target / "train" / TRAIN_NAMES[0], marked)
    assert len(load(archive, unpack_to=target).train) == len(TRAIN_NAMES) + 1


def test_the_size_bound_is_passed_on(tmp_path):
    archive = zipped(course(tmp_path / "source"), tmp_path / "course.zip")
    refused(ValueError, archive, archive, "max_bytes", max_bytes=100)


# --------------------------------------------------------------------------------------------------- paths


def test_relative_paths_are_tried_as_given_then_below_data(tmp_path, data_folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    course(data_folder / "mine")
    assert load("mine").root == data_folder / "mine"
    course(tmp_path / "mine")
    assert load("mine").root == tmp_path / "mine"


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    course(tmp_path / "course")
    assert load("~/course").root == tmp_path / "course"


def test_missing_paths(tmp_path, data_folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(FileNotFoundError, "nothing", tmp_path / "nothing", data_folder / "nothing", "check the spelling")
    refused(FileNotFoundError, tmp_path / "nothing.zip", tmp_path / "nothing.zip")
    refused(FileNotFoundError, "synthetic", "draw it with assignment_lib.synthetic.draw")


def test_an_archive_that_was_removed_after_unpacking(tmp_path, data_folder):
    archive = zipped(course(tmp_path / "source"), tmp_path / "course.zip")
    load(archive)
    archive.unlink()
    refused(FileNotFoundError, archive, "was unpacked before", f"give {data_folder / 'course'} instead")


def test_neither_folder_nor_archive(tmp_path):
    (tmp_path / "data.rar").write_bytes(b"Rar!\x1a\x07")
    refused(ValueError, tmp_path / "data.rar", "data.rar", "neither a folder nor a zip or tar archive; unpack it")


def test_an_archive_that_breaks_off_leaves_nothing(tmp_path, data_folder):
    archive = zipped(course(tmp_path / "source"), tmp_path / "course.zip")
    archive.write_bytes(archive.read_bytes()[:-200])
    refused(ValueError, archive, archive, "cannot be read to its end", "download or copy it again")
    assert not list(data_folder.glob("*"))


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
    refused(FileNotFoundError, folder, f"{folder} holds no data set but thesis.tex; expected train/")


def test_several_data_sets_in_one_folder(tmp_path):
    course(tmp_path / "all" / "a")
    market(tmp_path / "all" / "b")
    refused(ValueError, tmp_path / "all", "holds several data sets (a, b); give the folder of one of them")


def test_a_folder_without_images(tmp_path):
    folder = course(tmp_path / "course")
    for path in (folder / "train").iterdir():
        path.unlink()
    refused(FileNotFoundError, folder, folder / "train", "holds no images", ".jpg")


def test_a_training_image_without_an_id(tmp_path):
    folder = course(tmp_path / "course")
    images(folder / "train", ["portrait.jpg"])
    refused(ValueError, folder, folder / "train", "file name portrait.jpg", "rename or remove it")


# --------------------------------------------------------------------------------------------------- annotations


def test_annotation_files_as_people_save_them(tmp_path):
    """Zero-padded ids, spaces, capitals, semicolons, a byte order mark, Windows lines, other columns and order."""
    expected = to_targets(random_annotations(PIDS)).rename_axis("pid")
    frame = random_annotations(PIDS)[ANNOTATION_COLUMNS[::-1]].astype(str)
    frame.insert(0, "id", [f"{pid:04d}" for pid in PIDS])  # first, where a byte order mark would stick to it
    frame.insert(3, "comment", "x, y")
    frame.columns = [f"{column.upper()} " for column in frame.columns]
    frame.iloc[1] = frame.iloc[1] + " "
    frame.iloc[2, -1] += ".0"
    path = tmp_path / "annotations_train.csv"
    for separator in ",;\t":
        frame.to_csv(path, index=False, sep=separator, encoding="utf-8-sig", lineterminator="\r\n")
        pd.testing.assert_frame_equal(to_targets(read_annotations(path)), expected)


def test_multicolor_columns_are_read(tmp_path):
    frame = random_annotations((2,))
    for color in CLASSIFICATION_COLUMNS:
        if color.startswith(("up", "down")) and color not in TASKS:
            frame[color] = 1
    frame["upmulticolor"], frame["downbrown"] = 2, 2
    frame.to_csv(tmp_path / "a.csv")
    targets = to_targets(read_annotations(tmp_path / "a.csv"))
    assert targets.loc[2, ["upcolor", "downcolor"]].tolist() == [8, 8]


def test_a_missing_annotation_file(tmp_path):
    folder = course(tmp_path / "course")
    (folder / "annotations_train.csv").unlink()
    sentence = refused(FileNotFoundError, folder, folder / "annotations_train.csv", "is missing; put it beside train/")
    assert f"give {folder / 'train'} itself" in sentence
    assert not load(folder / "train").has_attributes


@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty; it needs the columns id, age"),
        (b"\n \n", "is empty; it needs the columns id, age"),
        (b"\xff\xfei\x00d\x00", "is no CSV file in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "is no CSV file in UTF-8"),
        (b"<html>not found</html>\n<p>x</p>", "the column id is missing; it has <html>not found</html>"),
        (b"id,age\n1\n", "the row that begins with '1' has 1 cells, the header 2"),
        (b"id,age\n1,2,3\n", "has 3 cells, the header 2"),
        (b"id,age,AGE\n1,2,3\n", "the column age stands there twice"),
        (b"id,age\n", "has a header but no rows"),
        (b"id,age\n1,2\n", "the columns backpack, bag"),
    ],
)
def test_files_that_are_no_annotations(tmp_path, content, words):
    folder = course(tmp_path / "course")
    (folder / "annotations_train.csv").write_bytes(content)
    refused(ValueError, folder, folder / "annotations_train.csv", words)


def change_cell(column, value):
    def change(frame):
        frame.loc[1, column] = value
        return frame

    return change


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda frame: frame.drop(columns="hat"), "the column hat is missing"),
        (lambda frame: frame.drop(columns="id"), "the column id is missing; it has age"),
        (lambda frame: pd.concat([frame, frame.iloc[:1]]), "the id 2 has several rows; keep one a person"),
        (change_cell("id", "0002"), "the id 2 has several rows"),
        (change_cell("id", "7.5"), "row 2 has '7.5' in the column id, which is no whole number"),
        (change_cell("id", ""), "row 2 has '' in the column id, which is no whole number"),
        (change_cell("id", "seven"), "row 2 has 'seven' in the column id, which is no whole number"),
        (change_cell("age", "5"), "row of id 7 has … in the column age, where only 1 to 4 may stand"),
        (change_cell("hat", "0"), "row of id 7 has … in the column hat, where only 1 to 2 may stand"),
        (change_cell("gender", "1.5"), "row of id 7 has '1.5' in the column gender, which is no whole number"),
        (change_cell("upred", "x"), "row of id 7 has 'x' in the column upred, which is no whole number"),
        (change_cell("bag", ""), "row of id 7 has '' in the column bag, which is no whole number"),
        (lambda frame: frame.iloc[1:], "id 2 has training images but no annotations; add the rows"),
        (lambda frame: frame.iloc[2:], "ids 2, 7 have training images but no annotations"),
    ],
)
def test_annotations_with_a_fault(tmp_path, change, words):
    folder = course(tmp_path / "course")
    path = rewrite(folder, change)
    before = path.read_bytes()
    refused(ValueError, folder, path, *words.split(" … "))
    assert path.read_bytes() == before


# --------------------------------------------------------------------------------------------------- Market-1501


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


def test_test_persons_without_attributes_are_noted(tmp_path):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", test_pids=(3,))
    data = load(folder)
    assert data.notes == ("market_attribute.mat: id 1 has test images but no annotations",)
    assert (data.query.loc[data.query["pid"] == 1, list(TASKS)] == -1).all(axis=None)


def test_a_training_person_without_attributes_is_refused(tmp_path):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", train_pids=(2, 11))
    refused(ValueError, folder, folder / "market_attribute.mat", "id 7 has training images but no annotations")


def test_market1501_without_its_training_folder(tmp_path):
    folder = market(tmp_path / "market1501")
    shutil.rmtree(folder / "bounding_box_train")
    refused(FileNotFoundError, folder, folder, "bounding_box_test, query but no folder bounding_box_train/; add it")


def test_a_gallery_image_without_an_id_is_refused(tmp_path):
    folder = market(tmp_path / "market1501")
    images(folder / "bounding_box_test", ["000123.jpg"])
    refused(ValueError, folder, folder / "bounding_box_test", "000123.jpg")


def test_attributes_are_read_by_field_name(tmp_path):
    frames = save_mat(tmp_path / "market_attribute.mat")
    for frame, part in zip(read_market_attributes(tmp_path / "market_attribute.mat"), ("train", "test"), strict=True):
        expected = frames[part].rename_axis("pid")
        pd.testing.assert_frame_equal(frame, expected)


def test_attributes_of_one_person_are_read(tmp_path):
    save_mat(tmp_path / "market_attribute.mat", train_pids=(2,))
    assert read_market_attributes(tmp_path / "market_attribute.mat")[0].index.tolist() == [2]


def _too_many_indices(fields):
    fields["train"]["image_index"] = np.array(["0002"], object)


def _twice(fields):
    fields["test"]["image_index"] = np.array(["0001", "0001"], object)


def _no_test(fields):
    del fields["test"]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"drop": ["hat", "age"]}, "market_attribute.train lacks age, hat"),
        ({"change": _no_test}, "market_attribute.test lacks image_index, age"),
        ({"change": _too_many_indices}, "market_attribute.train is not one number a person"),
        ({"change": _twice}, "market_attribute.test names a person twice"),
    ],
)
def test_attribute_files_with_a_fault(tmp_path, options, words):
    folder = market(tmp_path / "market1501")
    save_mat(folder / "market_attribute.mat", **options)
    refused(ValueError, folder, folder / "market_attribute.mat", words)


@pytest.mark.parametrize("content", [b"", b"<html>", b"MATLAB 7.3 MAT-file" + bytes(500), None])
def test_attribute_files_that_are_none(tmp_path, content):
    folder = market(tmp_path / "market1501")
    mat = folder / "market_attribute.mat"
    save_mat(mat)
    mat.write_bytes(mat.read_bytes()[:-300] if content is None else content)
    refused(ValueError, folder, mat, "remove it and download it again")


def test_a_missing_attribute_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"market_attribute\.mat is missing; it comes from github"):
        read_market_attributes(tmp_path / "market_attribute.mat")


def test_an_attribute_value_out_of_range(tmp_path):
    folder = market(tmp_path / "market1501")

    def change(fields):
        fields["train"]["age"] = np.array([[1, 9, 1]])

    save_mat(folder / "market_attribute.mat", change=change)
    refused(ValueError, folder, folder / "market_attribute.mat", "in the column age, where only 1 to 4")


@needs_real
def test_the_class_weights_of_the_report():
    """w_c = N / (C n_c) over the official training list, to the report's four digits."""
    names = (REAL / "train_files.txt").read_text().split()
    train, test = read_market_attributes(REAL / "market_attribute.mat")
    assert (len(names), len(train), len(test)) == (12_936, 751, 750)
    assert not set(train.index) & set(test.index)
    pids = [parse_name(name)[0] for name in names]
    assert set(pids) == set(train.index)
    assert {parse_name(name)[1] for name in names} == {1, 2, 3, 4, 5, 6}
    targets = to_targets(train).loc[pids]

    def weights(task):
        counts = np.bincount(targets[task], minlength=len(TASKS[task]))
        return [round(len(targets) / (len(counts) * count), 4) for count in counts]

    assert weights("clothes") == [3.4386, 0.5851]
    assert weights("hat") == [0.5116, 22.0751]
    assert weights("backpack") == [0.6910, 1.8087]
    assert weights("age") == [15.1831, 0.3202, 1.3276, 17.3871]
    assert weights("downcolor")[TASKS["downcolor"].index("purple")] == 44.6069


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


# --------------------------------------------------------------------------------------------------- plain folders


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


def test_cameras_may_be_unknown(tmp_path):
    images(tmp_path / "plain", ["0001_a.jpg", "0001_c2.jpg"])
    data = load(tmp_path / "plain")
    assert data.train["camera"].tolist() == [-1, 2] and not data.has_cameras


def test_id_zero_is_mentioned(tmp_path):
    images(tmp_path / "plain", ["0000_c1.jpg", "0001_c2.jpg"])
    assert any("id 0 is taken for a person" in note for note in load(tmp_path / "plain").notes)


def test_plain_folders_that_are_refused(tmp_path):
    images(tmp_path / "anonymous", ["000001.jpg"])
    refused(ValueError, tmp_path / "anonymous", "000001.jpg", "does not begin with a person id")
    images(tmp_path / "junk", ["-1_c1.jpg"])
    refused(ValueError, tmp_path / "junk", "all its images are junk")
    for name in ("one", "two"):
        images(tmp_path / "several" / name, ["0001_c1.jpg"])
    refused(ValueError, tmp_path / "several", "several folders of images (one, two) under unknown names")


# --------------------------------------------------------------------------------------------------- conversion


@pytest.fixture
def converted(tmp_path):
    folder = market(tmp_path / "market1501", tmp_path / "market_attribute.mat")
    images(folder / "bounding_box_test", [f"0003_c{camera}s1_{frame}.jpg" for camera in range(6) for frame in range(4)])
    source = load(folder)
    return source, to_course(source, tmp_path / "as course", seed=3)


def test_the_conversion_keeps_the_training_set(converted):
    source, folder = converted
    data = load(folder)
    assert data.layout == "course" and data.notes == ()
    pd.testing.assert_frame_equal(data.train.drop(columns="path"), source.train.drop(columns="path"))
    for ours, theirs in zip(data.train["path"], source.train["path"], strict=True):
        assert Path(ours).read_bytes() == Path(theirs).read_bytes()
    with (folder / "annotations_train.csv").open() as file:
        assert next(csv.reader(file)) == ["id", *ANNOTATION_COLUMNS]


def test_the_conversion_makes_the_test_anonymous_and_keeps_its_truth(converted):
    source, folder = converted
    truth = pd.read_csv(folder / "test_truth.csv")
    assert list(truth.columns) == ["folder", "file", "pid", "camera", *CLASSIFICATION_COLUMNS]
    for name, table in (("test", source.gallery), ("queries", source.query)):
        rows = truth[truth["folder"] == name]
        assert rows["file"].tolist() == [f"{number:06d}.jpg" for number in range(len(table))]
        assert sorted(path.name for path in (folder / name).iterdir()) == rows["file"].tolist()
        theirs = {Path(row.path).read_text(): (row.pid, row.camera) for row in table.itertuples()}
        ours = {(folder / name / row.file).read_text(): (row.pid, row.camera) for row in rows.itertuples()}
        assert ours == theirs and len(ours) == len(table)
    gallery = truth[truth["folder"] == "test"]
    assert gallery["pid"].tolist() != source.gallery["pid"].tolist()  # shuffled, or the order would tell
    unknown = truth["pid"] <= 0
    assert unknown.sum() == 2 and truth.loc[unknown, CLASSIFICATION_COLUMNS].isna().all(axis=None)
    known = truth[~unknown].set_index("pid")
    targets = to_targets(known[CLASSIFICATION_COLUMNS].astype(int))
    expected = source.query.set_index("pid")[list(TASKS)].loc[known.index]
    pd.testing.assert_frame_equal(targets, expected)


def test_the_truth_has_whole_numbers(converted):
    _, folder = converted
    rows = list(csv.DictReader((folder / "test_truth.csv").open()))
    assert {row["hat"] for row in rows} <= {"1", "2", ""}


def test_the_conversion_is_reproducible_from_its_seed(converted, tmp_path):
    source, folder = converted
    same = to_course(source, tmp_path / "same", seed=3)
    other = to_course(source, tmp_path / "other", seed=4)
    truths = [(path / "test_truth.csv").read_text() for path in (folder, same, other)]
    assert truths[0] == truths[1] != truths[2]


def test_the_conversion_copies_where_links_are_impossible(converted, tmp_path, monkeypatch):
    source, _ = converted

    def impossible(*arguments):
        raise OSError("no hard links here")

    monkeypatch.setattr(os, "link", impossible)
    folder = to_course(source, tmp_path / "copied")
    assert os.stat(folder / "train" / TRAIN_NAMES[0]).st_nlink == 1
    assert len(load(folder).train) == len(TRAIN_NAMES)


def test_the_conversion_refuses_what_it_cannot_do(converted, tmp_path):
    source, folder = converted
    with pytest.raises(FileExistsError, match="exists already; move it away"):
        to_course(source, folder)
    with pytest.raises(ValueError, match="identities are unknown"):
        to_course(load(folder), tmp_path / "again")
    (tmp_path / "market_attribute.mat").unlink()
    with pytest.raises(ValueError, match=r"needs annotations; put market_attribute\.mat"):
        to_course(load(source.root), tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_a_conversion_that_fails_leaves_nothing(converted, tmp_path):
    source, _ = converted
    Path(source.query["path"][0]).unlink()
    with pytest.raises(FileNotFoundError):
        to_course(source, tmp_path / "again")
    assert not [path for path in tmp_path.iterdir() if "again" in path.name]


def test_the_command_line(converted, tmp_path, capsys):
    source, _ = converted
    assert dataset.main(["convert", str(source.root), str(tmp_path / "by command"), "--seed", "3"]) == 0
    assert "(course)" in (output := capsys.readouterr().out) and "train: 4 images of 3 persons" in output
    assert len(load(tmp_path / "by command").gallery) == len(source.gallery)


def test_the_command_line_answers_a_mistake_with_one_sentence(tmp_path, capsys):
    assert dataset.main(["show", str(tmp_path / "nothing")]) == 1
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and str(tmp_path / "nothing") in output.err


def test_truth_of_a_converted_test_is_the_original(converted):
    original, folder = converted
    data = load(folder)
    assert not data.has_test_identities
    known = with_test_truth(data)
    assert known.has_test_identities
    assert known.train is data.train
    for part in ("query", "gallery"):
        ours, theirs = getattr(known, part), getattr(original, part)
        columns = ["pid", "camera", *TASKS]
        assert sorted(map(tuple, ours[columns].to_numpy())) == sorted(map(tuple, theirs[columns].to_numpy()))


def test_truth_that_does_not_fit_is_named(converted):
    folder = converted[1]
    data = load(folder)
    truth = pd.read_csv(folder / dataset.TRUTH_FILE, dtype={"file": str})
    first = data.gallery["file"][0]
    truth[(truth["file"] != first) | (truth["folder"] != "test")].to_csv(folder / dataset.TRUTH_FILE, index=False)
    with pytest.raises(ValueError, match=f"no row for test/{first}"):
        with_test_truth(data)
    truth.drop(columns="hat").to_csv(folder / dataset.TRUTH_FILE, index=False)
    with pytest.raises(ValueError, match="the column hat is missing"):
        with_test_truth(data)


def test_without_truth_nothing_changes(converted):
    assert with_test_truth(converted[0]) is converted[0]
