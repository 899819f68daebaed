"""`load` finds what it is given: relative paths, home, archives unpacked once, and mistakes in one sentence."""

import shutil

from made_up_folders import TRAIN_NAMES, course, refused, zipped

from assignment_lib.data.dataset import load


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
    refused(FileNotFoundError, archive, "was unpacked before", f"give {data_folder / 'course'} instead")


def test_neither_folder_nor_archive(tmp_path):
    (tmp_path / "data.rar").write_bytes(b"Rar!\x1a\x07")
    refused(ValueError, tmp_path / "data.rar", "data.rar", "neither a folder nor a zip or tar archive; unpack it")


def test_an_archive_that_breaks_off_leaves_nothing(tmp_path, data_folder):
    archive = zipped(course(tmp_path / "source"), tmp_path / "course.zip")
    archive.write_bytes(archive.read_bytes()[:-200])
    refused(ValueError, archive, archive, "cannot be read to its end", "download or copy it again")
    assert not list(data_folder.glob("*"))
