"""From embeddings to ranked lists of the gallery and to the sets of images of the same person.

embeddings.py  embeddings on disk, with the network they come from
imagenet.py    what an ImageNet classifier sees in images
junk.py        which images show no person
ranking.py     ranked lists, and the images above a threshold
index.py       faiss indexes of large galleries
expansion.py   query expansion
reranking.py   k-reciprocal re-ranking
options.py     what mirror images, query expansion and re-ranking add
thresholds.py  where a list ends
judging.py     lists and pairs beside known identities
search.py      images by a description
export.py      the network as an ONNX file
"""

from assignment_lib.retrieval.expansion import expand_queries
from assignment_lib.retrieval.index import build_index
from assignment_lib.retrieval.judging import judge, one_query_a_person, pair_similarities
from assignment_lib.retrieval.ranking import Ranking, answers, rank, rank_distances, reordered, same_person
from assignment_lib.retrieval.reranking import rerank

__all__ = [
    "Ranking", "answers", "build_index", "expand_queries", "judge", "one_query_a_person", "pair_similarities", "rank",
    "rank_distances", "reordered", "rerank", "same_person",
]  # fmt: skip
