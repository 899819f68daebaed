"""How good the sets are that hold every gallery image above a similarity threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from assignment_lib.evaluation.blocks import mask_junk, products, queries_at_a_time, with_bar, without_junk
from assignment_lib.evaluation.inputs import Array, as_numpy, no_valid_query, normalized, query_and_gallery
from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.threads import in_threads


def threshold_scores(
    query: Array,
    gallery: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    thresholds: Array,
    *,
    chunk: int | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """How good the sets are that hold every gallery image with a similarity of at least a threshold.

    Inputs as in `reid_scores`, and `thresholds` `(T,)`, finite, in any order. Returns a frame with a row a threshold,
    in that order: `threshold`, `precision`, `recall`, `f1` over all pairs of all valid queries together (micro), and
    `set_size`, the mean number of images returned for a query. What the protocol drops is neither right nor wrong, and
    queries without a match are left out. Similarities and thresholds are compared in float32. Precision and F1 of
    sets that are all empty are 0.

    Raises `ValueError` as `reid_scores` does, and for thresholds that are not finite.
    """
    query, gallery = query_and_gallery(query, gallery)
    labels = Labels.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(query), len(gallery))
    return _threshold_frame(query, gallery, labels, thresholds, chunk, progress)


def threshold_scores_within(
    embeddings: Array,
    ids: Array,
    thresholds: Array,
    cameras: Array | None = None,
    *,
    chunk: int | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """`threshold_scores` of each image of a split against all others, itself left out; see `reid_scores_within`."""
    embeddings = normalized(embeddings, "embeddings")
    labels = Labels.within(ids, cameras, len(embeddings))
    return _threshold_frame(embeddings, embeddings, labels, thresholds, chunk, progress)


def _threshold_frame(
    query: torch.Tensor,
    gallery: torch.Tensor,
    labels: Labels,
    thresholds: Array,
    chunk: int | None,
    progress: bool,
) -> pd.DataFrame:
    thresholds = as_numpy(thresholds)
    if thresholds.ndim != 1 or not len(thresholds) or not np.isfinite(thresholds.astype(float)).all():
        raise ValueError("thresholds must be a list of at least one finite number")
    gallery, labels = without_junk(gallery, labels)
    levels = torch.as_tensor(thresholds.astype(np.float32), device=gallery.device)
    chunk = queries_at_a_time(chunk, 4 * len(gallery))
    returned, right = np.zeros(len(levels), np.int64), np.zeros(len(levels), np.int64)
    valid, matches = 0, 0
    for block, queries in with_bar(products(query, gallery, labels.order, chunk), labels.order, progress):
        mask_junk(block, labels)
        row, column, match = labels.pairs(queries).tensors(block.device)
        own = block[row[match], column[match]].sort().values
        right += len(own) - torch.searchsorted(own, levels).cpu().numpy()
        block[row[~match], column[~match]] = -torch.inf
        has_match = row[match].unique()
        valid, matches = valid + len(has_match), matches + len(own)
        returned += _at_least(block[has_match], levels)
    if not valid:
        raise no_valid_query()
    precision, recall = right / np.maximum(returned, 1), right / matches
    f1 = 2 * right / (returned + matches)
    return pd.DataFrame(
        {"threshold": thresholds, "precision": precision, "recall": recall, "f1": f1, "set_size": returned / valid}
    )


def _at_least(block: torch.Tensor, levels: torch.Tensor) -> np.ndarray:
    """How many values of `block` reach each of `levels`."""
    if block.device.type == "cpu":
        values = block.numpy()
        in_threads(lambda rows: values[rows.start : rows.stop].sort(axis=1), len(values))
    else:
        block = block.sort(dim=1).values
    below = torch.searchsorted(block, levels.expand(len(block), -1).contiguous())
    return (block.shape[1] - below).sum(0).cpu().numpy()
