"""Safe unpacking of zip and tar archives: complete or not at all, and never outside the target folder.

`zipfile` and `tarfile` extract into a temporary folder next to the target, which is renamed at the end. A folder with its final
name is therefore complete, and no existing folder is ever changed or deleted.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import re
import shutil
import stat
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from assignment_lib.files import SUFFIXES, bar, first_line, run_name, write_errors

#: Archives that unpack to more than 20 GB, or to more than 100 MB and 200 times their size, are refused.
MAX_BYTES, MAX_RATIO, RATIO_MATTERS_FROM = 20 * 1024**3, 200, 100 * 1024**2
#: Written into every unpacked folder: the archive it came from.
MARKER = ".unpacked.json"


class Refused(ValueError):
    """A readable archive that is not unpacked."""


def is_archive(path: str | Path) -> bool:
    """Whether `path` is a zip or tar by its content, or a file named like one (which may be broken)."""
    path = Path(path)
    return path.is_file() and (_is_zip(path) or path.name.lower().endswith(SUFFIXES) or tarfile.is_tarfile(path))


def unpacked_folder(archive: Path, parent: Path) -> Path:
    """The folder in `parent` for the content of `archive`: its run name, followed by a hash where that name is taken.

    A name is taken by a user's folder, by an archive in another folder, and by an older version of the same archive.
    """
    plain, origin = parent / run_name(archive), _origin(archive)
    if not plain.exists() or _unpacked_from(plain, origin):
        return plain
    return parent / f"{plain.name}-{hashlib.sha256(origin).hexdigest()[:6]}"


def unpack(archive: str | Path, target: str | Path, check: Callable[[Path], object] | None = None) -> Path:
    """Unpack `archive` (zip, tar, tar.gz, tar.bz2, tar.xz) so that `target` holds its members; returns `target`.

    A target that was unpacked from the same archive (path, size, modification time) is reused. `check` is called with the
    unpacked folder before it takes its place; if it raises, nothing is kept.

    Raises `FileNotFoundError` (no such archive), `FileExistsError` (the target holds something else), `ValueError` (broken,
    unsafe or too large) or `OSError` (disk full), each with one sentence; the target is then unchanged.
    """
    archive, target = Path(archive).expanduser().resolve(), Path(target).expanduser().resolve()
    if not archive.is_file():
        raise FileNotFoundError(f"{archive} does not exist; check the name")
    origin = _origin(archive)
    with write_errors(target, "unpack the archive yourself and pass that folder"):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):  # another process may be unpacking the same archive
            if _unpacked_from(target, origin):
                return target
            if target.exists() and (not target.is_dir() or any(target.iterdir())):
                raise FileExistsError(f"{target} exists and is not from {archive}; move it away")
            with new_folder(target) as folder:
                _extract(archive, folder)
                try:
                    if check is not None:
                        check(folder)
                except (FileNotFoundError, ValueError) as error:  # the user knows the archive, not the temporary folder
                    raise type(error)(str(error).replace(str(folder), str(archive))) from None
                (folder / MARKER).write_bytes(origin)
    return target


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that is renamed to `target` at the end of the block, and removed on an error.

    Its name is unique, so two processes may make the same target. `target` must not exist, or be empty.
    """
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.is_dir():
            target.rmdir()
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _origin(archive: Path) -> bytes:
    """The content of `MARKER`: the path, size and modification time of the archive, as JSON."""
    file = archive.stat()
    origin = {"archive": archive.name, "folder": str(archive.parent)}
    return json.dumps(origin | {"size": file.st_size, "mtime_ns": file.st_mtime_ns}).encode()


def _unpacked_from(target: Path, origin: bytes) -> bool:
    marker = target / MARKER
    return marker.is_file() and marker.read_bytes() == origin


def _extract(archive: Path, folder: Path) -> None:
    """Check all members, then write them below `folder`. Raises `ValueError` with one sentence, or `OSError` of the disk."""
    limit = min(MAX_BYTES, max(MAX_RATIO * archive.stat().st_size, RATIO_MATTERS_FROM))
    label = f"unpacking {archive.name}"
    try:
        if _is_zip(archive):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder, bar(_checked(map(_zip_member, zipped.infolist()), limit), label))
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(folder, bar(_checked(_tar_members(tar), limit), label), filter="data")
    except Refused as error:
        raise ValueError(f"{archive}: {error}; nothing was unpacked") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        name = Path(error.filename).name
        raise ValueError(f"{archive}: its member {name} is both a file and a folder; nothing was unpacked") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise  # a fault of the disk; EINVAL comes from seeking in a broken archive
        # broken archives raise BadZipFile, TarError, zlib.error, EOFError, NotImplementedError, struct.error, ...
        raise ValueError(
            f"{archive} cannot be read to its end ({first_line(error)}); download or copy it again"
        ) from error


def _checked(members: Iterable[tuple[Any, str, int, bool]], limit: int) -> list[Any]:
    """The members of an archive, given with their name, bytes, and whether they are files or folders.

    Raises `Refused` for an unsafe member, or where they unpack to more than `limit` bytes.
    """
    checked, total = [], 0
    for member, name, size, is_plain in members:
        path = name.replace("\\", "/")  # zips made by Windows
        outside = path.startswith("/") or ".." in path.split("/") or re.match(r"[./]*[A-Za-z]:", path)
        if outside or any(ord(letter) < 32 for letter in path):
            raise Refused(f"its member {name!r} lies outside the target folder or has control characters")
        if not is_plain:
            raise Refused(f"its member {name!r} is a link or device, where only files and folders are allowed")
        total += size
        if total > limit:
            remedy = "if you trust it, unpack it yourself and pass the folder"
            raise Refused(f"it unpacks to more than {limit / 1024**2:,.0f} MB; {remedy}")
        checked.append(member)
    return checked


def _zip_member(info: zipfile.ZipInfo) -> tuple[zipfile.ZipInfo, str, int, bool]:
    if info.flag_bits & 1:
        raise Refused(f"its member {info.filename!r} is encrypted; unpack it yourself and pass the folder")
    info.filename = info.filename.replace("\\", "/")  # zips made by Windows
    return info, info.filename, info.file_size, stat.S_IFMT(info.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)


def _tar_members(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, str, int, bool]]:
    for info in tar:
        yield info, info.name, info.size, info.isreg() or info.isdir()
    # tarfile takes a damaged or cut header for the end; the true end is a block of zeros
    content: Any = tar.fileobj
    content.seek(tar.offset)
    if content.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("a header is damaged or cut off")
    while content.read(1024**2):  # a compressed archive compares its checksum at the end
        pass
