"""`load` finds what it is given: relative paths, home, archives unpacked once, and mistakes in one sentence."""

import shutil
from pathlib import Path

import pytest
from made_up_folders import TRAIN_NAMES, course, refused, zipped

from assignment_lib.data.dataset import fingerprint, load
from assignment_lib.environment import Settings


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


def test_an_archive_that_was_removed_after_unpacking(tmp_path, data_folder):
    archive = zipped(course(tmp_path / "source"), tmp_path / "course.zip")
    load(archive)
    archive.unlink()
    refused(FileNotFoundError, archive, "was unpacked before", f"pass {data_folder / 'course'}")


def test_neither_folder_nor_archive(tmp_path):
    (tmp_path / "data.rar").write_bytes(b"Rar!\x1a\x07")
    refused(ValueError, tmp_path / "data.rar", "data.rar", "neither a folder nor a zip or tar archive; unpack it")


def test_an_archive_that_breaks_off_leaves_nothing(tmp_path, data_folder):
    archive = zipped(course(tmp_path / "source"), tmp_path / "course.zip")
    archive.write_bytes(archive.read_bytes()[:-200])
    refused(ValueError, archive, archive, "cannot be read to its end", "download or copy it again")
    assert not list(data_folder.glob("*"))


def test_archives_with_similar_names_never_share_a_folder(tmp_path, data_folder):
    """Names that differ in non-ASCII letters only, and equal names in two folders."""
    source = course(tmp_path / "source")
    archives = [tmp_path / "数据.zip", tmp_path / "课程.zip", tmp_path / "a" / "data.zip", tmp_path / "b" / "data.zip"]
    loaded = []
    for number, archive in enumerate(archives):
        (source / "test" / f"{number:06d}.jpg").write_text(f"image {number}")
        archive.parent.mkdir(exist_ok=True)
        loaded.append(load(zipped(source, archive)))
    assert len({data.root for data in loaded}) == 4 and len({data.name for data in loaded[:2]}) == 2
    assert all(Path(path).is_file() for data in loaded for path in data.gallery["path"])
    assert len(list(data_folder.iterdir())) == 4
    assert [load(archive).root for archive in archives] == [data.root for data in loaded]  # each finds its own again


def test_a_link_counts_as_its_target(tmp_path):
    folder = course(tmp_path / "target")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    assert load(tmp_path / "link").name == "target"
    assert Settings(str(tmp_path / "link")).folder == Settings(str(folder)).folder


def change_annotation(folder):
    path = folder / "annotations_train.csv"
    lines = path.read_text().splitlines()
    pid, age, rest = lines[1].split(",", 2)
    path.write_text("\n".join([lines[0], f"{pid},{int(age) % 4 + 1},{rest}", *lines[2:]]))


@pytest.mark.parametrize(
    "change",
    [
        change_annotation,
        lambda folder: (folder / "train" / TRAIN_NAMES[0]).write_text("another picture"),
        lambda folder: (folder / "test" / "000002.jpg").rename(folder / "test" / "000003.jpg"),
        lambda folder: (folder / "queries" / "000001.jpg").write_text("x"),
    ],
)
def test_a_fingerprint_changes_with_annotations_sizes_and_names_but_not_with_the_folder(tmp_path, change):
    folder = course(tmp_path / "one")
    before = fingerprint(load(folder))
    assert fingerprint(load(shutil.copytree(folder, tmp_path / "another name"))) == before
    change(folder)
    assert fingerprint(load(folder)) != before


def test_paths_may_be_text(tmp_path):
    folder = course(tmp_path / "course")
    assert load(str(folder)).train.equals(load(folder).train)
