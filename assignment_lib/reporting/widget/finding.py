"""The gallery in the order of an answer: similarities, verdicts and filters of one search, for all images at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.reporting.widget.sides import Side
from assignment_lib.retrieval.ranking import rank_distances
from assignment_lib.retrieval.reranking import neighbourhood, rerank
from assignment_lib.retrieval.search import Condition, holding

#: Verdicts on an image: another person, the person, neither (junk, or the person from the query's own camera), nobody knows.
WRONG, RIGHT, NOT_COUNTED, UNKNOWN = 0, 1, 2, 3
#: So many of the first are put into a better order. All of 20,000 images take seconds, and further down nobody looks.
RERANKED = 300


class Ranked(NamedTuple):
    """The gallery images that take part, M of G, best first."""

    order: np.ndarray  # (M,) int64 places in the gallery
    score: np.ndarray  # (G,) float32 cosine similarity, or how likely a description holds; of all images
    verdict: np.ndarray  # (G,) int8, of all images
    wanted: np.ndarray  # (G,) bool: what the filters of camera and attribute let through, junk too


def ranked(
    similarity: Tensor,
    verdict: np.ndarray,
    wanted: np.ndarray,
    keep: np.ndarray | None = None,
    own: int | None = None,
    embeddings: tuple[Tensor, Tensor] | None = None,
) -> Ranked:
    """Images by `similarity` `(G,)`, ties in gallery order.

    `verdict` and `wanted` as in `Ranked`; `keep` `(G,)` bool is the junk filter; `own` is the place of the image that is
    asked with, which takes no part. With `embeddings`, the query's `(D,)` and the gallery's `(G, D)`, the first `RERANKED`
    are put in the order of `rerank` among themselves; the others keep theirs.
    """
    wanted = wanted.copy()
    if own is not None:
        wanted[own] = False
    there = torch.as_tensor(wanted if keep is None else wanted & keep)
    places = there.nonzero()[:, 0]
    order = places[similarity[places].sort(descending=True, stable=True).indices]
    if embeddings is not None and len(order) > 2:
        first = order[:RERANKED]
        sizes = neighbourhood(len(first) + 1)
        distances = rerank(embeddings[0][None], embeddings[1][first], sizes["k1"], sizes["k2"])
        order = torch.cat([first[rank_distances(distances)[0]], order[RERANKED:]])
    return Ranked(order.numpy(), similarity.float().numpy(), verdict, wanted)


def verdicts(gallery: Side, pid: int, camera: int) -> np.ndarray:
    """What each gallery image is for a person seen by `camera` (-1: unknown): int8 `(G,)`, by Market-1501's protocol.

    All are `UNKNOWN` where `pid` is not that of a person: anonymous, junk, a distractor.
    """
    if pid <= 0 or (gallery.pids < JUNK_ID).any():
        return np.full(len(gallery), UNKNOWN, np.int8)
    same = gallery.pids == pid
    skipped = (gallery.pids == JUNK_ID) | (same & (gallery.cameras == camera) & (camera >= 0))
    return np.where(skipped, NOT_COUNTED, np.where(same, RIGHT, WRONG)).astype(np.int8)


def verdicts_of_words(gallery: Side, conditions: list[Condition]) -> np.ndarray:
    """Whether all `conditions` are true of each image, `UNKNOWN` where its attributes are: int8 `(G,)`."""
    holds, known = (part.numpy() for part in holding(torch.from_numpy(gallery.targets), conditions))
    return np.where(known, np.where(holds, RIGHT, WRONG), UNKNOWN).astype(np.int8)


def passing(
    gallery: Side, classes: np.ndarray, attribute: tuple[str, str] | None = None, camera: int | None = None
) -> np.ndarray:
    """Which images are from `camera` and are said to have the class `attribute` = (task, name): bool `(G,)`.

    `classes` `(G, 12)` are the predicted ones; None lets everything through.
    """
    passed = np.ones(len(gallery), bool)
    if attribute is not None:
        task, name = attribute
        passed &= classes[:, list(TASKS).index(task)] == TASKS[task].index(name)
    if camera is not None:
        passed &= gallery.cameras == camera
    return passed
