"""Safe unpacking of zip and tar archives: complete or not at all, never outside the target folder.

Files are written to a temporary folder next to the target, which is renamed when everything is there, so a folder with its
final name is always complete. `zipfile` and `tarfile` unpack; an archive is refused before it is written if a member leads
out of the target, is a link or device, or if it unpacks to too many bytes.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
import stat
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from filelock import FileLock

from assignment_lib.files import SUFFIXES, bar, write_text

GB = 1024**3
#: Written into every unpacked folder: the archive it came from.
MARKER = ".unpacked.json"
# Photographs hardly compress; a high ratio is suspicious only if the result is large.
_RATIO_MATTERS_FROM = 100 * 1024**2


class Refused(ValueError):
    """A readable archive that is not unpacked."""


class Member(NamedTuple):
    """One member of an archive: the zip's or tar's own description and what is checked."""

    info: Any
    path: PurePosixPath  # relative to the target
    is_folder: bool
    size: int  # bytes, unpacked


def is_archive(path: str | Path) -> bool:
    """Whether `path` is a zip or tar by its content, or a file named like one (which may be broken)."""
    path = Path(path)
    return path.is_file() and (_is_zip(path) or path.name.lower().endswith(SUFFIXES) or tarfile.is_tarfile(path))


def belongs_to_another(archive: Path, target: Path) -> bool:
    """Whether `target` was unpacked from an archive in another folder."""
    marker = _read_marker(target)
    return marker is not None and marker.get("folder", str(archive.parent)) != str(archive.parent)


def unpack(
    archive: str | Path,
    target: str | Path,
    max_bytes: int = 20 * GB,
    max_ratio: float = 200,
    check: Callable[[Path], object] | None = None,
    progress: bool = True,
) -> Path:
    """Unpack `archive` (zip, tar, tar.gz, tar.bz2, tar.xz) so that `target` holds its members; returns `target`.

    A target unpacked from the same archive (name, size, modification time) is reused; one from an older version of it is
    replaced, unless files were added or changed in it since. Clutter (`__MACOSX`, hidden files) is skipped. `max_bytes`
    bounds the unpacked size, `max_ratio` unpacked : packed (only above 100 MB). `check` is called with the unpacked folder
    before it takes its place; if it raises, nothing is kept.

    Raises `FileNotFoundError` (no such archive), `FileExistsError` (the target holds something else), `ValueError` (broken or
    unsafe archive) or `OSError` (disk full), each with one sentence; the target is then unchanged.
    """
    archive, target = Path(archive).expanduser().resolve(), Path(target).expanduser().resolve()
    if not archive.is_file():
        raise FileNotFoundError(f"{archive} does not exist; check the name")
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_name(f".{target.name}.lock")):  # another process may be unpacking the same archive
        return _unpack(archive, target, max_bytes, max_ratio, check, progress)


def _unpack(
    archive: Path,
    target: Path,
    max_bytes: int,
    max_ratio: float,
    check: Callable[[Path], object] | None,
    progress: bool,
) -> Path:
    status = archive.stat()
    origin = {"archive": archive.name, "size": status.st_size, "mtime_ns": status.st_mtime_ns}
    marker = _read_marker(target)
    if marker is not None and all(marker.get(key) == value for key, value in origin.items()):
        return target
    _refuse_to_replace_others(archive, target, marker)
    with new_folder(target) as folder:
        try:
            files = _write_members(archive, folder, max_bytes, max_ratio, progress)
        except Refused as error:
            raise ValueError(f"{archive}: {error}; nothing was unpacked") from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # a fault of the disk; EINVAL comes from seeking in a broken archive
            # broken archives raise BadZipFile, TarError, zlib.error, EOFError, NotImplementedError, struct.error, ...
            reason = str(error).partition("\n")[0].rstrip(":") or type(error).__name__
            raise ValueError(f"{archive} cannot be read to its end ({reason}); download or copy it again") from error
        if check is not None:
            try:
                check(folder)
            except (FileNotFoundError, ValueError) as error:  # the reader knows the archive, not the temporary folder
                raise type(error)(str(error).replace(str(folder), str(archive))) from None
        write_text(folder / MARKER, json.dumps(origin | {"folder": str(archive.parent), "files": files}))
    return target


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` at the end of the block and is removed on an error.

    Its name is unique, so two processes may make the same target; an existing target is replaced only at the end.
    Raises `OSError` with one sentence where the disk is full.
    """
    token = uuid.uuid4().hex[:8]
    temporary = target.with_name(f".{target.name}.{token}.unfinished")
    replaced = target.with_name(f".{target.name}.{token}.replaced")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if target.exists():
            target.rename(replaced)
        try:
            temporary.rename(target)
        except OSError:
            if replaced.exists() and not target.exists():
                replaced.rename(target)
            raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(f"{target}: the disk is full; free some space or choose another folder") from error
        raise
    finally:
        for leftover in (temporary, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


def safe_member(name: str) -> PurePosixPath:
    """The relative path of a member called `name`. Raises `Refused` where it would lie outside the target."""
    path = name.replace("\\", "/")  # zips made by Windows
    parts = [part for part in path.split("/") if part not in ("", ".")]
    outside = path.startswith("/") or ".." in parts or (parts and re.match(r"[A-Za-z]:", parts[0]))
    if outside or any(ord(letter) < 32 for letter in path):
        raise Refused(f"its member {name!r} lies outside the target folder or has control characters")
    return PurePosixPath(*parts)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _read_marker(target: Path) -> dict[str, Any] | None:
    try:
        marker = json.loads((target / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def _refuse_to_replace_others(archive: Path, target: Path, marker: dict[str, Any] | None) -> None:
    """Raise `FileExistsError` where `target` holds anything but an older version of `archive`."""
    from assignment_lib.data.layouts import is_clutter

    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if marker is None or marker.get("archive") != archive.name or belongs_to_another(archive, target):
        raise FileExistsError(
            f"{target} exists and is not from {archive}; move it away, or pass another folder to unpack to"
        )
    finished = (target / MARKER).stat().st_mtime_ns
    files = [path for path in target.rglob("*") if path.is_file() and not is_clutter(path.name)]
    if len(files) > marker.get("files", 0) or any(path.stat().st_mtime_ns > finished for path in files):
        raise FileExistsError(
            f"{target} is from an older version of {archive.name} and files in it were added or changed; move it away to "
            "unpack the archive again"
        )


def _write_members(archive: Path, folder: Path, max_bytes: int, max_ratio: float, progress: bool) -> int:
    """Check all members, then write them below `folder`; returns the number of files."""
    from assignment_lib.data.layouts import is_clutter

    packed = archive.stat().st_size
    with _opened(archive) as (members, extract):
        total, wanted = 0, []
        for member in members:
            total += member.size
            if total > max_bytes:
                raise Refused(f"it unpacks to more than {max_bytes / GB:.3g} GB, the limit max_bytes")
            if total > max(max_ratio * packed, _RATIO_MATTERS_FROM):
                raise Refused(f"it unpacks to more than {max_ratio:g} times its size, as only a harmful archive would")
            if not any(is_clutter(part) for part in member.path.parts):
                wanted.append(member)
        files = 0
        for member in bar(wanted, desc=f"unpacking {archive.name}", unit="file", show=progress):
            path = folder / member.path
            try:
                if member.is_folder:
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with extract(member.info) as source, path.open("wb") as sink:
                    shutil.copyfileobj(source, sink, 1024**2)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise Refused(f"its member {member.path} is both a file and a folder") from error
            files += 1
    if not files:
        raise Refused("it holds no files")
    return files


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tuple[Iterator[Member], Callable[[Any], Any]]]:
    """The members of an archive, and the function that opens one of them. Raises `Refused` for links, devices, encryption."""
    if _is_zip(archive):
        with zipfile.ZipFile(archive) as zipped:
            yield map(_zip_member, zipped.infolist()), zipped.open
        return
    with tarfile.open(archive) as tar:
        yield _tar_members(tar), tar.extractfile


def _tar_members(tar: tarfile.TarFile) -> Iterator[Member]:
    for info in tar:
        if not (info.isreg() or info.isdir()):
            raise Refused(f"its member {info.name!r} is a link or device, where only files and folders are allowed")
        yield Member(info, safe_member(info.name), info.isdir(), info.size)
    # tarfile takes a damaged or cut header for the end; the true end is a block of zeros
    content: Any = tar.fileobj
    content.seek(tar.offset)
    if content.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("a header is damaged or cut off")
    while content.read(1024**2):  # a compressed archive compares its checksum at the end
        pass


def _zip_member(info: zipfile.ZipInfo) -> Member:
    if info.flag_bits & 1:
        raise Refused(f"its member {info.filename!r} is encrypted; unpack it yourself and pass the folder")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind and not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise Refused(f"its member {info.filename!r} is a link or device, where only files and folders are allowed")
    is_folder = info.filename.endswith(("/", "\\")) or stat.S_ISDIR(kind)
    return Member(info, safe_member(info.filename), is_folder, info.file_size)
