"""From embeddings to ranked lists, to sets of images of the same person, and to the output files' contents.

ranking.py           ranked lists by cosine similarity, and their comparison with known identities
reranking.py         k-reciprocal re-ranking
decisions.py         thresholds, ranked lists and sets
adaptation.py        training on clusters of the unlabelled test images
junk.py              an ImageNet classifier as person detector
attribute_search.py  images by a description in words
embedding_map.py     embeddings on a plane, and how often neighbours agree
pipeline.py          everything that notebook 05 and the widget share
"""

from assignment_lib.retrieval.decisions import person_sets, ranked_lists
from assignment_lib.retrieval.ranking import Ranking, judge, pair_similarities, rank
from assignment_lib.retrieval.reranking import rerank

__all__ = ["Ranking", "judge", "pair_similarities", "person_sets", "rank", "ranked_lists", "rerank"]
