"""List what a data folder holds, and write a folder whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_CLUTTER = {"__macosx", "thumbs.db", "desktop.ini"}


def is_clutter(name: str) -> bool:
    """Whether operating systems leave a file or folder of this name behind: hidden, `__MACOSX`, `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _CLUTTER


def subfolders(folder: Path) -> list[Path]:
    """The folders in `folder`, sorted, without clutter."""
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not is_clutter(entry.name))


def child(folder: Path, name: str) -> Path | None:
    """The entry of `folder` called `name`, in upper or lower case; None where there is none.

    `name` is in lower case. Without a suffix it is the name of a folder, with one that of a file.
    """
    exact = folder / name
    entries = [exact] if exact.exists() else [entry for entry in folder.iterdir() if entry.name.lower() == name]
    return next((entry for entry in entries if entry.is_dir() == ("." not in name)), None)


def image_names(folder: Path) -> list[str]:
    """The names of the image files in `folder`, sorted."""
    with os.scandir(folder) as entries:
        return sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(IMAGE_SUFFIXES) and not is_clutter(entry.name) and entry.is_file()
        )


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes `target` when the block ends well, and disappears when it does not.

    An existing target is replaced only at the very end; the caller decides whether it may be.
    Raises `OSError` with one sentence where the disk is full.
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
