"""The rules of Market-1501, single query, in readable form: excluded images, and scores of one ranking.

Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, section 3.3. For each query we exclude junk
images and the gallery images of the same person from the same camera. Distractors (id 0) stay in the ranking and are
wrong. Gallery images of equal similarity keep the order of the gallery. Queries without a true match are excluded from
every mean, and counted. `reid_scores` computes the same numbers fast and is tested against this module.
"""

from __future__ import annotations

import numpy as np

#: Gallery images with this id are neither right nor wrong: they are excluded from every ranking.
JUNK_ID = -1


def excluded(
    query_ids: np.ndarray | int,
    query_cameras: np.ndarray | int | None,
    gallery_ids: np.ndarray,
    gallery_cameras: np.ndarray | None,
) -> np.ndarray:
    """Which gallery images do not count: junk, and images of the query's person from the query's camera.

    Queries are integers `(Q,)` or one integer, gallery values integers `(G,)`. Without cameras (None) only junk is
    excluded. Returns bool `(Q, G)`, or `(G,)` for one query.
    """
    same_person = np.asarray(query_ids)[..., None] == gallery_ids
    junk = np.broadcast_to(gallery_ids == JUNK_ID, same_person.shape)
    if query_cameras is None or gallery_cameras is None:
        return junk.copy()
    same_camera = np.asarray(query_cameras)[..., None] == gallery_cameras
    return junk | (same_person & same_camera)


def ranked_matches(
    similarity: np.ndarray,
    query_id: int,
    gallery_ids: np.ndarray,
    query_camera: int | None = None,
    gallery_cameras: np.ndarray | None = None,
) -> list[bool]:
    """The ranking of one query without the excluded images, best first: True for the query's person, False otherwise.

    `similarity`, `gallery_ids` and `gallery_cameras` are `(G,)`.
    """
    skipped = excluded(query_id, query_camera, gallery_ids, gallery_cameras)
    order = np.argsort(-similarity, kind="stable")
    return [bool(gallery_ids[image] == query_id) for image in order if not skipped[image]]


def average_precision(matches: list[bool]) -> float:
    """The mean of the precision at each true match of a ranking, as in today's papers."""
    ranks = [rank for rank, is_match in enumerate(matches, start=1) if is_match]
    return sum(number / rank for number, rank in enumerate(ranks, start=1)) / len(ranks)


def market_average_precision(matches: list[bool]) -> float:
    """The area under the line through the points of recall and precision: `compute_AP.m` of Market-1501."""
    area, found, total, old_recall, old_precision = 0.0, 0, sum(matches), 0.0, 1.0
    for rank, is_match in enumerate(matches, start=1):
        found += is_match
        recall, precision = found / total, found / rank
        area += (recall - old_recall) * (old_precision + precision) / 2
        old_recall, old_precision = recall, precision
    return area


def inverse_negative_penalty(matches: list[bool]) -> float:
    """Number of true matches divided by the rank of the last one (Ye et al., TPAMI 2021, section 4.1)."""
    last = max(rank for rank, is_match in enumerate(matches, start=1) if is_match)
    return sum(matches) / last


def precision_recall_f1(
    found: np.ndarray | float, returned: np.ndarray | float, relevant: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of `found` true matches among `returned` images, of `relevant` ones; elementwise.

    Precision and F1 are 0 where nothing is returned. `relevant` must be positive.
    """
    found, returned = np.asarray(found), np.asarray(returned)
    return found / np.maximum(returned, 1), found / np.asarray(relevant), 2 * found / (returned + relevant)
