"""The members of a zip or tar archive, and which of them are refused.

An archive from the network is not trusted: names that lead out of the target, links, devices, and sizes beyond a bound
are refused before they reach the disk.
"""

from __future__ import annotations

import contextlib
import functools
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

GB = 1024**3
# Photographs hardly compress; a high ratio is only suspicious once the result is large enough to hurt.
_RATIO_MATTERS_FROM = 100 * 1024**2


class Refused(ValueError):
    """The archive can be read but is not wanted."""


class Member(NamedTuple):
    """One member of an archive, not read yet."""

    name: str
    kind: str  # "file", "folder" or what else it is, in words
    size: int  # bytes once unpacked
    end: int  # position in the archive after this member, for the progress bar
    open: Callable[[], IO[bytes]]


def is_zip(path: Path) -> bool:
    """Whether a file begins as zip archives do."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def safe_member(name: str) -> PurePosixPath:
    """The relative path that a member named `name` unpacks to.

    Raises `ValueError` where it would lie outside the target, on any operating system.
    """
    path = name.replace("\\", "/")  # zips made by Windows
    parts = [part for part in path.split("/") if part not in ("", ".")]
    leads_out = path.startswith("/") or ".." in parts or (parts and re.match(r"[A-Za-z]:", parts[0]))
    if leads_out or any(ord(letter) < 32 for letter in path):
        raise ValueError(f"its member {name!r} leads outside the folder it is unpacked to, or has control characters")
    return PurePosixPath(*parts)


def checked_members(
    archive: Path, max_bytes: int, max_ratio: float
) -> Generator[tuple[Member, PurePosixPath], None, None]:
    """The members of `archive` with their relative paths, in order.

    Raises `Refused` at a member that is unsafe, or where all so far unpack to more than `max_bytes`, or to more than
    `max_ratio` times the archive's size. Damaged archives raise whatever `zipfile` and `tarfile` raise.
    """
    packed, unpacked = archive.stat().st_size, 0
    with contextlib.closing(_zip_members(archive) if is_zip(archive) else _tar_members(archive)) as members:
        for member in members:
            unpacked += member.size
            try:
                path = safe_member(member.name)
            except ValueError as error:
                raise Refused(str(error)) from error
            if member.kind not in ("file", "folder"):
                raise Refused(f"its member {member.name!r} is {member.kind}, where only files and folders are allowed")
            if unpacked > max_bytes:
                raise Refused(f"it unpacks to more than {max_bytes / GB:.3g} GB, the bound given as max_bytes")
            if unpacked > max(max_ratio * packed, _RATIO_MATTERS_FROM):
                raise Refused(f"it unpacks to more than {max_ratio:g} times its size, as only a harmful one would")
            yield member, path


def _zip_members(archive: Path) -> Generator[Member, None, None]:
    with zipfile.ZipFile(archive) as file:
        end = 0
        for info in file.infolist():
            if info.flag_bits & 1:
                raise Refused(f"its member {info.filename!r} is encrypted; unpack it yourself and give the folder")
            end += info.compress_size
            is_folder = info.filename.endswith(("/", "\\"))
            kind = "folder" if is_folder else _kind_of(info.external_attr >> 16)
            yield Member(info.filename, kind, info.file_size, end, functools.partial(file.open, info))


def _kind_of(mode: int) -> str:
    """What a Unix mode in a zip says; zips made elsewhere have none, and hold files and folders only."""
    if not stat.S_IFMT(mode) or stat.S_ISREG(mode):
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "a link" if stat.S_ISLNK(mode) else "a device"


def _tar_members(archive: Path) -> Generator[Member, None, None]:
    with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as file:
        for info in file:
            if info.isreg() or info.isdir():
                kind = "file" if info.isreg() else "folder"
            else:
                kind = "a link" if info.issym() or info.islnk() else "a device"
            yield Member(info.name, kind, info.size, raw.tell(), functools.partial(_open_in_tar, file, info))
        # tarfile takes a damaged or cut header for the end. The true end is a block of zeros, and in a compressed
        # archive the checksum after it, which is only compared when everything was read.
        content = file.fileobj
        assert content is not None  # only so once the archive is closed
        content.seek(file.offset)
        if content.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise tarfile.ReadError("a header is damaged or cut off")
        while content.read(1024**2):
            pass


def _open_in_tar(file: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    content = file.extractfile(info)
    assert content is not None  # only folders and devices have none, and they are not opened
    return content
