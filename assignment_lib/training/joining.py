"""Labelled people and pseudo-labelled images as one training set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.sources import CLUSTER, appended
from assignment_lib.training.assembly import Split


def joined_table(labelled: pd.DataFrame, unlabelled: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """The rows of `labelled`, then those of `unlabelled` that are in a cluster of `labels` `(N,)` (-1: in none).

    Cluster k becomes the person `labelled.pid.max() + 1 + k`, so that in the sorted list of identities the labelled ones
    keep their places. Where `labelled` has attributes, those of the others are -1, unknown, whatever `unlabelled` has. The
    column `source` says "labelled" or "cluster". `unlabelled` needs path, file and camera; its identities are not looked
    at. Fresh `RangeIndex`. Raises `ValueError` where labels and rows are not as many.
    """
    if len(labels) != len(unlabelled):
        raise ValueError(f"{len(labels)} labels for {len(unlabelled)} unlabelled images; they must be as many")
    chosen = unlabelled.loc[labels >= 0, ["path", "file", "camera"]]
    chosen = chosen.assign(pid=int(labelled["pid"].max()) + 1 + labels[labels >= 0])
    if set(TASKS) <= set(labelled.columns):
        chosen = chosen.assign(**dict.fromkeys(TASKS, -1))
    return appended(labelled, chosen, CLUSTER)


def joined(split: Split, unlabelled: pd.DataFrame, images: Tensor, labels: np.ndarray) -> Split:
    """`split` with the clustered ones of `images` `(N, 3, H, W)`, the rows of `unlabelled`, among its training images."""
    table = joined_table(split.train, unlabelled, labels)
    clustered = images[torch.from_numpy(labels >= 0)]
    return split._replace(train=table, train_images=torch.cat([split.train_images, clustered]))
