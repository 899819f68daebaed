"""Safe unpacking of zip and tar archives: complete or not at all, never outside the target folder.

Files are written to a temporary folder beside the target, which is renamed when everything is there, so a folder under
its final name is always complete. `shutil.unpack_archive` promises neither that nor a bound on the unpacked size, and
before Python 3.14 it follows links and names in a tar that lead out of the target.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assignment_lib.data.folders import is_clutter, new_folder
from assignment_lib.data.members import GB, Member, Refused, checked_members, is_zip
from assignment_lib.files import SUFFIXES
from assignment_lib.progress import bar

#: Written into every unpacked folder: which archive it came from, and that it is complete.
MARKER = ".unpacked.json"


def is_archive(path: str | Path) -> bool:
    """Whether `path` is a file that is a zip or tar by its content, or is called like one (and may be broken)."""
    path = Path(path)
    return path.is_file() and (is_zip(path) or path.name.lower().endswith(SUFFIXES) or tarfile.is_tarfile(path))


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
        except Refused as error:
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


def _is_unpacked_from(origin: dict[str, Any], target: Path) -> bool:
    recorded = _read_marker(target)
    return recorded is not None and all(recorded.get(key) == value for key, value in origin.items())


def _read_marker(target: Path) -> dict[str, Any] | None:
    try:
        marker = json.loads((target / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def _refuse_to_replace_others(target: Path) -> None:
    """Raise `FileExistsError` where `target` holds anything but what was unpacked there."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    marker = _read_marker(target)
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
    if is_zip(archive):  # its table of contents tells before a byte is written; a tar tells on the way
        for _ in checked_members(archive, max_bytes, max_ratio):
            pass
    files, packed, description = 0, archive.stat().st_size, f"unpacking {archive.name}"
    with (
        contextlib.closing(checked_members(archive, max_bytes, max_ratio)) as members,
        bar(total=packed, desc=description, unit="B", unit_scale=True, show=progress) as done,
    ):
        for member, path in members:
            if not any(is_clutter(part) for part in path.parts):
                files += _write(member, folder / path)
            done.update(member.end - done.n)
    if not files:
        raise Refused("it holds no files")
    return files


def _write(member: Member, path: Path) -> int:
    try:
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            return 0
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, path.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1024**2)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise Refused(f"its member {member.name!r} is a file in one place and a folder in another") from error
    return 1


def _check_unpacked(check: Callable[[Path], object], folder: Path, archive: Path) -> None:
    try:
        check(folder)
    except (FileNotFoundError, ValueError) as error:
        # The reader knows the archive, not the temporary folder.
        raise type(error)(str(error).replace(str(folder), str(archive))) from None
