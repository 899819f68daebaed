"""What is unpacked, what is kept, and that nothing is ever half there."""

import json
import os
import zipfile
from pathlib import Path

import pytest
from made_up_archives import FILES, assert_untouched, content_of, write_tar, write_zip

from assignment_lib.data import archives
from assignment_lib.data.archives import MARKER, unpack


@pytest.mark.parametrize(
    "write, name",
    [
        (write_zip, "a.zip"),
        (lambda path, files: write_zip(path, files, zipfile.ZIP_STORED), "a.zip"),
        (lambda path, files: write_zip(path, files, zipfile.ZIP_LZMA), "a.zip"),
        (write_tar, "a.tar"),
        (lambda path, files: write_tar(path, files, "w:gz"), "a.tar.gz"),
        (lambda path, files: write_tar(path, files, "w:bz2"), "a.tar.bz2"),
        (lambda path, files: write_tar(path, files, "w:xz"), "a.txz"),
        (lambda path, files: write_tar(path, files, "w:gz"), "called anything"),
    ],
)
def test_every_kind_of_archive_is_unpacked(tmp_path, write, name):
    archive = write(tmp_path / name, FILES)
    assert archives.is_archive(archive)
    assert content_of(unpack(archive, tmp_path / "out", progress=False)) == FILES


def test_folder_entries_clutter_and_backslashes(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("set/"), b"")
        windows = ("set\\empty\\", "set\\train\\0001_c1.jpg")
        for name in (*windows, "__MACOSX/set/._1.jpg", "set/.DS_Store", "set/Thumbs.db"):
            info = zipfile.ZipInfo("x")
            info.filename = name  # as Windows' own zips have it; the constructor would mend it
            file.writestr(info, b"" if name.endswith("\\") else b"one")
    folder = unpack(archive, tmp_path / "out", progress=False)
    assert content_of(folder) == {"set/train/0001_c1.jpg": b"one"}
    assert (folder / "set" / "empty").is_dir()


def test_an_archive_without_files_is_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"__MACOSX/x": b"x"})
    with pytest.raises(ValueError, match="holds no files"):
        unpack(archive, tmp_path / "out", progress=False)


def test_an_unpacked_archive_is_reused_and_unpacked_anew_when_it_changes(tmp_path):
    archive = write_zip(tmp_path / "a.zip", FILES)
    folder = unpack(archive, tmp_path / "out", progress=False)
    first = (folder / "set" / "notes.csv").stat().st_ino
    assert unpack(archive, tmp_path / "out", progress=False) == folder
    assert (folder / "set" / "notes.csv").stat().st_ino == first

    changed = FILES | {"set/train/0003_c1.jpg": b"three"}
    write_zip(archive, changed)
    unpack(archive, tmp_path / "out", progress=False)
    assert content_of(folder) == changed
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "out"}


def test_only_the_time_of_the_archive_differs(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"a.jpg": b"old"})
    folder = unpack(archive, tmp_path / "out", progress=False)
    write_zip(archive, {"a.jpg": b"new"})  # the same length
    os.utime(archive, ns=(0, 10**18))
    assert content_of(unpack(archive, folder, progress=False)) == {"a.jpg": b"new"}


@pytest.mark.parametrize("edit", ["add", "add an old file", "change"])
def test_files_of_the_user_survive_a_changed_archive(tmp_path, edit):
    archive = write_zip(tmp_path / "a.zip", {"a.csv": b"old"})
    folder = unpack(archive, tmp_path / "out", progress=False)
    mine = folder / ("a.csv" if edit == "change" else "mine.csv")
    mine.write_bytes(b"my work")
    later = (folder / MARKER).stat().st_mtime_ns + 10**9
    time = 10**18 if edit == "add an old file" else later
    os.utime(mine, ns=(time, time))
    write_zip(archive, {"a.csv": b"new and longer"})
    with pytest.raises(FileExistsError, match=r"files in it were added or edited since.*move it away"):
        unpack(archive, folder, progress=False)
    assert mine.read_bytes() == b"my work"


def test_an_unrelated_folder_is_never_replaced(tmp_path):
    archive = write_zip(tmp_path / "a.zip", FILES)
    target = tmp_path / "out"
    target.mkdir()
    unpack(archive, target, progress=False)  # an empty one is fine
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="left alone; move it away, give it instead"):
        unpack(archive, other, progress=False)
    assert content_of(other) == {"thesis.tex": b"years of work"}
    with pytest.raises(FileExistsError):
        unpack(archive, other / "thesis.tex", progress=False)  # a file


def test_what_a_killed_run_left_is_redone(tmp_path):
    archive = write_zip(tmp_path / "a.zip", FILES)
    half = tmp_path / ".out.unfinished"
    (half / "set").mkdir(parents=True)
    (half / "set" / "rest.jpg").write_bytes(b"half")
    assert content_of(unpack(archive, tmp_path / "out", progress=False)) == FILES
    assert not half.exists()


def test_an_interrupted_run_leaves_the_target_as_it_was(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip", FILES)
    folder = unpack(archive, tmp_path / "out", progress=False)
    write_zip(archive, {"a.jpg": b"a", "b.jpg": b"b"})
    written = []

    def interrupt(member, path):
        if written:
            raise KeyboardInterrupt
        written.append(path)
        return 1

    monkeypatch.setattr(archives, "_write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, folder, progress=False)
    assert content_of(folder) == FILES
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "out"}


def test_the_old_folder_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip", FILES)
    folder = unpack(archive, tmp_path / "out", progress=False)
    write_zip(archive, {"a.jpg": b"a"})
    rename = Path.rename

    def refuse(self, target):
        if self.name == ".out.unfinished":
            raise PermissionError(13, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        unpack(archive, folder, progress=False)
    assert content_of(folder) == FILES


def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip", FILES)

    def full(source, sink, length):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="the disk is full; free some space"):
        unpack(archive, tmp_path / "out", progress=False)
    assert_untouched(tmp_path, archive)


def test_a_failed_check_names_the_archive_and_keeps_nothing(tmp_path):
    archive = write_zip(tmp_path / "a.zip", FILES)

    def check(folder):
        raise FileNotFoundError(f"{folder / 'train'} is missing")

    with pytest.raises(FileNotFoundError) as raised:
        unpack(archive, tmp_path / "out", check=check, progress=False)
    assert str(raised.value) == f"{archive / 'train'} is missing"
    assert_untouched(tmp_path, archive)


def test_a_missing_archive(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such archive"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_the_marker_is_small_and_says_where_it_came_from(tmp_path):
    archive = write_zip(tmp_path / "a.zip", FILES)
    marker = json.loads((unpack(archive, tmp_path / "out", progress=False) / MARKER).read_text())
    assert marker == {
        "archive": "a.zip",
        "size": archive.stat().st_size,
        "mtime_ns": archive.stat().st_mtime_ns,
        "files": 3,
    }


def test_a_text_file_is_no_archive(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("hello")
    assert not archives.is_archive(text)
    assert not archives.is_archive(tmp_path)
    text.write_text("")
    assert not archives.is_archive(text)
