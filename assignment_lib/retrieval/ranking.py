"""From embeddings to the images of the same person: ranking by cosine similarity, and the threshold that ends a list."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.retrieval.reranking import rerank

__all__ = [
    "Ranking", "answers", "build_index", "expand_queries", "judge", "one_query_a_person", "pair_similarities", "rank",
    "rank_distances", "reordered", "rerank", "same_person",
]  # fmt: skip


class Ranking(NamedTuple):
    """The nearest K of G gallery images for each of Q queries, best first; ties in gallery order."""

    order: Tensor  # (Q, K) int64 positions in the gallery
    similarity: Tensor  # (Q, K) float32 cosine similarities; descending, unless another distance gave the order


def rank(query: Tensor, gallery: Tensor, depth: int | None = None, chunk: int = 512, index: Any = "exact") -> Ranking:
    """Gallery images by cosine similarity to each query.

    `query` `(Q, D)` and `gallery` `(G, D)` are float32 and L2-normalised; `depth` keeps the first so many (all where
    None). Works through `chunk` queries at a time, so that memory stays at `chunk * G` similarities.

    `index`: "exact"; or, for large galleries and a small `depth`, "faiss" (exact too, by faiss-cpu) or "hnsw" (a graph
    that is searched without looking at every image), built for this call; or what `build_index` gave for this gallery,
    for one call after the other. All but "exact" need the extra package faiss-cpu, and leave ties in no particular order.
    What a graph misses is a place of -1 with a similarity of -1.
    """
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"queries have {query.shape[1]} dimensions, the gallery {gallery.shape[1]}: they come from two networks; "
            "compute both with the same one"
        )
    for name, embeddings in (("query", query), ("gallery", gallery)):
        if not embeddings.isfinite().all():
            raise ValueError(
                f"{name} embeddings have NaN or infinity; the network they come from is broken, train it anew"
            )
    if depth is not None and depth < 1:
        raise ValueError(f"depth is {depth}; it must be at least 1")
    depth = len(gallery) if depth is None else min(depth, len(gallery))
    if isinstance(index, str) and index == "exact":
        parts = [_first(rows @ gallery.T, depth) for rows in query.split(chunk)]
        return Ranking(*(torch.cat(part) for part in zip(*parts, strict=True)))
    index = build_index(gallery, index) if isinstance(index, str) else index
    if index.ntotal != len(gallery):
        raise ValueError(f"the index holds {index.ntotal} images and the gallery {len(gallery)}; build it anew")
    if hasattr(index, "hnsw"):
        index.hnsw.efSearch = max(128, 2 * depth)
    similarity, order = (torch.from_numpy(found) for found in index.search(query.cpu().contiguous().numpy(), depth)[:2])
    return Ranking(order, similarity.masked_fill_(order < 0, -1.0))


def build_index(gallery: Tensor, kind: str = "hnsw") -> Any:
    """A faiss index of `gallery` `(G, D)`: "faiss" compares with every image, "hnsw" walks through a graph of neighbours.

    The graph (Malkov & Yashunin 2018, 32 neighbours) takes minutes to build for hundreds of thousands of images; it pays
    where it is asked often, as by a widget. `faiss.write_index` keeps it. Needs the extra package faiss-cpu.
    """
    if kind not in ("faiss", "hnsw"):
        raise ValueError(f"index is exact, faiss or hnsw, not {kind!r}")
    try:
        import faiss
    except ImportError as error:
        raise ImportError(f"index={kind!r} needs faiss: pip install faiss-cpu, or take index='exact'") from error
    size = gallery.shape[1]
    if kind == "faiss":
        index = faiss.IndexFlatIP(size)
    else:
        index = faiss.IndexHNSWFlat(size, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
    index.add(gallery.cpu().contiguous().numpy())
    return index


def _first(similarity: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """Places and values of the `depth` largest of each row of `(n, G)`, descending, equal ones in gallery order."""
    if 4 * depth > similarity.shape[1]:
        values, order = similarity.sort(dim=1, descending=True, stable=True)
        return order[:, :depth].clone(), values[:, :depth].clone()
    values, order = similarity.topk(depth)
    # of those that equal the last one topk takes any, so rows where not all of them fit are sorted
    doubtful = (similarity >= values[:, -1:]).sum(1) > depth
    order = order.sort(dim=1).values
    values, place = similarity.gather(1, order).sort(dim=1, descending=True, stable=True)
    order = order.gather(1, place)
    if doubtful.any():
        sorted_values, places = similarity[doubtful].sort(dim=1, descending=True, stable=True)
        order[doubtful], values[doubtful] = places[:, :depth], sorted_values[:, :depth]
    return order, values


def rank_distances(distances: Tensor, depth: int | None = None) -> Tensor:
    """Gallery positions by distance `(Q, G)`, smallest first, for example re-ranked ones: `(Q, K)` int64, stable."""
    return distances.sort(dim=1, stable=True).indices[:, :depth]


def expand_queries(query: Tensor, gallery: Tensor, neighbours: int = 5, alpha: float = 3.0, chunk: int = 512) -> Tensor:
    """Alpha-weighted query expansion (Radenovic et al., TPAMI 2019): each query, moved towards its nearest gallery images.

    `query` `(Q, D)`, `gallery` `(G, D)` float32, L2-normalised. The query and its `neighbours` are added up with weights 1
    and similarity ** alpha, and normalised again: `(Q, D)`. `neighbours=0` changes nothing.
    """
    expanded = []
    for rows in query.split(chunk):
        similarity, place = (rows @ gallery.T).topk(min(neighbours, len(gallery)), dim=1)
        weights = similarity.clamp(min=0) ** alpha
        expanded.append(F.normalize(rows + (weights[:, :, None] * gallery[place]).sum(1)))
    return torch.cat(expanded)


def answers(
    query: Tensor, gallery: Tensor, keep: Tensor | None = None, neighbours: int = 0, reranked: bool = False
) -> Ranking:
    """What a query is answered with: all gallery images that pass `keep`, best first, before a threshold ends the list.

    `keep` `(G,)` bool says which images pass the junk filter; the others take no part in anything. `neighbours` are those
    of `expand_queries`, `reranked` orders by `rerank`; the similarities stay those of the queries as given, so that a
    threshold means the same with and without.
    """
    kept = torch.arange(len(gallery)) if keep is None else keep.nonzero()[:, 0]
    gallery = gallery[kept]
    ranking = rank(query, gallery)
    asked = expand_queries(query, gallery, neighbours)
    if reranked:
        ranking = reordered(ranking, rerank(asked, gallery, **neighbourhood(len(query) + len(gallery))))
    elif neighbours:
        ranking = reordered(ranking, 1 - asked @ gallery.T)
    return Ranking(kept[ranking.order], ranking.similarity)


def neighbourhood(images: int) -> dict[str, int]:
    """`k1` and `k2` of `rerank` for so many queries and gallery images together: the usual ones, or fewer where few are."""
    k1 = min(20, images - 1)
    return {"k1": k1, "k2": min(6, k1)}


def reordered(ranking: Ranking, distances: Tensor) -> Ranking:
    """The images of a whole `ranking` `(Q, G)` by `distances` `(Q, G)` instead, each with its cosine similarity still.

    For lists that end by similarity and are ordered by a better judge, `rerank`.
    """
    order = rank_distances(distances)
    similarity = torch.empty_like(ranking.similarity).scatter_(1, ranking.order, ranking.similarity)
    return Ranking(order, similarity.gather(1, order))


def one_query_a_person(ids: np.ndarray) -> np.ndarray:
    """Which images of a split are queries where every person's first one is asked for in the rest: bool `(N,)`.

    Persons with one image are in the rest, as images of others.
    """
    _, first, counts = np.unique(ids, return_index=True, return_counts=True)
    asked = np.zeros(len(ids), bool)
    asked[first[counts > 1]] = True
    return asked


def same_person(ranking: Ranking, threshold: float, keep: Tensor | None = None) -> list[Tensor]:
    """For each query the gallery positions with a similarity of at least `threshold`, best first.

    `keep` `(G,)` bool says which gallery images pass the junk filter; None keeps all. A list may be empty.
    """
    accepted = ranking.similarity >= threshold
    if keep is not None:
        accepted &= keep[ranking.order]
    return [order[passed] for order, passed in zip(ranking.order, accepted, strict=True)]


def pair_similarities(embeddings: Tensor, ids: np.ndarray, most: int = 1_000_000) -> tuple[np.ndarray, np.ndarray]:
    """Cosine similarities of all pairs of the same person and of pairs of different persons, both float32 1-D.

    `embeddings` `(N, D)` L2-normalised, `ids` `(N,)`. Of the different persons' pairs at most about `most` are kept,
    evenly spaced: a histogram needs no more.
    """
    similarity = embeddings @ embeddings.T
    first, second = torch.triu_indices(len(ids), len(ids), offset=1)
    values = similarity[first, second].numpy()
    same = ids[first.numpy()] == ids[second.numpy()]
    different = values[~same]
    return values[same], different[:: max(1, len(different) // most)]


def judge(order: Tensor, query: pd.DataFrame, gallery: pd.DataFrame) -> list[list[bool | None]] | None:
    """Whether each ranked image is the query's person: True, False, or None for what Market-1501 does not count.

    `order` `(Q, K)` are gallery positions for the rows of `query`. Not counted are junk (id -1) and images of the same
    person from the same camera, where the cameras are known. Returns None where the identities of the test are not.
    """
    ids = gallery["pid"].to_numpy()
    if (query["pid"] < 0).any() or (ids < -1).any():
        return None
    cameras = gallery["camera"].to_numpy()
    verdicts = []
    for row, pid, camera in zip(order.numpy(), query["pid"], query["camera"], strict=True):
        same = ids[row] == pid
        skipped = (ids[row] == -1) | (same & (cameras[row] == camera) & (camera >= 0))
        verdicts.append([None if out else bool(hit) for hit, out in zip(same, skipped, strict=True)])
    return verdicts
