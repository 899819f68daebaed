"""From embeddings to lists and sets of images of the same person."""

from assignment_lib.retrieval.ranking import (
    Ranking,
    answers,
    build_index,
    expand_queries,
    judge,
    one_query_a_person,
    pair_similarities,
    rank,
    rank_distances,
    reordered,
    same_person,
)
from assignment_lib.retrieval.reranking import rerank

__all__ = [
    "Ranking", "answers", "build_index", "expand_queries", "judge", "one_query_a_person", "pair_similarities", "rank",
    "rank_distances", "reordered", "rerank", "same_person",
]  # fmt: skip
