"""Archives are unpacked completely or not at all, and harmful ones are refused."""

import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_archives import FILES, content_of, entries, write_tar, write_zip

from assignment_lib.data import archives
from assignment_lib.data.archives import unpack, unpacked_folder
from assignment_lib.environment import PROJECT_ROOT


@pytest.mark.parametrize(
    ("name", "mode"),
    [("a.zip", zipfile.ZIP_DEFLATED), ("a.zip", zipfile.ZIP_LZMA), ("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.txz", "w:xz"),
     ("a.tar.bz2", "w:bz2"), ("no suffix", "w:gz")],
)  # fmt: skip
def test_every_kind_of_archive_is_unpacked_and_reused(tmp_path, name, mode):
    archive = (write_tar if isinstance(mode, str) else write_zip)(tmp_path / name, FILES, mode)
    (tmp_path / "a.txt").write_text("hello")
    assert archives.is_archive(archive) and not archives.is_archive(tmp_path / "a.txt")
    folder = unpack(str(archive), tmp_path / "out")
    assert content_of(folder) == FILES
    first = (folder / "set" / "notes.csv").stat().st_ino
    assert unpack(archive, folder) == folder
    assert (folder / "set" / "notes.csv").stat().st_ino == first
    assert entries(tmp_path) == {name, "out", "a.txt"}


def test_folder_entries_and_backslashes(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in ("set/", "set\\empty\\", "set\\train\\0001_c1.jpg"):
            info = zipfile.ZipInfo("x")
            info.filename = name  # as Windows writes it; the constructor would replace the backslashes
            file.writestr(info, b"one" if name.endswith("jpg") else b"")
    assert content_of(unpack(tmp_path / "a.zip", tmp_path / "out")) == {"set/train/0001_c1.jpg": b"one"}


def test_no_existing_folder_is_changed(tmp_path):
    """A folder of the user, and one unpacked from an older version of the archive."""
    archive = write_zip(tmp_path / "a.zip", FILES)
    (tmp_path / "a").mkdir()
    assert unpack(archive, tmp_path / "a") == unpacked_folder(archive, tmp_path)  # empty
    write_zip(archive, {"a.jpg": b"new"})
    os.utime(archive, ns=(0, 10**18))
    with pytest.raises(FileExistsError, match="move it away"):
        unpack(archive, tmp_path / "a")
    newer = unpack(archive, unpacked_folder(archive, tmp_path))
    assert content_of(tmp_path / "a") == FILES and content_of(newer) == {"a.jpg": b"new"}
    assert unpacked_folder(archive, tmp_path) == newer != tmp_path / "a"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_an_interrupted_run_or_a_full_disk_leaves_nothing(tmp_path, monkeypatch, error):
    archive = write_zip(tmp_path / "a.zip", FILES)
    monkeypatch.setattr(zipfile.shutil, "copyfileobj", Mock(side_effect=error))
    with pytest.raises(type(error), match="disk is full" if isinstance(error, OSError) else None):
        unpack(archive, tmp_path / "out")
    assert entries(tmp_path) == {"a.zip"}


def test_a_failed_check_names_the_archive_and_keeps_nothing(tmp_path):
    archive = write_zip(tmp_path / "a.zip", FILES)

    def check(folder):
        raise FileNotFoundError(f"{folder / 'train'} is missing")

    with pytest.raises(FileNotFoundError) as raised:
        unpack(archive, tmp_path / "out", check)
    assert str(raised.value) == f"{archive / 'train'} is missing"
    assert entries(tmp_path) == {"a.zip"}


def test_two_processes_can_unpack_the_same_archive(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {f"{i}.jpg": b"x" * 1000 for i in range(200)})
    code = "import sys; from assignment_lib.data.archives import unpack; unpack(*sys.argv[1:])"
    command = [sys.executable, "-c", code, str(archive), str(tmp_path / "out")]
    workers = [subprocess.Popen(command, cwd=PROJECT_ROOT) for _ in range(2)]
    assert [worker.wait() for worker in workers] == [0, 0]
    assert len(content_of(tmp_path / "out")) == 200
    assert entries(tmp_path) == {"a.zip", "out"}


@pytest.mark.parametrize(
    "name",
    ["../evil.jpg", "set/../../evil.jpg", "/evil.jpg", "C:/evil.jpg", "..\\evil.jpg", "\\\\server\\e.jpg", "a\nb.jpg"],
)
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_lead_out_are_refused(tmp_path, write, name):
    archive = write(tmp_path / "a", FILES | {name: b"evil"})
    with pytest.raises(ValueError, match=r"a: its member .* outside the target folder .*nothing was unpacked"):
        unpack(archive, tmp_path / "inner" / "out")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == [archive]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, "zip"])
def test_links_and_devices_are_refused(tmp_path, kind):
    archive = tmp_path / "archive"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            info = zipfile.ZipInfo("train/0001.jpg")
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, "/etc/passwd")
    else:
        with tarfile.open(archive, "w") as file:
            info = tarfile.TarInfo("train/0001.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    with pytest.raises(ValueError, match=r"0001.jpg' is a link or device"):
        unpack(archive, tmp_path / "out")
    assert entries(tmp_path) == {"archive"}


def test_an_encrypted_zip_is_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"a.jpg": b"a"})
    raw = bytearray(archive.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1  # the flag in the table of contents
    archive.write_bytes(raw)
    with pytest.raises(ValueError, match="is encrypted"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_the_size_is_bounded(tmp_path, monkeypatch, write):
    archive = write(tmp_path / "a", {f"{number}.jpg": bytes(1000) for number in range(10)})
    monkeypatch.setattr(archives, "MAX_BYTES", 9_999)
    with pytest.raises(ValueError, match="unpacks to more than 0 MB"):
        unpack(archive, tmp_path / "out")
    assert entries(tmp_path) == {"a"}
    monkeypatch.setattr(archives, "MAX_BYTES", 10_000)
    unpack(archive, tmp_path / "out")


@pytest.mark.parametrize(("size", "refused"), [(2_000_000, True), (90_000, False)])
def test_a_high_ratio_is_refused_where_the_content_is_large(tmp_path, monkeypatch, size, refused):
    monkeypatch.setattr(archives, "RATIO_MATTERS_FROM", 100_000)
    bomb = write_tar(tmp_path / "bomb.tar.gz", {"a.bmp": bytes(size)}, "w:gz")
    with pytest.raises(ValueError, match="unpacks to more than") if refused else nullcontext():
        unpack(bomb, tmp_path / "out")


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_member_that_is_a_file_and_a_folder_is_refused(tmp_path, write):
    archive = write(tmp_path / "a", {"train": b"file", "train/0001.jpg": b"one"})
    with pytest.raises(ValueError, match="both a file and a folder"):
        unpack(archive, tmp_path / "out")
    assert entries(tmp_path) == {"a"}


@pytest.mark.parametrize("mode, name", [("w", "a.tar"), ("w:gz", "a.tar.gz"), ("w:xz", "a.tar.xz"), ("", "a.zip")])
def test_an_archive_cut_anywhere_is_never_taken_for_whole(tmp_path, mode, name):
    files = {f"train/{number:04d}_c1.jpg": bytes([number]) * 700 for number in range(4)}
    archive = write_tar(tmp_path / name, files, mode) if mode else write_zip(tmp_path / name, files)
    whole = archive.read_bytes()
    # The last blocks of a tar are padding: it is whole as soon as its first zero block has begun.
    end = 4 * (512 + 1024) if mode == "w" else len(whole) - 1
    for length in sorted({0, 1, 100, 512, 1535, 1536, 1537, end // 2, end - 513, end - 1, end}):
        if 0 <= length <= end:
            archive.write_bytes(whole[:length])
            with pytest.raises(ValueError, match=r"cannot be read to its end .*; download or copy it again"):
                unpack(archive, tmp_path / "out")
            assert entries(tmp_path) == {name}


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(["zip", "tar", "tar.gz"]))
def test_a_damaged_archive_gives_one_sentence_or_unpacks_inside(tmp_path_factory, data, kind):
    folder = tmp_path_factory.mktemp("damaged")
    files = {"train/0001_c1.jpg": b"one", "b.csv": b"id,age\n1,2\n"}
    archive = folder / f"a.{kind}"
    write_zip(archive, files) if kind == "zip" else write_tar(archive, files, "w:gz" if kind == "tar.gz" else "w")
    raw = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, min(len(raw), 2500) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(raw)
    try:
        unpack(archive, folder / "out")
    except (ValueError, OSError) as error:
        # the disk may refuse, for instance a name that is too long
        assert isinstance(error, OSError) or (str(archive) in str(error) and "\n" not in str(error))
        assert not (folder / "out").exists()
    assert {Path(name).name for name in entries(folder)} <= {archive.name, "out"}
