"""A door to `assignment_lib.data`: `dataset.load`, which also makes the two data sets that it knows how to make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assignment_lib import synthetic
from assignment_lib.data import dataset, download
from assignment_lib.data.dataset import Dataset
from assignment_lib.environment import DATA_FOLDER

__all__ = ["Dataset", "load"]


def load(path: str | Path, **options: Any) -> Dataset:
    """`data.dataset.load(path, **options)`, where "synthetic" is drawn and "market1501" downloaded if they are missing.

    Both go to `data/`, and a folder of that name in the current folder comes first, as for any other path. Raises what
    `data.dataset.load`, `synthetic.draw` and `download.download_market1501` raise, one sentence each.
    """
    name = str(path)
    if name in ("synthetic", "market1501") and not Path(name).exists():
        if name == "synthetic":
            synthetic.draw(DATA_FOLDER / name)  # at once where it stands already
        elif not (DATA_FOLDER / name).exists():
            print("downloading Market-1501 from its authors (146 MB) into data/")
            download.download_market1501()
    return dataset.load(path, **options)
