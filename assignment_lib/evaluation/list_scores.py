"""How good the lists of images are that are handed in, which end somewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assignment_lib.evaluation.inputs import Array, as_numpy, no_valid_query
from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.protocol import JUNK_ID


def list_scores(
    lists: Sequence[Array],
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
) -> dict[str, float]:
    """Scores of lists that end somewhere: a match that a list does not hold is missed.

    `lists[i]` are gallery positions for the i-th query, best first; ids and cameras, and who counts, as in `reid_scores`.
    `mAP` and `rank1` are means over the valid queries, a missed match counting as precision 0; `precision`, `recall` and
    `f1` are over all pairs together; `length` is the mean number of images in a list that count. Raises `ValueError` where
    no query is valid.
    """
    labels = Labels.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(lists), len(gallery_ids))
    aps, first, right, returned, wanted = [], [], 0, 0, 0
    for i, found in enumerate(lists):
        pairs = labels.pairs(np.array([i]))
        matches, dropped = pairs.column[pairs.match], pairs.column[~pairs.match]
        if not len(matches):
            continue
        places = as_numpy(found)
        hit = np.isin(places[(labels.gallery_ids[places] != JUNK_ID) & ~np.isin(places, dropped)], matches)
        aps.append((hit.cumsum() / np.arange(1, len(hit) + 1))[hit].sum() / len(matches))
        first.append(bool(len(hit)) and bool(hit[0]))
        right, returned, wanted = right + int(hit.sum()), returned + len(hit), wanted + len(matches)
    if not aps:
        raise no_valid_query()
    return {
        "mAP": float(np.mean(aps)),
        "rank1": float(np.mean(first)),
        "precision": right / max(1, returned),
        "recall": right / wanted,
        "f1": 2 * right / (returned + wanted),
        "length": returned / len(aps),
    }
