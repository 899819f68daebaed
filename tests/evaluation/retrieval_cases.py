"""Cases for the re-identification scores: one computed by hand, random ones with many ties, one like Market-1501."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from assignment_lib.evaluation.protocol import average_precision, inverse_negative_penalty, ranked_matches

# The ranking of each of four queries (id, camera), nearest first:
#   query 0 (1, 1): same camera (excluded) · match · wrong · junk (excluded) · match      -> matches at ranks 1 and 3
#   query 1 (2, 1): distractor · match · …                                                -> match at rank 2
#   query 2 (3, 1): only its own camera                                                   -> not valid
#   query 3 (9, 1): not in the gallery                                                    -> not valid
SMALL = {
    "query_ids": np.array([1, 2, 3, 9]),
    "query_cameras": np.array([1, 1, 1, 1]),
    "gallery_ids": np.array([1, 1, 2, -1, 1, 0, 3]),
    "gallery_cameras": np.array([1, 2, 2, 1, 3, 1, 1]),
}
SMALL_DISTANCES = np.array(
    [
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        [0.5, 0.6, 0.2, 0.3, 0.7, 0.1, 0.9],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    ],
    np.float32,
)


def check(scores, expected, queries, images):
    """Compare `scores` with `expected`, the frame of `score_each_query`."""
    np.testing.assert_array_equal(np.flatnonzero(scores.valid), expected["query"])
    assert scores.valid.shape == (queries,)
    assert scores.valid_queries == len(expected)
    np.testing.assert_allclose(scores.ap, expected["ap"], rtol=1e-12)
    np.testing.assert_allclose(scores.inp, expected["inp"], rtol=1e-12)
    np.testing.assert_array_equal(scores.first, expected["first"])
    assert scores.mAP == pytest.approx(expected["ap"].mean(), rel=1e-12)
    assert scores.mINP == pytest.approx(expected["inp"].mean(), rel=1e-12)
    first = expected["first"].to_numpy()
    for places in (1, 5, 10, 20):
        assert getattr(scores, f"rank{places}") == np.mean(first <= places)
    np.testing.assert_array_equal(scores.cmc, [np.mean(first <= k) for k in range(1, min(50, images) + 1)])


CORNERS = np.array(np.meshgrid(*[[-0.5, 0.5]] * 4), np.float32).reshape(4, -1).T  # length 1, products exact, many ties


@st.composite
def retrieval_cases(draw, most=200):
    """Embeddings with many equal similarities, few ids and cameras, junk and distractors."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    queries, images = draw(st.integers(1, 12)), draw(st.integers(1, most))
    people, cameras = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    gallery_ids = rng.integers(-1, people + 1, images)
    if draw(st.booleans()):
        gallery_ids = np.sort(gallery_ids)
    corners = CORNERS[: draw(st.sampled_from([1, 3, 16]))]
    with_cameras = draw(st.booleans())
    return {
        "query": corners[rng.integers(0, len(corners), queries)],
        "gallery": corners[rng.integers(0, len(corners), images)],
        "query_ids": rng.integers(-1, people + 2, queries),
        "gallery_ids": gallery_ids,
        "query_cameras": rng.integers(1, cameras + 1, queries) if with_cameras else None,
        "gallery_cameras": rng.integers(1, cameras + 1, images) if with_cameras else None,
    }


MANY = settings(max_examples=100, deadline=None)


def market_like(seed=0, queries=40, images=300):
    rng = np.random.default_rng(seed)
    ids = rng.integers(-1, 15, images)
    centres = rng.standard_normal((17, 16))
    query_ids = rng.integers(1, 15, queries)
    case = {
        "query": centres[query_ids] + rng.standard_normal((queries, 16)),
        "gallery": centres[ids] + rng.standard_normal((images, 16)),
        "query_ids": query_ids,
        "gallery_ids": ids,
        "query_cameras": rng.integers(0, 6, queries),
        "gallery_cameras": rng.integers(0, 6, images),
    }
    for name in ("query", "gallery"):
        case[name] = (case[name] / np.linalg.norm(case[name], axis=1, keepdims=True)).astype(np.float32)
    return case


def score_each_query(
    similarity: np.ndarray,
    query_ids: np.ndarray,
    gallery_ids: np.ndarray,
    query_cameras: np.ndarray | None,
    gallery_cameras: np.ndarray | None,
) -> pd.DataFrame:
    """One row per valid query: its position `query`, `ap`, `inp`, and `first`, the rank of the first match.

    `similarity` is `(Q, G)`. CMC rank-k is the share of rows whose `first` is at most k.
    """
    rows = []
    for query in range(len(similarity)):
        camera = None if query_cameras is None else query_cameras[query]
        matches = ranked_matches(similarity[query], query_ids[query], gallery_ids, camera, gallery_cameras)
        if any(matches):
            rows.append((query, average_precision(matches), inverse_negative_penalty(matches), matches.index(True) + 1))
    return pd.DataFrame(rows, columns=["query", "ap", "inp", "first"])
