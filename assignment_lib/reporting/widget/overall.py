"""All queries together: precision, recall and F1 at every threshold of the slider, and which queries are the hardest."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.evaluation.scoring import known_cameras
from assignment_lib.evaluation.threshold_scores import threshold_scores
from assignment_lib.reporting.widget.sides import Sides
from assignment_lib.retrieval.ranking import rank

#: Thresholds of the slider.
LEVELS = np.round(np.arange(0, 1.005, 0.01), 2)


def all_queries(sides: Sides, query: Tensor, gallery: Tensor, keep: Tensor | None = None) -> pd.DataFrame | None:
    """The frame of `threshold_scores` at `LEVELS`; None where the truth is not known or nobody is found again.

    `query` `(Q, D)` and `gallery` `(G, D)` are embeddings; `keep` `(G,)` bool is the junk filter. A match that it removes is
    missed: it lowers the recall. Takes as long as the similarity product, two seconds for Market-1501.
    """
    if not sides.known:
        return None
    ids, gallery_ids = sides.query.pids, sides.gallery.pids
    cameras, gallery_cameras = known_cameras(sides.query.table, sides.gallery.table)
    labels = Labels.of(ids, gallery_ids, cameras, gallery_cameras, len(query), len(gallery))
    _, column, match = labels.pairs(np.arange(len(query))).tensors(torch.device("cpu"))
    passes = torch.ones(len(gallery), dtype=torch.bool) if keep is None else keep
    whole, left = int(match.sum()), int((match & passes[column]).sum())
    if not left:
        return None
    part = passes.numpy()
    seen_by = None if gallery_cameras is None else gallery_cameras[part]
    table = threshold_scores(query, gallery[passes], ids, gallery_ids[part], cameras, seen_by, LEVELS)
    table["recall"] *= left / whole
    together = (table["precision"] + table["recall"]).clip(lower=1e-12)
    return table.assign(f1=2 * table["precision"] * table["recall"] / together)


def hardest(sides: Sides, query: Tensor, gallery: Tensor) -> np.ndarray:
    """Queries by average precision, the lowest first: int64 `(V,)`, those with a match.

    Where the truth is not known, all of them by the similarity of the most similar image.
    """
    if sides.known:
        cameras = known_cameras(sides.query.table, sides.gallery.table)
        try:
            scores = reid_scores(query, gallery, sides.query.pids, sides.gallery.pids, *cameras)
        except ValueError:
            return np.arange(0)
        return np.flatnonzero(scores.valid)[np.argsort(scores.ap, kind="stable")]
    return rank(query, gallery, depth=1).similarity[:, 0].argsort(stable=True).numpy()
