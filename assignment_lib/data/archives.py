"""Safe unpacking of zip and tar archives: complete or not at all, never outside the target folder.

An archive from the network is not trusted: names that lead out of the target, links, devices, and sizes beyond a bound
are refused before they reach the disk. Files are written to a temporary folder beside the target, which is renamed when
everything is there, so a folder under its final name is always complete.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from assignment_lib.files import SUFFIXES
from assignment_lib.progress import bar

#: Written into every unpacked folder: which archive it came from, and that it is complete.
MARKER = ".unpacked.json"
GB = 1024**3
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}
# Photographs hardly compress; a high ratio is only suspicious once the result is large enough to hurt.
_RATIO_MATTERS_FROM = 100 * 1024**2


class _Refused(ValueError):
    """The archive can be read but is not wanted."""


class _Member(NamedTuple):
    name: str
    kind: str  # "file", "folder" or what else it is, in words
    size: int  # bytes once unpacked
    end: int  # position in the archive after this member, for the progress bar
    open: Callable[[], IO[bytes]]


def is_archive(path: str | Path) -> bool:
    """True where `path` is a file that is a zip or tar by its content, or is called like one (and may be broken)."""
    path = Path(path)
    return path.is_file() and (_is_zip(path) or path.name.lower().endswith(SUFFIXES) or tarfile.is_tarfile(path))


def is_clutter(name: str) -> bool:
    """True for a file or folder name that operating systems leave behind: hidden, `__MACOSX`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _CLUTTER


def safe_member(name: str) -> PurePosixPath:
    """The relative path a member named `name` unpacks to. `ValueError` where it would lie outside the target."""
    path = name.replace("\\", "/")  # Windows' own zips
    parts = [part for part in path.split("/") if part not in ("", ".")]
    leads_out = path.startswith("/") or ".." in parts or (parts and re.match(r"[A-Za-z]:", parts[0]))
    if leads_out or any(ord(letter) < 32 for letter in path):
        raise ValueError(f"its member {name!r} leads outside the folder it is unpacked to, or has control characters")
    return PurePosixPath(*parts)


def unpack(
    archive: str | Path,
    target: str | Path,
    max_bytes: int = 20 * GB,
    max_ratio: float = 200,
    check: Callable[[Path], object] | None = None,
    progress: bool = True,
) -> Path:
    """Unpack `archive` (zip, tar, tar.gz, tar.bz2, tar.xz) so that `target` holds its members; return `target`.

    A target unpacked from the same archive (same name, size and modification time) is reused; one unpacked from an
    older version is replaced, unless files were added or changed in it since. Clutter (`__MACOSX`, hidden files) is
    left out. `max_bytes` bounds the unpacked size, `max_ratio` unpacked : packed (only where that is over 100 MB).
    `check` is called with the unpacked folder before it takes its place; where it raises, nothing is kept.

    Raises `FileNotFoundError` (no such archive), `FileExistsError` (the target holds something else), `ValueError`
    (broken or unsafe archive) or `OSError` (disk full), each with one sentence; the target is then as it was before.
    """
    archive, target = Path(archive).expanduser().resolve(), Path(target).expanduser().resolve()
    if not archive.is_file():
        raise FileNotFoundError(f"{archive}: there is no such archive")
    origin = {"archive": archive.name, "size": archive.stat().st_size, "mtime_ns": archive.stat().st_mtime_ns}
    if _is_unpacked_from(origin, target):
        return target
    _refuse_to_replace_others(target)
    with new_folder(target) as folder:
        try:
            files = _write_members(archive, folder, max_bytes, max_ratio, progress)
        except _Refused as error:
            raise ValueError(f"{archive}: {error}; nothing of it was unpacked") from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # the disk's fault; EINVAL comes from seeking where a broken archive points
            # Readers of broken archives raise what they trip over: BadZipFile, TarError, zlib.error, EOFError,
            # NotImplementedError, struct.error, ValueError, an OSError without number, ...
            reason = str(error).partition("\n")[0].rstrip(":") or type(error).__name__
            raise ValueError(
                f"{archive}: the archive cannot be read to its end ({reason}); remove it and download or copy it again"
            ) from error
        if check is not None:
            _check_unpacked(check, folder, archive)
        (folder / MARKER).write_text(json.dumps(origin | {"files": files}), encoding="utf-8")
    return target


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` when the block ends well, and disappears when it does not.

    A target that is there already is replaced only at the very end; the caller decides whether it may be.
    """
    temporary = target.with_name(f".{target.name}.unfinished")
    replaced = target.with_name(f".{target.name}.replaced")
    for leftover in (temporary, replaced):  # of a run that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _put_in_place(temporary, target, replaced)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(f"{target}: the disk is full; free some space or choose another folder") from error
        raise
    finally:
        for leftover in (temporary, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


def _put_in_place(folder: Path, target: Path, replaced: Path) -> None:
    if not target.exists():
        folder.rename(target)
        return
    target.rename(replaced)
    try:
        folder.rename(target)
    except OSError:
        replaced.rename(target)
        raise


def _check_unpacked(check: Callable[[Path], object], folder: Path, archive: Path) -> None:
    try:
        check(folder)
    except (FileNotFoundError, ValueError) as error:
        # The reader knows the archive, not the temporary folder.
        raise type(error)(str(error).replace(str(folder), str(archive))) from None


def _is_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def _is_unpacked_from(origin: dict, target: Path) -> bool:
    recorded = _marker(target)
    return recorded is not None and all(recorded.get(key) == value for key, value in origin.items())


def _marker(target: Path) -> dict | None:
    try:
        marker = json.loads((target / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def _refuse_to_replace_others(target: Path) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    marker = _marker(target)
    if marker is None:
        raise FileExistsError(
            f"{target} exists and was not unpacked by this function, so it is left alone; "
            "move it away, give it instead of the archive, or choose another folder to unpack to"
        )
    finished = (target / MARKER).stat().st_mtime_ns
    files = [path for path in target.rglob("*") if path.is_file() and not is_clutter(path.name)]
    if len(files) > marker.get("files", 0) or any(path.stat().st_mtime_ns > finished for path in files):
        raise FileExistsError(
            f"{target} was unpacked from {marker.get('archive')}, another archive or version, and files in it were "
            "added or edited since, so it is left alone; move it away to have the archive unpacked anew"
        )


def _write_members(archive: Path, folder: Path, max_bytes: int, max_ratio: float, progress: bool) -> int:
    """Write the members below `folder`; return how many files."""
    if _is_zip(archive):  # its table of contents tells before a byte is written; a tar tells on the way
        for _ in _checked_members(archive, max_bytes, max_ratio):
            pass
    files, packed, description = 0, archive.stat().st_size, f"unpacking {archive.name}"
    with (
        contextlib.closing(_checked_members(archive, max_bytes, max_ratio)) as members,
        bar(total=packed, desc=description, unit="B", unit_scale=True, show=progress) as done,
    ):
        for member, path in members:
            if not any(is_clutter(part) for part in path.parts):
                files += _write(member, folder / path)
            done.update(member.end - done.n)
    if not files:
        raise _Refused("it holds no files")
    return files


def _checked_members(archive: Path, max_bytes: int, max_ratio: float) -> Iterator[tuple[_Member, PurePosixPath]]:
    """The members with their relative paths; raises where one, or the size of all so far, is not wanted."""
    packed, unpacked = archive.stat().st_size, 0
    with contextlib.closing(_zip_members(archive) if _is_zip(archive) else _tar_members(archive)) as members:
        for member in members:
            unpacked += member.size
            try:
                path = safe_member(member.name)
            except ValueError as error:
                raise _Refused(str(error)) from error
            if member.kind not in ("file", "folder"):
                raise _Refused(f"its member {member.name!r} is {member.kind}, where only files and folders may stand")
            if unpacked > max_bytes:
                raise _Refused(f"it unpacks to more than {max_bytes / GB:.3g} GB, the bound given as max_bytes")
            if unpacked > max(max_ratio * packed, _RATIO_MATTERS_FROM):
                raise _Refused(f"it unpacks to more than {max_ratio:g} times its size, as only a harmful one would")
            yield member, path


def _write(member: _Member, path: Path) -> int:
    try:
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            return 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, path.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1024**2)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _Refused(f"its member {member.name!r} is a file in one place and a folder in another") from error
    return 1


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        end = 0
        for info in file.infolist():
            if info.flag_bits & 1:
                raise _Refused(f"its member {info.filename!r} is encrypted; unpack it yourself and give the folder")
            end += info.compress_size
            is_folder = info.filename.endswith(("/", "\\"))
            kind = "folder" if is_folder else _kind_of(info.external_attr >> 16)
            yield _Member(info.filename, kind, info.file_size, end, lambda info=info: file.open(info))


def _tar_members(archive: Path) -> Iterator[_Member]:
    with archive.open("rb") as raw, tarfile.open(fileobj=raw, mode="r:*") as file:
        for info in file:
            if info.isreg() or info.isdir():
                kind = "file" if info.isreg() else "folder"
            else:
                kind = "a link" if info.issym() or info.islnk() else "a device"
            yield _Member(info.name, kind, info.size, raw.tell(), lambda info=info: file.extractfile(info))
        # tarfile takes a damaged or cut header for the end. The true end is a block of zeros, and in a compressed
        # archive the checksum after it, which is only compared when everything was read.
        file.fileobj.seek(file.offset)
        if file.fileobj.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise tarfile.ReadError("a header is damaged or cut off")
        while file.fileobj.read(1024**2):
            pass


def _kind_of(mode: int) -> str:
    """What a Unix mode in a zip says; zips made elsewhere have none, and hold files and folders only."""
    if not stat.S_IFMT(mode) or stat.S_ISREG(mode):
        return "file"
    return "folder" if stat.S_ISDIR(mode) else "a link" if stat.S_ISLNK(mode) else "a device"
