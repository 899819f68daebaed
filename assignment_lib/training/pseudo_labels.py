"""Who might be the same person among images that nobody has labelled: clusters of embeddings, and how right they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.cluster import AgglomerativeClustering
from torch import Tensor

from assignment_lib.evaluation.as_test import UNKNOWN_ID
from assignment_lib.evaluation.inputs import labels as checked
from assignment_lib.evaluation.inputs import normalized


def pseudo_labels(embeddings: Tensor, similarity: float = 0.5, largest: int = 20) -> np.ndarray:
    """The cluster of each image, `(N,)` int64, numbered from 0 by their first images; -1 for an image in none.

    `embeddings` `(N, D)`, L2-normalised. Average linkage (Sokal & Michener 1958): the two clusters whose images have the
    largest mean cosine similarity become one, as long as it is at least `similarity`. A cluster of one image teaches
    nothing, and one of more than `largest` is taken for several people who look alike, or for junk; both count as none.

    SpCL (Ge et al. 2020) and its kin use DBSCAN on the k-reciprocal Jaccard distance, for many images a person. Where
    most people have two to six, chains of look-alikes and large neighbourhoods do harm: among 2,500 images of a test and
    319 of validation people, embedded by `strong`, average linkage at 0.5 was right about 78 % of its pairs and found
    48 % of all, DBSCAN on the Jaccard distance, at its best with k1 = 10 and k2 = 3, about 67 % and 46 %.

    In memory the distances take 8 N^2 bytes, 200 MB for 5,000 images. Raises `ValueError` for embeddings that are not
    normalised or fewer than two, and for a `similarity` that is no cosine.
    """
    if not -1 <= similarity <= 1:
        raise ValueError(f"a similarity of {similarity} is no cosine; give one between -1 and 1")
    embeddings = normalized(embeddings, "embeddings").cpu()
    if len(embeddings) < 2:
        raise ValueError("one image cannot be clustered; give more unlabelled images")
    distances = (1 - embeddings @ embeddings.T).clamp_(min=0).fill_diagonal_(0).numpy()
    # a hair more than the threshold: the mean of equal distances may differ from them in its last digit
    linkage = AgglomerativeClustering(
        None, metric="precomputed", linkage="average", distance_threshold=1 - similarity + 1e-6
    )
    found = linkage.fit_predict(distances)
    sizes = np.bincount(found)[found]
    return _numbered(np.where((sizes > 1) & (sizes <= largest), found, -1))


class PairQuality(NamedTuple):
    """How right pseudo-labels are about pairs of images with at least one person who is known."""

    precision: float  # of the pairs in one cluster, those of one person; NaN where there are none
    recall: float  # of the pairs of one person, those in one cluster; NaN where there are none
    clustered: int  # pairs in one cluster
    true: int  # pairs of one person


def pair_quality(labels: np.ndarray, truth: np.ndarray) -> PairQuality:
    """Compare `labels` `(N,)` of `pseudo_labels` with `truth` `(N,)`, the person in each image, integers.

    `UNKNOWN_ID` in `truth` is someone who is none of the known people, as in a crowd: with a known one such an image is a
    wrong pair, and two of them are no pair at all, since nobody knows. Raises `ValueError` where the two have different
    lengths.
    """
    labels = checked(labels, "labels", len(truth))
    known = truth != UNKNOWN_ID
    in_cluster = labels >= 0
    clustered = _pairs(labels[in_cluster]) - _pairs(labels[in_cluster & ~known])
    right = _pairs(np.stack([labels, truth], axis=1)[in_cluster & known])
    true = _pairs(truth[known])
    return PairQuality(_share(right, clustered), _share(right, true), clustered, true)


def _numbered(labels: np.ndarray) -> np.ndarray:
    """`labels` with the numbers 0, 1, 2, ... in the order in which they appear; -1 stays."""
    numbered = np.full(len(labels), -1)
    names, firsts, which = np.unique(labels[labels >= 0], return_index=True, return_inverse=True)
    order = np.empty(len(names), np.int64)
    order[np.argsort(firsts)] = np.arange(len(names))
    numbered[labels >= 0] = order[which]
    return numbered


def _pairs(rows: np.ndarray) -> int:
    """How many pairs of equal rows there are."""
    counts = np.unique(rows, axis=0, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
