"""Names and whole writes of files, for every room."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

#: What an archive may be called.
SUFFIXES = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".txz", ".tar", ".zip")


def stem(path: str | Path) -> str:
    """The name of a folder or archive without an archive suffix, lower-case, only letters, digits, `.`, `_`, `-`."""
    name = Path(path).name.lower()
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    name = name[: len(name) - len(suffix)]
    return re.sub(r"[^a-z0-9._-]+", "-", name).strip("-.") or "data"


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write bytes to that becomes `path` at the end of the block: `path` is whole or stays as it was."""
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
