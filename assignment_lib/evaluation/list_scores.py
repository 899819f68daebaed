"""How good the lists of images are that are handed in, which end somewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from assignment_lib.evaluation.inputs import Array, as_numpy, no_valid_query
from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.protocol import JUNK_ID

_COLUMNS = ["valid", "ap", "first", "found", "missed", "wrong", "ignored", "length"]


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
    return mean_scores(list_details(lists, query_ids, gallery_ids, query_cameras, gallery_cameras))


def list_details(
    lists: Sequence[Array],
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
) -> pd.DataFrame:
    """What each list is worth: one row a query, in the order of `lists`; inputs as in `list_scores`.

    Columns: `valid` (whether the query has a true match in the gallery), `ap` and `first` (the rank of the first match),
    floats, NaN where the query is not valid or the list holds no match (its `ap` is 0); `found`, `missed` and `wrong`
    images; `ignored`, the junk and same-camera images that the list names; `length`, its images without those.
    """
    labels = Labels.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(lists), len(gallery_ids))
    rows = []
    for i, listed in enumerate(lists):
        pairs = labels.pairs(np.array([i]))
        matches, dropped = pairs.column[pairs.match], pairs.column[~pairs.match]
        places = as_numpy(listed)
        hit = np.isin(places[(labels.gallery_ids[places] != JUNK_ID) & ~np.isin(places, dropped)], matches)
        found = int(hit.sum())
        rows.append(
            {
                "valid": bool(len(matches)),
                "ap": (hit.cumsum() / np.arange(1, len(hit) + 1))[hit].sum() / len(matches) if len(matches) else np.nan,
                "first": hit.argmax() + 1.0 if found else np.nan,
                "found": found,
                "missed": len(matches) - found,
                "wrong": len(hit) - found,
                "ignored": len(places) - len(hit),
                "length": len(hit),
            }
        )
    return pd.DataFrame(rows, columns=_COLUMNS)


def mean_scores(details: pd.DataFrame) -> dict[str, float]:
    """`list_scores` of what `list_details` returned. Raises `ValueError` where no query is valid."""
    valid = details[details["valid"].astype(bool)]
    if not len(valid):
        raise no_valid_query()
    right, returned, missed = (int(valid[name].sum()) for name in ("found", "length", "missed"))
    return {
        "mAP": float(np.mean(valid["ap"].to_numpy())),
        "rank1": float((valid["first"] == 1).mean()),
        "precision": right / max(1, returned),
        "recall": right / (right + missed),
        "f1": 2 * right / (returned + right + missed),
        "length": returned / len(valid),
    }
