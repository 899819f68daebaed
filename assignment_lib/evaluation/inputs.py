"""Arrays, tensors and lists as callers bring them, checked and brought into one form."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import torch

Array = np.ndarray | torch.Tensor

#: Largest distance of an embedding's norm from 1: what half precision leaves, and far from a forgotten normalisation.
_NORM_TOLERANCE = 0.01


def as_numpy(values: Array | pd.DataFrame) -> np.ndarray:
    """The values as a numpy array; tensors come to the CPU, without their gradient."""
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def integers(values: Array, name: str) -> np.ndarray:
    """The values as int64 `(N,)`. Raises `ValueError` with `name` where they are not a list of integers."""
    array = as_numpy(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} are {array.dtype} of shape {array.shape}; they must be a list of integers")
    return array.astype(np.int64)


def labels(values: Array, name: str, length: int) -> np.ndarray:
    """`integers`, one for each of `length` images. Raises `ValueError` where there are more or fewer."""
    array = integers(values, name)
    if len(array) != length:
        raise ValueError(f"{name} has {len(array)} entries for {length} images")
    return array


def floating(values: Array, name: str, axes: str) -> torch.Tensor:
    """The values as a tensor of two axes, in the precision they come in, float32 at least.

    Raises `ValueError` with `name` and `axes` where they are not floating, not of two axes, or empty.
    """
    if not isinstance(values, torch.Tensor):
        with warnings.catch_warnings():  # torch warns of arrays that are read-only, and nothing here writes to one
            warnings.simplefilter("ignore", UserWarning)
            values = torch.as_tensor(np.ascontiguousarray(values))
    if values.ndim != 2 or not values.is_floating_point() or not values.numel():
        raise ValueError(f"{name} is {values.dtype} of shape {tuple(values.shape)}; it must be floating ({axes})")
    return values.detach() if values.element_size() >= 4 else values.detach().float()


def normalized(values: Array, name: str) -> torch.Tensor:
    """Embeddings as float32 `(N, D)`. Raises `ValueError` for NaN, infinity and rows whose length is not 1."""
    embeddings = floating(values, name, "images, dimensions").float()
    norms = torch.linalg.vector_norm(embeddings, dim=1)
    if not norms.isfinite().all():
        raise ValueError(f"{name} has NaN or infinity in row {int((~norms.isfinite()).nonzero()[0])}")
    if (norms - 1).abs().max() > _NORM_TOLERANCE:
        row = int((norms - 1).abs().argmax())
        raise ValueError(
            f"{name} is not normalised: row {row} has length {norms[row]:.4g}; use torch.nn.functional.normalize"
        )
    return embeddings


def query_and_gallery(query: Array, gallery: Array) -> tuple[torch.Tensor, torch.Tensor]:
    """Both as `normalized` embeddings of as many dimensions, on the gallery's device."""
    query, gallery = normalized(query, "query"), normalized(gallery, "gallery")
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(f"query has {query.shape[1]} dimensions and gallery {gallery.shape[1]}; they must be the same")
    return query.to(gallery.device), gallery


def no_valid_query() -> ValueError:
    """The error where the protocol leaves no query a true match."""
    return ValueError(
        "no query has a true match left: without junk (id -1) and images of the same person from the same camera, the "
        "gallery holds none of the queries' ids"
    )
