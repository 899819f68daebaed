"""Archives are unpacked completely or not at all, and harmful ones are refused."""

import json
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_archives import FILES, assert_untouched, content_of, write_tar, write_zip

from assignment_lib.data import archives
from assignment_lib.data.archives import MARKER, safe_member, unpack
from assignment_lib.environment import PROJECT_ROOT


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
    with pytest.raises(FileExistsError, match=r"files in it were added or changed"):
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
    with pytest.raises(FileExistsError, match="move it away"):
        unpack(archive, other, progress=False)
    assert content_of(other) == {"thesis.tex": b"years of work"}
    with pytest.raises(FileExistsError):
        unpack(archive, other / "thesis.tex", progress=False)  # a file


def test_an_interrupted_run_leaves_the_target_as_it_was(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "a.zip", FILES)
    folder = unpack(archive, tmp_path / "out", progress=False)
    write_zip(archive, {"a.jpg": b"a", "b.jpg": b"b"})

    def interrupt(source, sink, length):
        raise KeyboardInterrupt

    monkeypatch.setattr(archives.shutil, "copyfileobj", interrupt)
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
        if self.name.endswith(".unfinished"):
            raise PermissionError(13, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        unpack(archive, folder, progress=False)
    assert content_of(folder) == FILES


def test_two_processes_can_unpack_the_same_archive(tmp_path):
    """Each writes to a temporary folder of its own, so neither deletes the other's files."""
    archive = write_zip(tmp_path / "a.zip", {f"{i}.jpg": b"x" * 1000 for i in range(200)})
    code = "import sys; from assignment_lib.data.archives import unpack; unpack(*sys.argv[1:], progress=False)"
    command = [sys.executable, "-c", code, str(archive), str(tmp_path / "out")]
    workers = [subprocess.Popen(command, cwd=PROJECT_ROOT) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert len(content_of(tmp_path / "out")) == 200
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", "out"}


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
    with pytest.raises(FileNotFoundError, match="does not exist"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_the_marker_is_small_and_says_where_it_came_from(tmp_path):
    archive = write_zip(tmp_path / "a.zip", FILES)
    marker = json.loads((unpack(archive, tmp_path / "out", progress=False) / MARKER).read_text())
    assert marker == {
        "archive": "a.zip",
        "size": archive.stat().st_size,
        "mtime_ns": archive.stat().st_mtime_ns,
        "folder": str(tmp_path),
        "files": 3,
    }


def test_a_text_file_is_no_archive(tmp_path):
    text = tmp_path / "a.txt"
    text.write_text("hello")
    assert not archives.is_archive(text)
    assert not archives.is_archive(tmp_path)
    text.write_text("")
    assert not archives.is_archive(text)


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "set/../../evil.jpg", "/evil.jpg", "C:/evil.jpg", "C:evil.jpg", "..\\evil.jpg",
             "\\\\server\\evil.jpg", "set/..", "a\nb.jpg"]
)  # fmt: skip
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_lead_out_are_refused(tmp_path, write, name):
    archive = write(tmp_path / "a", FILES | {name: b"evil"})
    with pytest.raises(ValueError, match=r"a: its member .* outside the target folder .*nothing was unpacked"):
        unpack(archive, tmp_path / "inner" / "out", progress=False)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["..", ".", "", "a", "C:", "b.jpg", "~", "...", " ", "c:d", "ü"]), max_size=6),
       st.sampled_from(["/", "\\"]))  # fmt: skip
def test_a_safe_member_stays_inside_on_every_system(parts, separator):
    import ntpath
    import posixpath

    name = separator.join(parts)
    try:
        path = safe_member(name)
    except ValueError:
        # refused only for a reason: a parent, a root or a drive
        assert ".." in parts or name.startswith(separator) or name.lstrip("./\\")[:2].lower() == "c:"
        return
    assert isinstance(path, PurePosixPath)
    for system, root in ((posixpath, "/target"), (ntpath, "X:\\target")):
        joined = system.normpath(system.join(root, str(path)))
        assert joined == root or joined.startswith(root + system.sep)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_inside_or_refused(name):
    try:
        path = safe_member(name)
    except ValueError:
        return
    assert not path.is_absolute() and ".." not in path.parts and "\x00" not in str(path)


def test_links_and_devices_are_refused(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
        archive = tmp_path / "a.tar"
        with tarfile.open(archive, "w") as file:
            info = tarfile.TarInfo("train/0001.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
        with pytest.raises(ValueError, match=r"0001.jpg' is a link or device"):
            unpack(archive, tmp_path / "out", progress=False)
        assert_untouched(tmp_path, archive)


def test_a_link_in_a_zip_is_refused(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        info = zipfile.ZipInfo("train/0001.jpg")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="is a link or device"):
        unpack(archive, tmp_path / "out", progress=False)
    assert_untouched(tmp_path, archive)


def test_an_encrypted_zip_is_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"a.jpg": b"a"})
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1  # the flag in the table of contents
    archive.write_bytes(raw)
    with pytest.raises(ValueError, match="is encrypted; unpack it yourself"):
        unpack(archive, tmp_path / "out", progress=False)


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_the_size_is_bounded(tmp_path, write):
    archive = write(tmp_path / "a", {f"{number}.jpg": bytes(1000) for number in range(10)})
    with pytest.raises(ValueError, match=r"more than .* GB, the limit max_bytes"):
        unpack(archive, tmp_path / "out", max_bytes=9_999, progress=False)
    assert_untouched(tmp_path, archive)
    unpack(archive, tmp_path / "out", max_bytes=10_000, progress=False)


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_RATIO_MATTERS_FROM", 100_000)
    bomb = write_tar(tmp_path / "bomb.tar.gz", {"a.bmp": bytes(2_000_000)}, "w:gz")
    with pytest.raises(ValueError, match="more than 200 times its size"):
        unpack(bomb, tmp_path / "out", progress=False)
    assert_untouched(tmp_path, bomb)
    unpack(bomb, tmp_path / "out", max_ratio=2000, progress=False)
    small = write_tar(tmp_path / "small.tar.gz", {"a.bmp": bytes(90_000)}, "w:gz")
    unpack(small, tmp_path / "small", progress=False)  # as compressed, but too small to hurt


def test_a_file_that_is_also_a_folder_is_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"train": b"file", "train/0001.jpg": b"one"})
    with pytest.raises(ValueError, match="is both a file and a folder"):
        unpack(archive, tmp_path / "out", progress=False)
    assert_untouched(tmp_path, archive)


@pytest.mark.parametrize("mode, name", [("w", "a.tar"), ("w:gz", "a.tar.gz"), ("w:xz", "a.tar.xz"), ("", "a.zip")])
def test_an_archive_cut_anywhere_is_never_taken_for_whole(tmp_path, mode, name):
    files = {f"train/{number:04d}_c1.jpg": bytes([number]) * 700 for number in range(4)}
    whole = (write_tar(tmp_path / name, files, mode) if mode else write_zip(tmp_path / name, files)).read_bytes()
    archive = tmp_path / name
    # The last blocks of a tar are padding: it is whole as soon as its first zero block has begun.
    end = 4 * (512 + 1024) if mode == "w" else len(whole)
    for length in sorted({0, 1, 100, 512, 1535, 1536, 1537, end // 2, end - 513, end - 1, end} - {len(whole)}):
        if 0 <= length < len(whole) and length <= end:
            archive.write_bytes(whole[:length])
            with pytest.raises(ValueError, match=r"cannot be read to its end .*; download or copy it again"):
                unpack(archive, tmp_path / "out", progress=False)
            assert_untouched(tmp_path, archive)
    archive.write_bytes(whole)
    assert content_of(unpack(archive, tmp_path / "out", progress=False)) == files


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(["zip", "tar", "tar.gz"]))
def test_a_damaged_archive_gives_one_sentence_or_unpacks_inside(tmp_path_factory, data, kind):
    folder = tmp_path_factory.mktemp("damaged")
    archive = folder / f"a.{kind}"
    files = {"train/0001_c1.jpg": b"one", "b.csv": b"id,age\n1,2\n"}
    if kind == "zip":
        write_zip(archive, files)
    else:
        write_tar(archive, files, "w:gz" if kind == "tar.gz" else "w")
    raw = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, min(len(raw), 2500) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(raw)
    try:
        unpack(archive, folder / "out", progress=False)
    except ValueError as error:
        assert str(archive) in str(error) and "\n" not in str(error)
        assert not (folder / "out").exists()
    except OSError as error:
        assert error.errno  # the disk refused, for instance a name that is too long
        assert not (folder / "out").exists()
    assert {path.name for path in folder.iterdir()} <= {archive.name, "out"}
