"""What is shown while work goes on: the one progress bar of this project, and a log for nobody."""

from __future__ import annotations

import os
from typing import Any

from tqdm.auto import tqdm


def bar(*arguments: Any, show: bool = True, **options: Any) -> tqdm:
    """`tqdm.auto.tqdm` that leaves nothing behind, is off where `show` is False, and where TQDM_DISABLE is set.

    tqdm itself reads that variable only where its caller says nothing about being shown.
    """
    return tqdm(*arguments, leave=False, disable=not show or bool(os.environ.get("TQDM_DISABLE")), **options)


def quiet(line: str) -> None:
    """A `log` that says nothing."""
