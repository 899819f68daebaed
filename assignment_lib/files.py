"""Names of runs, atomic writes, and the progress bar: helpers that every package uses."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tqdm.auto import tqdm

#: Suffixes of archives.
SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".txz", ".tar", ".zip")


def run_name(path: str | Path) -> str:
    """The name of a data set in `runs/` and `data/`: lower-case, without archive suffix, only letters, digits, `.`, `_`, `-`.

    A short hash of the name follows where it is not ASCII, so that different names stay different.
    """
    name = Path(path).name.lower()
    name = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
    plain = re.sub(r"[^a-z0-9._-]+", "-", name).strip("-.")
    if name.isascii() and plain:
        return plain
    return f"{plain or 'data'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


@contextlib.contextmanager
def write_errors(path: Path, remedy: str) -> Iterator[None]:
    """Re-raise errors of a full disk or a read-only folder as one sentence that names `path` and says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(f"{path} was not written because the disk is full; free some space and run again") from error
        inside = Path(os.fsdecode(error.filename or path)).is_relative_to(path.parent)
        if inside and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise PermissionError(f"{path} cannot be written; make its folder writable, or {remedy}") from error
        raise


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` at the end of the block; on an error (`write_errors`), `path` keeps its content."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    with write_errors(path, "set ASSIGNMENT_RUNS to another folder"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(part, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, atomically. Raises `ValueError` for text that UTF-8 cannot encode, and `OSError`."""
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        bad = text[max(0, error.start - 20) : error.end].encode("utf-8", "backslashreplace").decode()
        raise ValueError(f"{path} was not written: {bad!r} cannot be encoded in UTF-8; rename that file") from error
    with atomic_write(path) as file:
        file.write(content)


def first_line(error: Exception) -> str:
    """The first line of an error's message, for use inside a sentence; its type where it has no message."""
    return str(error).partition("\n")[0].rstrip(":") or type(error).__name__


def bar(*arguments: Any, show: bool = True, **options: Any) -> tqdm:
    """A progress bar with remaining time that disappears at the end; TQDM_DISABLE=1 switches all bars off."""
    return tqdm(*arguments, leave=False, disable=bool(os.environ.get("TQDM_DISABLE")) or not show, **options)


def quiet(line: str) -> None:
    """A log function that drops its line."""
