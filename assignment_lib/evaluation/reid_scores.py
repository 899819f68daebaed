"""Re-identification scores by the protocol of Market-1501: CMC, mAP, mINP, and ranked lists.

`protocol` states the rules. This module applies them to blocks of queries without sorting the gallery: the rank of a true
match is one more than the number of images that come before it. At Market-1501's size (3,368 queries, 19,732 images, 512
dimensions) `reid_scores` takes less than twice the time of the product of the embeddings alone (`benchmarks/reid_scores.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib.evaluation.checks import (
    Array,
    Labels,
    NoValidQueryError,
    check_embeddings,
    check_integers,
    check_labels,
    check_matrix,
)
from assignment_lib.evaluation.protocol import excluded, precision_recall_f1

_CMC_LENGTH = 50
#: Similarities per block of queries (16 MiB), and the smallest number of queries per block.
_BLOCK_SIMILARITIES, _BLOCK_QUERIES = 2**22, 64


@dataclass(frozen=True)
class ReidScores:
    """The result of `reid_scores`. All scores are fractions between 0 and 1 over the V valid queries."""

    mAP: float  #: mean average precision
    mINP: float  #: mean inverse negative penalty (Ye et al., TPAMI 2021, section 4.1): matches / rank of the last one
    rank1: float  #: share of queries whose first image is a true match
    rank5: float  #: share of queries with a true match among the first five
    rank10: float
    rank20: float
    cmc: np.ndarray  #: float64 (min(50, G),): share of queries with a true match among the first 1, 2, …
    ap: np.ndarray  #: float64 (V,): average precision of each valid query, in the order of the queries
    inp: np.ndarray  #: float64 (V,): inverse negative penalty of each valid query
    first: np.ndarray  #: int64 (V,): rank of the first true match of each valid query, from 1
    valid: np.ndarray  #: bool (Q,): which queries have a true match in the gallery
    valid_queries: int  #: V

    def as_dict(self) -> dict[str, float | int]:
        """The scalar scores as plain numbers, as `metrics.json` holds them."""
        names = ("mAP", "mINP", "rank1", "rank5", "rank10", "rank20", "valid_queries")
        return {**{name: getattr(self, name) for name in names}, "queries": len(self.valid)}


def reid_scores(
    query: Array,
    gallery: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
) -> ReidScores:
    """Scores of ranking `gallery` by cosine similarity to each image of `query`.

    `query` `(Q, D)` and `gallery` `(G, D)` are L2-normalised; similarities are computed in float32 on the gallery's
    device. Ids and cameras are integers `(Q,)` and `(G,)`. If both cameras are None, only junk (id -1) is excluded.
    Distractors (id 0) need no rule, since no query has that id; if ids count from 0, person 0 is a person. AP is the mean
    of the precision at each true match.

    Raises `ValueError` for wrong inputs and `NoValidQueryError` (a `ValueError`) if no query has a true match.
    """
    query, gallery = check_embeddings(query, gallery)
    labels = check_labels((query_ids, gallery_ids, query_cameras, gallery_cameras), len(query), len(gallery))
    return _scores(_blocks(lambda rows: query[rows] @ gallery.T, labels))


def reid_scores_within(embeddings: Array, ids: Array) -> ReidScores:
    """`reid_scores` of each image of a split queried against all others, itself excluded, whatever their cameras.

    `embeddings` `(N, D)`, `ids` `(N,)`. Neighbouring frames of the same walk stay in the gallery, so the scores are much
    higher than those of the test: say so next to them.
    """
    own_camera = np.arange(len(embeddings))  # a camera per image excludes the image itself and no other
    return reid_scores(embeddings, embeddings, ids, ids, own_camera, own_camera)


def reid_scores_from_distances(
    distances: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
) -> ReidScores:
    """`reid_scores` of a ranking by distance `(Q, G)`, smallest first, for example re-ranked distances.

    Distances are compared in their own precision, half precision as float32.
    """
    distances = check_matrix(distances, "distances", "queries, gallery images")
    labels = check_labels((query_ids, gallery_ids, query_cameras, gallery_cameras), *distances.shape)
    return _scores(_blocks(lambda rows: -distances[rows], labels))


def _blocks(similarity: Callable[[slice], Tensor], labels: Labels) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For n queries at a time: their similarities `(n, G)`, -inf for excluded images, and true matches `(n, G)` bool.

    `similarity(rows)` returns a new tensor `(n, G)`, which is overwritten.
    """
    queries, images = len(labels.query_ids), len(labels.gallery_ids)
    size = max(_BLOCK_QUERIES, _BLOCK_SIMILARITIES // images)
    for start in range(0, queries, size):
        rows = slice(start, start + size)
        ids = labels.query_ids[rows]
        cameras = None if labels.query_cameras is None else labels.query_cameras[rows]
        skipped = excluded(ids, cameras, labels.gallery_ids, labels.gallery_cameras)
        block = similarity(rows).cpu().numpy()
        np.copyto(block, -np.inf, where=skipped)
        yield block, (ids[:, None] == labels.gallery_ids) & ~skipped


def _scores(blocks: Iterator[tuple[np.ndarray, np.ndarray]]) -> ReidScores:
    ranks: list[np.ndarray] = []
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for similarity, matches in blocks:
            ranks += pool.map(_match_ranks, similarity, matches)
    valid = np.array([len(of_query) > 0 for of_query in ranks], bool)
    ranks = [of_query for of_query in ranks if len(of_query)]
    if not ranks:
        raise NoValidQueryError
    ap = np.array([(np.arange(1, len(of_query) + 1) / of_query).mean() for of_query in ranks])
    inp = np.array([len(of_query) / of_query[-1] for of_query in ranks])
    first = np.array([of_query[0] for of_query in ranks])
    cmc = np.array([(first <= rank).mean() for rank in range(1, min(_CMC_LENGTH, matches.shape[1]) + 1)])
    rank1, rank5, rank10, rank20 = (float((first <= rank).mean()) for rank in (1, 5, 10, 20))
    return ReidScores(
        float(ap.mean()), float(inp.mean()), rank1, rank5, rank10, rank20, cmc, ap, inp, first, valid, len(ranks)
    )


def _match_ranks(similarity: np.ndarray, matches: np.ndarray) -> np.ndarray:
    """The ranks of one query's true matches, from 1, ascending: int64 `(K,)`.

    Images that are equally similar come before a match if they come before it in the gallery.
    """
    ranks = [
        1
        + np.count_nonzero(similarity[:column] >= similarity[column])
        + np.count_nonzero(similarity[column + 1 :] > similarity[column])
        for column in np.flatnonzero(matches)
    ]
    return np.sort(np.array(ranks, np.int64))


def list_scores(
    lists: Sequence[Array],
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    course: bool = False,
) -> dict[str, float]:
    """Scores of ranked lists by the protocol of Market-1501, or as the course scores them.

    `lists[i]` are gallery positions for query i, best first; ids, cameras and errors as in `reid_scores`. A true match that
    a list omits counts as missed. `mAP` and `rank1` are means over the valid queries, with precision 0 at a missed match;
    `precision`, `recall` and `f1` are over all pairs together; `length` is the mean number of images per list without the
    excluded ones.

    `course`: all gallery images of the query's person are relevant, whatever their camera, the query's own copy included.
    No image is excluded: junk (id -1) and distractors are wrong. A longer list never lowers the AP. Queries with a negative
    id are not scored.
    """
    return mean_scores(list_details(lists, query_ids, gallery_ids, query_cameras, gallery_cameras, course))


def list_details(
    lists: Sequence[Array],
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    course: bool = False,
) -> pd.DataFrame:
    """The scores of each list by the rules of `list_scores`: one row per query.

    Columns: `valid` (bool, whether the query has a true match in the gallery); `ap` and `first` (rank of the first match),
    floats, NaN if the query is not valid, `first` also if the list holds no match; `found`, `missed` and `wrong` images;
    `ignored`, the excluded images that the list names; `length`, the number of its other images. Raises `ValueError` for a
    list that repeats a position or has one outside the gallery.
    """
    labels = check_labels((query_ids, gallery_ids, query_cameras, gallery_cameras), len(lists), len(gallery_ids))
    cameras = [None] * len(lists) if labels.query_cameras is None else labels.query_cameras
    rows = []
    for places, query_id, camera in zip(lists, labels.query_ids, cameras, strict=True):
        same_person = labels.gallery_ids == query_id
        if course:
            skipped, same_person = np.zeros_like(same_person), same_person & (query_id >= 0)
        else:
            skipped = excluded(query_id, camera, labels.gallery_ids, labels.gallery_cameras)
        listed = check_integers(places, "a list of gallery positions")
        if len(np.unique(listed)) < len(listed) or (listed < 0).any() or (listed >= len(same_person)).any():
            raise ValueError(
                f"a list repeats a gallery position or has one outside 0 to {len(same_person) - 1}; name each image once"
            )
        relevant = int((same_person & ~skipped).sum())
        hits = same_person[listed[~skipped[listed]]]
        ranks = np.flatnonzero(hits) + 1
        ap = float((np.arange(1, len(ranks) + 1) / ranks).sum() / relevant) if relevant else np.nan
        first = float(ranks[0]) if len(ranks) else np.nan
        counts = len(ranks), relevant - len(ranks), len(hits) - len(ranks), len(listed) - len(hits), len(hits)
        rows.append((relevant > 0, ap, first, *counts))
    return pd.DataFrame(rows, columns=["valid", "ap", "first", "found", "missed", "wrong", "ignored", "length"])


def mean_scores(details: pd.DataFrame) -> dict[str, float]:
    """`list_scores` from the result of `list_details`. Raises `NoValidQueryError` if no query is valid."""
    valid = details[details["valid"].astype(bool)]
    if not len(valid):
        raise NoValidQueryError
    found, returned, missed = (int(valid[name].sum()) for name in ("found", "length", "missed"))
    precision, recall, f1 = precision_recall_f1(found, returned, found + missed)
    means = {"mAP": float(valid["ap"].mean()), "rank1": float((valid["first"] == 1).mean())}
    means |= {"precision": float(precision), "recall": float(recall), "f1": float(f1)}
    return means | {"length": returned / len(valid)}
