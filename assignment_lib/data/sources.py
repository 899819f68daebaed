"""Where a training image is from: the labelled people, clusters of unlabelled ones, another data set, another camera's look.

A training table may have a column `source`; without it all rows are "labelled".
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import Tensor, from_numpy

LABELLED = "labelled"  # the data set's own people as their cameras saw them
CLUSTER = "cluster"  # unlabelled images with pseudo-labels
ADDED = "added"  # people of another data set
STYLED = "styled"  # the data set's own people in the look of another of its cameras
SOURCES = (LABELLED, CLUSTER, ADDED, STYLED)
#: Images of the data set itself, as its cameras took them.
OWN = (LABELLED, CLUSTER)


def of_source(table: pd.DataFrame, *names: str) -> Tensor:
    """Which rows of `table` are from one of `names`, bool `(N,)`. Raises `ValueError` for a source that nobody knows."""
    found = np.full(len(table), LABELLED) if "source" not in table else table["source"].to_numpy(dtype=str)
    strange = sorted(set(found) - set(SOURCES))
    if strange:
        raise ValueError(f"the source of an image is one of {', '.join(SOURCES)}, not {str(strange[0])!r}")
    return from_numpy(np.isin(found, names))


def appended(own: pd.DataFrame, others: pd.DataFrame, source: str) -> pd.DataFrame:
    """The rows of `own`, then those of `others` as images from `source`; the columns of `own`, fresh `RangeIndex`.

    `others` has to have all columns of `own`, but for `source`; its `original` stays where it has one.
    """
    own = own if "source" in own else own.assign(source=LABELLED)
    table = pd.concat([own, others.assign(source=source)], ignore_index=True)
    names = own.columns.drop(["source", "original"], errors="ignore")
    return table[[*names, "source", *(["original"] if "original" in table else [])]]


def copies(table: pd.DataFrame) -> Tensor:
    """Where the images are that an image can be shown as instead, int64 `(N, K)`, -1 where there are fewer than K.

    A styled row names its original in the column `original`, by its `file`.
    """
    if "original" not in table:
        return from_numpy(np.empty((len(table), 0), dtype=np.int64))
    styled, labelled = (table["source"].to_numpy() == name for name in (STYLED, LABELLED))
    places = pd.Series(np.flatnonzero(labelled), index=table["file"][labelled])
    rows = pd.DataFrame({"place": np.flatnonzero(styled), "of": places[table["original"][styled]].to_numpy()})
    rows["number"] = rows.groupby("of").cumcount()
    width = int(rows["number"].max()) + 1 if len(rows) else 0
    found = np.full((len(table), width), -1, dtype=np.int64)
    found[rows["of"], rows["number"]] = rows["place"]
    return from_numpy(found)
