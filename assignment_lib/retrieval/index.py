"""Indexes of faiss over a large gallery, for the first few images of each query."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def build_index(gallery: Tensor, kind: str = "hnsw") -> Any:
    """A faiss index of `gallery` `(G, D)`: "faiss" compares with every image, "hnsw" walks through a graph of neighbours.

    The graph (Malkov & Yashunin 2018, 32 neighbours) takes minutes to build for hundreds of thousands of images; it pays
    where it is asked often, as by a widget. `faiss.write_index` keeps it. Needs the extra package faiss-cpu: raises
    ImportError without it, and ValueError for another `kind`.
    """
    if kind not in ("faiss", "hnsw"):
        raise ValueError(f"index is exact, faiss or hnsw, not {kind!r}")
    try:
        import faiss
    except ImportError as error:
        raise ImportError(f"index={kind!r} needs faiss: pip install faiss-cpu, or take index='exact'") from error
    index: Any
    if kind == "faiss":
        index = faiss.IndexFlatIP(gallery.shape[1])
    else:
        index = faiss.IndexHNSWFlat(gallery.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
    index.add(gallery.cpu().contiguous().numpy())
    return index


def search_index(index: Any, query: Tensor, gallery: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """Places and similarities, both `(Q, depth)`, of what `index` finds in `gallery`; -1 and -1.0 for what it misses.

    Raises ValueError where the index is of another gallery.
    """
    if index.ntotal != len(gallery):
        raise ValueError(f"the index holds {index.ntotal} images and the gallery {len(gallery)}; build it anew")
    if hasattr(index, "hnsw"):
        index.hnsw.efSearch = max(128, 2 * depth)
    similarity, order = (torch.from_numpy(found) for found in index.search(query.cpu().contiguous().numpy(), depth)[:2])
    return order, similarity.masked_fill_(order < 0, -1.0)
