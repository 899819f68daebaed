"""From embeddings to ranked lists of the gallery and to the sets of images of the same person.

embeddings.py  embeddings on disk, with the network they come from
imagenet.py    what an ImageNet classifier sees in images
junk.py        which images show no person
ranking.py     ranked lists, and the images above a threshold
index.py       faiss indexes of large galleries
expansion.py   query expansion
reranking.py   k-reciprocal re-ranking
whitening.py   embeddings whitened by their principal axes
options.py     what mirror images, whitening, query expansion and re-ranking add
searches.py    a search whose answers are known: its pairs and its folds
curves.py      what lists are worth, wherever they end
normalisation.py  similarities beside those to the gallery
mutual.py      ranks of the image for the query and of the query for the image
pair_scores.py    the scores by which a pair can be judged
same_person_probability.py  how likely a pair is the same person
thresholds.py  similarities at which a list ends
decisions.py   ten rules of who is the same person, learned and applied
rules_table.py    the rules side by side
lists_and_sets.py  the list for the examiner, the set for people
judging.py     lists and pairs beside known identities
search.py      images by a description, and how right they are
embedding_map.py  embeddings on a plane, and how often neighbours agree
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
