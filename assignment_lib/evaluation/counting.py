"""How many images stand before each true match, counted on the CPU without sorting a gallery."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from assignment_lib.evaluation.flags import Flags
from assignment_lib.evaluation.pairs import Pairs
from assignment_lib.evaluation.threads import in_threads

#: Share of the gallery up to which the images that reach a match are taken out and sorted, instead of all compared, …
_FEW = 0.25
#: … as seen in so many images at its beginning.
_PROBE = 1024
#: Columns of a table of comparisons at most: of a larger gallery, so that it still has room for a person's matches.
_COLUMNS = 2**15
#: Images that a match is compared with at a time: few enough for the smallest cache.
_TILE = 8192
#: Parts at most into which the comparisons with one person's images are cut for the order of equals; see `_ahead`.
_PARTS = 3


def count_ahead(block: torch.Tensor, pairs: Pairs, spare: list[Flags]) -> np.ndarray:
    """For each true match, how many images of other people stand before it: int64, in the order of the pairs.

    Overwrites the similarities of the query's own person in `block`, so that these images stand before nobody. `spare`
    hands the threads' memory from block to block.
    """
    similarity = block.numpy()
    level = similarity[pairs.row, pairs.column]
    similarity[pairs.row, pairs.column] = -np.inf
    ahead = np.empty(len(level), np.int64)
    people = pairs.people()

    def count(some: range) -> None:
        flags = spare.pop() if spare else Flags()
        for person in some:
            first, last, start, stop = people[person]
            of_person = level[start:stop].reshape(last - first, -1)
            columns = pairs.column[start : start + of_person.shape[1]]
            of_queries = similarity[first:last]
            lowest = of_person.min(axis=1)[:, None]
            # where a network is good, few images reach even the least similar match, and only these need a look; the
            # gallery's beginning tells whether that is so
            if (of_queries[:, :_PROBE] >= lowest).mean() < _FEW:
                counted = _count_among(of_queries, of_person, columns, flags.reached(of_queries, lowest))
            else:
                counted = _count_person(of_queries, of_person, columns, flags)
            ahead[start:stop] = counted.ravel()
        spare.append(flags)

    in_threads(count, len(people))
    return ahead[pairs.match]


def _count_among(similarity: np.ndarray, level: np.ndarray, columns: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """`_count_person` where few images are as similar as the person's least similar match: only these are looked at."""
    ahead = np.empty(level.shape, np.int64)
    for row, of_query in enumerate(reached):
        places = of_query.nonzero()[0]
        values = similarity[row, places]
        ordered = np.sort(values)
        right = ordered.searchsorted(level[row], side="right")
        ahead[row] = len(values) - right
        equals = right - ordered.searchsorted(level[row], side="left")
        for match in equals.nonzero()[0]:  # an equal stands before a match if it does so in the gallery
            ahead[row, match] += np.count_nonzero(places[values == level[row, match]] < columns[match])
    return ahead


def _count_person(similarity: np.ndarray, level: np.ndarray, columns: np.ndarray, flags: Flags) -> np.ndarray:
    """How many images stand before each match of one person: int64 `(n, K)`.

    `similarity` `(n, G)` of the person's queries, `level` `(n, K)` of the matches, `columns` `(K,)` the matches' places.
    """
    ahead = np.zeros(level.shape, np.int64)
    for left, right in _pieces(0, similarity.shape[1], _COLUMNS):
        rows = flags.rows(right - left)
        for low in range(0, len(columns), rows):
            some = slice(low, low + rows)
            step = max(1, rows // len(columns[some]))
            for top in range(0, len(level), step):
                part = slice(top, top + step)
                here = similarity[part, left:right]
                ahead[part, some] += _ahead(here, level[part, some], columns[some] - left, flags)
    return ahead


def _ahead(similarity: np.ndarray, level: np.ndarray, columns: np.ndarray, flags: Flags) -> np.ndarray:
    """`_count_person` where all comparisons fit into `flags`.

    An image as similar as a match stands before it if it does so in the gallery. So the gallery is cut where matches
    stand: left of them equals count, and right of them they do not. That is exact where few cuts will do, as in a
    gallery in the order of its file names, which has all images of a person in one run. Elsewhere the gallery is cut
    evenly, and equals of a match are looked for in the part that it stands in: there hardly ever are any. `columns`
    may lie outside `similarity`, where that is a piece of the gallery.
    """
    (queries, matches), images = level.shape, similarity.shape[1]
    table = flags.table(queries, matches, images)
    similarity, level = similarity[:, None], level[:, :, None]
    runs = columns[np.append(True, np.diff(columns) != 1)]
    runs = runs[(runs > 0) & (runs < images)]
    exact = len(runs) < _PARTS
    edges = [0, *(runs.tolist() if exact else range(_part(images), images, _part(images))), images]
    passed = np.searchsorted(columns, edges).tolist()
    equals = np.zeros((queries, matches), np.int64)
    for left, right, here, after in zip(edges[:-1], edges[1:], passed[:-1], passed[1:], strict=True):
        for start, stop in _pieces(left, right, _TILE):
            values, results = similarity[:, :, start:stop], table[:, :, start:stop]
            if not exact and after > here:
                ties = np.equal(values, level[:, here:after], out=results[:, here:after])
                if ties.any():
                    before = np.arange(start, stop) < columns[here:after, None]
                    equals[:, here:after] += (ties & before).sum(2)
            if after < len(columns):
                np.greater_equal(values, level[:, after:], out=results[:, after:])
            if after:
                np.greater(values, level[:, :after], out=results[:, :after])
    return flags.counts() + equals


def _part(images: int) -> int:
    """Columns of an even part, as many as keep the next one's first at the start of a cache line."""
    return -(-images // (64 * _PARTS)) * 64


def _pieces(left: int, right: int, most: int) -> Iterator[tuple[int, int]]:
    """Cuts `left`..`right` into even pieces of at most `most`."""
    parts = -(-(right - left) // most)
    for part in range(parts):
        yield left + (right - left) * part // parts, left + (right - left) * (part + 1) // parts
