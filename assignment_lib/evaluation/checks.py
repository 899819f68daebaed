"""Input checks that all public functions of evaluation and retrieval share.

Arrays may be numpy arrays, torch tensors or nested lists. Every error is a `ValueError` that names the argument.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

Array = np.ndarray | Tensor

#: Largest accepted deviation of an embedding's norm from 1. Half precision stays far below it.
_NORM_TOLERANCE = 0.01


class NoValidQueryError(ValueError):
    """No query has a true match among the gallery images that count, so there is nothing to average."""

    def __init__(self) -> None:
        super().__init__(
            "no query has a true match: without junk images (id -1) and images of the same person from the same camera, "
            "the gallery holds none of the queries' ids. Check ids and cameras, or skip the scores."
        )


class Labels(NamedTuple):
    """Checked identities and cameras: int64 arrays, `(Q,)` for queries and `(G,)` for gallery images."""

    query_ids: np.ndarray
    gallery_ids: np.ndarray
    query_cameras: np.ndarray | None
    gallery_cameras: np.ndarray | None


def as_numpy(values: Array | pd.DataFrame) -> np.ndarray:
    """The values as a numpy array. Tensors are detached and copied to the CPU."""
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def check_integers(values: Array, name: str, length: int | None = None) -> np.ndarray:
    """The values as int64 `(N,)`; N must equal `length` if that is given."""
    array = as_numpy(values)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and len(array)):
        raise ValueError(f"{name} has dtype {array.dtype} and shape {array.shape}. Pass a list of integers.")
    if length is not None and len(array) != length:
        raise ValueError(f"{name} has {len(array)} entries for {length} images. Pass one entry per image.")
    return array.astype(np.int64)


def check_labels(labels: tuple[Array, Array, Array | None, Array | None], queries: int, images: int) -> Labels:
    """The four `labels` of `queries` queries and `images` gallery images, all integers; cameras may both be None."""
    query_ids, gallery_ids, query_cameras, gallery_cameras = labels
    if (query_cameras is None) != (gallery_cameras is None):
        raise ValueError("cameras are given for only one of query and gallery. Pass both, or None for both.")
    return Labels(
        check_integers(query_ids, "query_ids", queries),
        check_integers(gallery_ids, "gallery_ids", images),
        None if query_cameras is None else check_integers(query_cameras, "query_cameras", queries),
        None if gallery_cameras is None else check_integers(gallery_cameras, "gallery_cameras", images),
    )


def check_matrix(values: Array, name: str, axes: str) -> Tensor:
    """The values as a detached, finite floating-point tensor with two axes, at least one row and one column.

    Half precision becomes float32; float32 and float64 keep their precision. `axes` describes both axes in the error.
    """
    if not isinstance(values, Tensor):
        try:
            values = torch.from_numpy(np.require(values, requirements=["C", "W"]))  # torch needs a writeable array
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} is not an array of numbers. Pass a floating-point array ({axes}).") from error
    if values.ndim != 2 or not values.is_floating_point() or not values.numel():
        raise ValueError(
            f"{name} has dtype {values.dtype} and shape {tuple(values.shape)}. Pass a floating-point array ({axes})."
        )
    rows = (~values.isfinite().all(1)).nonzero()
    if len(rows):
        raise ValueError(f"{name} has NaN or infinity in row {int(rows[0])}. Check the network and its embeddings.")
    return values.detach() if values.element_size() >= 4 else values.detach().float()


def check_unit_rows(embeddings: Array, name: str = "embeddings") -> Tensor:
    """L2-normalised embeddings in any floating precision as a float32 tensor `(N, D)`, on the device that they are on."""
    checked = check_matrix(embeddings, name, "images, dimensions").float()
    norms = torch.linalg.vector_norm(checked, dim=1)
    deviation, row = (norms - 1).abs().max(dim=0)
    if deviation > _NORM_TOLERANCE:
        raise ValueError(
            f"{name} is not normalised: row {int(row)} has length {norms[row]:.4g}. "
            "Apply torch.nn.functional.normalize."
        )
    return checked


def check_embeddings(query: Array, gallery: Array) -> tuple[Tensor, Tensor]:
    """Embeddings `(Q, D)` and `(G, D)` with the same D, both as `check_unit_rows`, on the gallery's device."""
    checked_query, checked_gallery = check_unit_rows(query, "query"), check_unit_rows(gallery, "gallery")
    dimensions = checked_query.shape[1], checked_gallery.shape[1]
    if dimensions[0] != dimensions[1]:
        raise ValueError(
            f"query has {dimensions[0]} dimensions and gallery {dimensions[1]}. Compute both with the same network."
        )
    return checked_query.to(checked_gallery.device), checked_gallery
