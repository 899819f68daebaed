"""From embeddings to ranked lists, to sets of images of the same person, and to the output files' contents.

ranking.py           ranked lists by cosine similarity, compared with known identities; a map of embeddings
reranking.py         k-reciprocal re-ranking; attributes averaged over the same neighbours
decisions.py         thresholds, ranked lists and sets
adaptation.py        training on clusters of the unlabelled test images
junk.py              an ImageNet classifier as person detector
attribute_search.py  images by a description in words
pipeline.py          everything that notebook 05 and the widget share
"""

from assignment_lib.retrieval.decisions import person_sets, ranked_lists
from assignment_lib.retrieval.ranking import Ranking, judge, neighbours_agree, pair_similarities, rank, tsne_map
from assignment_lib.retrieval.reranking import rerank

__all__ = [
    "Ranking", "judge", "neighbours_agree", "pair_similarities", "person_sets", "rank", "ranked_lists", "rerank", "tsne_map",
]  # fmt: skip
