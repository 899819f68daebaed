"""CMC, mAP and mINP of a re-identification by the protocol of Market-1501, at the speed of the similarity product.

`protocol` states the rules in plain lines; here they are followed without sorting a gallery, a block of queries at a
time. At Market-1501's size (3,368 queries, 19,732 images, 512 dimensions) that takes 1.2 to 1.5 times as long as the
product of the embeddings alone, on two CPU cores, and 95 to 99 MiB beside them (docs/speed.md).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from assignment_lib.evaluation.blocks import negated, products, queries_at_a_time, without_junk
from assignment_lib.evaluation.inputs import Array, floating, normalized, query_and_gallery
from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.ranks import ahead_of_matches
from assignment_lib.evaluation.summary import ReidScores, summary


def reid_scores(
    query: Array,
    gallery: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    *,
    interpolation: str = "step",
    chunk: int | None = None,
    progress: bool = False,
) -> ReidScores:
    """Scores of ranking `gallery` by cosine similarity to each image of `query`.

    `query` `(Q, D)` and `gallery` `(G, D)`: float32, rows of length 1, torch (any device; the work is done where
    `gallery` is) or numpy. Ids and cameras: integers `(Q,)` and `(G,)`. Both cameras None: the data set has none, and
    only junk leaves. Junk is id -1. Distractors need no rule: no query has their id 0 (where ids count from 0, person
    0 is a person like any other).

    `interpolation`: "step" is the mean of the precision at each true match, as in today's papers; "trapezoid" is the
    area under the line through the points of the precision-recall curve, as in Market-1501's own `compute_AP.m`, and
    reads a little lower. `chunk`: queries at a time, by default as many as make 32 MiB of similarities, at least 64.
    `progress`: show a bar.

    Raises `ValueError` for shapes that do not fit, embeddings with NaN or not of length 1, and no valid query at all.
    """
    query, gallery = query_and_gallery(query, gallery)
    labels = Labels.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(query), len(gallery))
    return _scores_of_product(query, gallery, labels, interpolation, chunk, progress)


def reid_scores_within(
    embeddings: Array,
    ids: Array,
    cameras: Array | None = None,
    *,
    interpolation: str = "step",
    chunk: int | None = None,
    progress: bool = False,
) -> ReidScores:
    """`reid_scores` of each image of a split queried against all others, itself left out.

    For a validation split by identity, which has no queries of its own. `embeddings` `(N, D)`, `ids` `(N,)`. With
    `cameras` `(N,)` the images of the same person from the same camera leave too, as in the test protocol; without
    them they stay, and neighbouring frames of one walk make the figures far higher: say so beside them.
    """
    embeddings = normalized(embeddings, "embeddings")
    labels = Labels.within(ids, cameras, len(embeddings))
    return _scores_of_product(embeddings, embeddings, labels, interpolation, chunk, progress)


def reid_scores_from_distances(
    distances: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    *,
    interpolation: str = "step",
    chunk: int | None = None,
    progress: bool = False,
) -> ReidScores:
    """`reid_scores` of a ranking by distance, smallest first, re-ranked distances too.

    `distances` is `(Q, G)`, floating, torch or numpy; they are compared in the precision they come in. Raises
    `ValueError` as `reid_scores` does.
    """
    distances = floating(distances, "distances", "queries, gallery images")
    queries, images = distances.shape
    labels = Labels.of(query_ids, gallery_ids, query_cameras, gallery_cameras, queries, images)
    chunk = queries_at_a_time(chunk, images * distances.element_size())
    return _scores(negated(distances, labels.order, chunk), labels, interpolation, progress)


def _scores_of_product(
    query: torch.Tensor,
    gallery: torch.Tensor,
    labels: Labels,
    interpolation: str,
    chunk: int | None,
    progress: bool,
) -> ReidScores:
    gallery, labels = without_junk(gallery, labels)
    chunk = queries_at_a_time(chunk, 4 * len(gallery))
    return _scores(products(query, gallery, labels.order, chunk), labels, interpolation, progress)


def _scores(blocks: Iterator[torch.Tensor], labels: Labels, interpolation: str, progress: bool) -> ReidScores:
    if interpolation not in ("step", "trapezoid"):
        raise ValueError(f'interpolation is {interpolation!r}; it must be "step" or "trapezoid"')
    queries, ahead = ahead_of_matches(blocks, labels, progress)
    return summary(queries, ahead, labels, interpolation)
