"""What is refused in an archive: names that lead out, links, devices, too much of anything."""

import stat
import tarfile
import zipfile
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_archives import FILES, assert_untouched, content_of, write_tar, write_zip

from assignment_lib.data import members
from assignment_lib.data.archives import unpack
from assignment_lib.data.members import safe_member


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "set/../../evil.jpg", "/evil.jpg", "C:/evil.jpg", "C:evil.jpg", "..\\evil.jpg",
             "\\\\server\\evil.jpg", "set/..", "a\nb.jpg"]
)  # fmt: skip
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_lead_out_are_refused(tmp_path, write, name):
    archive = write(tmp_path / "a", FILES | {name: b"evil"})
    with pytest.raises(ValueError, match=r"a: its member .* leads outside .*nothing of it was unpacked"):
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
        with pytest.raises(ValueError, match=r"0001.jpg' is a (link|device), where only files"):
            unpack(archive, tmp_path / "out", progress=False)
        assert_untouched(tmp_path, archive)


def test_a_link_in_a_zip_is_refused(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        info = zipfile.ZipInfo("train/0001.jpg")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    with pytest.raises(ValueError, match="is a link"):
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
    with pytest.raises(ValueError, match=r"more than .* GB, the bound given as max_bytes"):
        unpack(archive, tmp_path / "out", max_bytes=9_999, progress=False)
    assert_untouched(tmp_path, archive)
    unpack(archive, tmp_path / "out", max_bytes=10_000, progress=False)


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(members, "_RATIO_MATTERS_FROM", 100_000)
    bomb = write_tar(tmp_path / "bomb.tar.gz", {"a.bmp": bytes(2_000_000)}, "w:gz")
    with pytest.raises(ValueError, match="more than 200 times its size"):
        unpack(bomb, tmp_path / "out", progress=False)
    assert_untouched(tmp_path, bomb)
    unpack(bomb, tmp_path / "out", max_ratio=2000, progress=False)
    small = write_tar(tmp_path / "small.tar.gz", {"a.bmp": bytes(90_000)}, "w:gz")
    unpack(small, tmp_path / "small", progress=False)  # as compressed, but too small to hurt


def test_a_file_that_is_also_a_folder_is_refused(tmp_path):
    archive = write_zip(tmp_path / "a.zip", {"train": b"file", "train/0001.jpg": b"one"})
    with pytest.raises(ValueError, match="is a file in one place and a folder in another"):
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
            with pytest.raises(ValueError, match=r"cannot be read to its end .*; remove it and download"):
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
