"""The rules of Market-1501, single query, in plain lines: who counts, and what a ranking scores.

Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, section 3.3. For each query the gallery images
of the same person from the same camera leave, and so does the junk. Distractors (id 0) stay and are wrong. Gallery
images of equal similarity keep the order they have in the gallery. A query without a true match left is left out of
every mean, and counted.

`reid_scores` gives the same numbers fast, and is tested against these lines.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Gallery images of this id are neither right nor wrong: they leave before anything is ranked.
JUNK_ID = -1


def ranked_matches(
    similarity: np.ndarray,
    query_id: int,
    gallery_ids: np.ndarray,
    query_camera: int | None = None,
    gallery_cameras: np.ndarray | None = None,
    itself: int | None = None,
) -> list[bool]:
    """The gallery images that count for one query, most similar first: True for the query's person, False for another.

    `similarity`, `gallery_ids` and `gallery_cameras` are `(G,)`; without cameras only the junk leaves. `itself` is the
    query's own place where it comes from the gallery.
    """
    right = []
    for image in np.argsort(-similarity, kind="stable"):
        same_person = gallery_ids[image] == query_id
        same_camera = gallery_cameras is not None and gallery_cameras[image] == query_camera
        if gallery_ids[image] == JUNK_ID or (same_person and same_camera) or image == itself:
            continue
        right.append(bool(same_person))
    return right


def average_precision(right: list[bool]) -> float:
    """The mean of the precision at each true match, as today's papers have it."""
    ranks = [rank for rank, is_right in enumerate(right, start=1) if is_right]
    return sum(found / rank for found, rank in enumerate(ranks, start=1)) / len(ranks)


def market_average_precision(right: list[bool]) -> float:
    """The area under the lines between the points of recall and precision: Market-1501's own `compute_AP.m`."""
    area, found, matches, old_recall, old_precision = 0.0, 0, sum(right), 0.0, 1.0
    for rank, is_right in enumerate(right, start=1):
        found += is_right
        recall, precision = found / matches, found / rank
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return area


def inverse_negative_penalty(right: list[bool]) -> float:
    """The number of matches over the rank of the last one (Ye et al., TPAMI 2021, section 4.1); mINP is its mean."""
    last = max(rank for rank, is_right in enumerate(right, start=1) if is_right)
    return sum(right) / last


def score_each_query(
    similarity: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cameras: np.ndarray | None,
    gallery_cameras: np.ndarray | None,
    within: bool = False,
) -> pd.DataFrame:
    """One row a query that has a match: its number `query`, `ap`, `market_ap`, `inp`, and the rank `first` of its first match.

    `similarity` is `(Q, G)`. `within`: the queries are the gallery, each left out of its own ranking. CMC rank-k is the
    share of rows whose `first` is at most k.
    """
    rows = []
    for query in range(len(similarity)):
        camera = None if query_cameras is None else query_cameras[query]
        itself = query if within else None
        right = ranked_matches(similarity[query], query_ids[query], gallery_ids, camera, gallery_cameras, itself)
        if any(right):
            ap, area, inp = average_precision(right), market_average_precision(right), inverse_negative_penalty(right)
            rows.append((query, ap, area, inp, right.index(True) + 1))
    return pd.DataFrame(rows, columns=["query", "ap", "market_ap", "inp", "first"])
