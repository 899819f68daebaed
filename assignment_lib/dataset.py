"""Public API: `dataset.load`, which also draws or downloads the two data sets that it knows by name."""

from __future__ import annotations

from pathlib import Path

from assignment_lib.data import dataset
from assignment_lib.data.dataset import Dataset
from assignment_lib.environment import DATA_FOLDER, find_data

__all__ = ["Dataset", "load"]


def load(path: str | Path) -> Dataset:
    """`data.dataset.load(path)`; "synthetic" is drawn and "market1501" downloaded into `data/` if missing.

    Raises what `data.dataset.load`, `synthetic_pedestrians.draw` and `market1501.download_market1501` raise.
    """
    if str(path) == "synthetic":
        from synthetic_pedestrians import draw

        if not Path(path).exists():
            draw(DATA_FOLDER / "synthetic")  # returns immediately if the folder is complete
    elif str(path) == "market1501" and find_data(path) is None:
        from assignment_lib.data.market1501 import download_market1501

        print("downloading Market-1501 from its authors (146 MB) into data/")
        download_market1501()
    return dataset.load(path)
