"""The file that marks a folder as drawn: what is whole is kept, and what is not ours is never removed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assignment_lib.data.annotations import ANNOTATIONS_FILE
from assignment_lib.data.truth import TRUTH_FILE
from assignment_lib.environment import relative
from assignment_lib.synthetic.counts import Counts

#: Raised whenever the pictures change, so that a folder drawn by older code is drawn again.
VERSION = 1
MARK = "synthetic.json"
FOLDERS = ("train", "test", "queries")
_MADE_BY = "assignment_lib.synthetic"


def write_mark(folder: Path, counts: Counts, complete: bool) -> None:
    """Mark a folder as drawn with these counts, whole or not yet."""
    mark = {"made_by": _MADE_BY, "version": VERSION, "complete": complete, "arguments": asdict(counts)}
    (folder / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")


def is_complete(folder: Path, counts: Counts) -> bool:
    """Whether the folder holds all that `draw` would draw with these counts."""
    mark = _read_mark(folder)
    wanted = (True, VERSION, asdict(counts))
    if not mark or (mark.get("complete"), mark.get("version"), mark.get("arguments")) != wanted:
        return False
    images = {"train": counts.train_images, "test": counts.gallery, "queries": counts.queries}
    tables = all((folder / name).is_file() for name in (ANNOTATIONS_FILE, TRUTH_FILE))
    return tables and all(len(list((folder / name).glob("*.jpg"))) == count for name, count in images.items())


def check_own(folder: Path) -> None:
    """Raise `FileExistsError` where the folder holds anything that `draw` has not put there."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    foreign = _foreign_files(folder) if folder.is_dir() else []
    if _read_mark(folder) is None or foreign:
        what = f" ({', '.join(foreign[:3])})" if foreign else ""
        raise FileExistsError(
            f"{relative(folder)} holds something that synthetic.draw has not made{what}, and it is left untouched: "
            "give another folder, or move that one away"
        )


def _read_mark(folder: Path) -> dict[str, Any] | None:
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and mark.get("made_by") == _MADE_BY else None


def _foreign_files(folder: Path) -> list[str]:
    own = {MARK, TRUTH_FILE, ANNOTATIONS_FILE, *FOLDERS, ".DS_Store", "Thumbs.db"}
    inside = [path for name in FOLDERS if (folder / name).is_dir() for path in (folder / name).iterdir()]
    others = [path for path in inside if path.suffix != ".jpg" and path.name not in own]
    return sorted(path.relative_to(folder).as_posix() for path in others) + sorted(
        path.name for path in folder.iterdir() if path.name not in own
    )
