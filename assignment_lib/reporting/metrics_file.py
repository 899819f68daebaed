"""`metrics.json`: the scores, settings and run times of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_metrics(path: Path, **content: Any) -> None:
    """Write `content` to `path`; fields that an earlier notebook of the same run wrote stay unless they are given anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | content, indent=2) + "\n")
