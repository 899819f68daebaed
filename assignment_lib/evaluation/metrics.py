"""How good predictions are: accuracy of the attributes; CMC, mAP and mINP of the re-identification; sets at a threshold.

The protocol is Market-1501's, single query (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015,
section 3.3): for each query the gallery images of the same person from the same camera leave, and so does the junk
(id -1). Distractors (id 0) stay and are wrong. A query without a true match left is left out of every mean, and
counted. Gallery images of equal similarity keep the order they have in the gallery.

The figures need the ranks of the true matches and nothing else of the ranking, so no gallery is sorted: the rank of a
match is one more than the number of images that stand before it, which is counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.progress import bar

#: Gallery images of this id are neither right nor wrong: they leave before anything is ranked.
JUNK_ID = -1
#: Length of the CMC curve that `ReidScores.cmc` holds, or the gallery's length where that is less.
CMC_LENGTH = 50

#: Similarities that are in memory at a time, unless `chunk` is given.
_BLOCK_BYTES = 32 * 2**20
#: … and queries at least: a product of few rows is slow.
_BLOCK_QUERIES = 64
#: A gallery up to this size is copied without its junk, which then costs no product; in a larger one it is masked.
_COPY_BYTES = 256 * 2**20
#: Share of the gallery up to which the images that reach a match are taken out and sorted, instead of all compared, …
_FEW = 0.25
#: … as seen in so many images at its beginning.
_PROBE = 1024
#: Comparisons whose results a thread has in memory at a time: few enough for a core's own cache.
_FLAG_BYTES = 2**21
#: Columns of a table of such results at most: of a larger gallery, so that it still has room for a person's matches.
_COLUMNS = 2**15
#: Images that a match is compared with at a time: few enough for the smallest cache.
_TILE = 8192
#: Parts at most into which the comparisons with one person's images are cut for the order of equals; see `_ahead`.
_PARTS = 3
#: Largest distance of an embedding's norm from 1: what half precision leaves, and far from a forgotten normalisation.
_NORM_TOLERANCE = 0.01

Array = np.ndarray | torch.Tensor


# Attributes -----------------------------------------------------------------------------------------------------------


def attribute_scores(predictions: Array | pd.DataFrame, targets: Array | pd.DataFrame) -> dict[str, dict[str, float]]:
    """Accuracy and mean class accuracy of each task, and their averages over the tasks.

    `predictions` and `targets` are class indices: integers `(N, 12)` in the order of `attributes.TASKS`, or frames with
    a column a task. Returns `{task: {"acc": …, "macc": …}, …, "average": {…}}`, fractions between 0 and 1. "macc" is
    the mean over the classes that occur in the targets of the share of their images that is recognised (recall); a
    class without an image has no recall and takes no part.

    Raises `ValueError` for arrays that are empty, not integer, of another shape, or hold a class that does not exist.
    """
    predicted, wanted = _class_indices(predictions, "predictions"), _class_indices(targets, "targets")
    if predicted.shape != wanted.shape:
        raise ValueError(
            f"predictions have {len(predicted)} rows and targets {len(wanted)}; they must be the same images"
        )
    scores = {}
    for column, (task, classes) in enumerate(TASKS.items()):
        counts = confusion(predicted[:, column], wanted[:, column], len(classes))
        images = counts.sum(1)
        recall = counts.diagonal()[images > 0] / images[images > 0]
        scores[task] = {"acc": float(counts.trace() / counts.sum()), "macc": float(recall.mean())}
    scores["average"] = {key: float(np.mean([of_task[key] for of_task in scores.values()])) for key in ("acc", "macc")}
    return scores


def confusion(predictions: Array, targets: Array, classes: int) -> np.ndarray:
    """Number of images of each true class (row) that were given each class (column): int64 `(classes, classes)`.

    `predictions` and `targets` are integers `(N,)` in [0, classes).
    """
    predicted, wanted = _integers(predictions, "predictions"), _integers(targets, "targets")
    if predicted.shape != wanted.shape:
        raise ValueError(f"predictions have shape {predicted.shape} and targets {wanted.shape}; they must be the same")
    for values, name in ((predicted, "predictions"), (wanted, "targets")):
        if len(values) and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"{name} hold a class outside 0..{classes - 1}")
    return np.bincount(wanted * classes + predicted, minlength=classes**2).reshape(classes, classes)


def _class_indices(values: Array | pd.DataFrame, name: str) -> np.ndarray:
    if isinstance(values, pd.DataFrame):
        missing = [task for task in TASKS if task not in values.columns]
        if missing:
            raise ValueError(f"{name}: no column for the task{'s' if len(missing) > 1 else ''} {', '.join(missing)}")
        values = values[list(TASKS)]
    array = _numpy(values)
    if array.ndim != 2 or array.shape[1] != len(TASKS):
        raise ValueError(f"{name} have shape {array.shape}; they must be (N, {len(TASKS)}), a column a task")
    if not len(array):
        raise ValueError(f"{name} hold no image, so there is no accuracy")
    if array.dtype.kind not in "iu":
        raise ValueError(f"{name} are {array.dtype}; they must be integer class indices (the argmax of the logits)")
    for task, column in zip(TASKS, array.T, strict=True):
        if column.min() < 0 or column.max() >= len(TASKS[task]):
            raise ValueError(f"{name}: {task} holds a class outside 0..{len(TASKS[task]) - 1}")
    return array.astype(np.int64)


# Re-identification ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReidScores:
    """What `reid_scores` and its relatives return. All scores are fractions between 0 and 1 over the valid queries."""

    mAP: float  #: mean average precision
    mINP: float  #: mean inverse negative penalty (Ye et al., TPAMI 2021, section 4.1): matches / rank of the last one
    rank1: float  #: share of queries with a true match in first place
    rank5: float  #: … among the first five
    rank10: float
    rank20: float
    cmc: np.ndarray  #: float64 (min(50, G),): share of queries with a true match among the first 1, 2, …
    ap: np.ndarray  #: float64 (V,): average precision of each valid query, in the order of the queries
    inp: np.ndarray  #: float64 (V,): inverse negative penalty of each valid query
    valid: np.ndarray  #: bool (Q,): which queries have a true match left in the gallery
    valid_queries: int  #: how many those are, V

    def as_dict(self) -> dict[str, float | int]:
        """The single figures as plain numbers, as `metrics.json` holds them."""
        names = ("mAP", "mINP", "rank1", "rank5", "rank10", "rank20", "valid_queries")
        return {**{name: getattr(self, name) for name in names}, "queries": len(self.valid)}


def reid_scores(
    query: Array,
    gallery: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    *,
    interpolation: str = "step",
    chunk: int | None = None,
    progress: bool = False,
) -> ReidScores:
    """Scores of ranking `gallery` by cosine similarity to each image of `query`.

    `query` `(Q, D)` and `gallery` `(G, D)`: float32, rows of length 1, torch (any device; the work is done where
    `gallery` is) or numpy. Ids and cameras: integers `(Q,)` and `(G,)`. Both cameras None: the data set has none, and
    only junk leaves. Junk is id -1. Distractors need no rule: no query has their id 0 (where ids count from 0, person
    0 is a person like others).

    `interpolation`: "step" is the mean of the precision at each true match, as in today's papers; "trapezoid" is the
    area under the line through the points of the precision-recall curve, as in Market-1501's own `compute_AP.m`, and
    reads a little lower. `chunk`: queries at a time, by default as many as make 32 MiB of similarities, at least 64.
    `progress`: show a bar.

    Raises `ValueError` for shapes that do not fit, embeddings with NaN or not of length 1, and no valid query at all.
    """
    query, gallery = _embeddings(query, "query"), _embeddings(gallery, "gallery")
    _check_dimensions(query, gallery)
    rules = _Rules.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(query), len(gallery))
    return _scores_of_product(query.to(gallery.device), gallery, rules, interpolation, chunk, progress)


def reid_scores_within(
    embeddings: Array,
    ids: Array,
    cameras: Array | None = None,
    *,
    interpolation: str = "step",
    chunk: int | None = None,
    progress: bool = False,
) -> ReidScores:
    """`reid_scores` of each image of a split against all others, itself left out.

    For a validation split by identity, which has no queries of its own. `embeddings` `(N, D)`, `ids` `(N,)`. With
    `cameras` `(N,)` the images of the same person from the same camera leave too, as in the test protocol; without
    them they stay, and neighbouring frames of one walk make the figures far higher: say so beside them.
    """
    embeddings = _embeddings(embeddings, "embeddings")
    rules = _Rules.of(ids, ids, cameras, cameras, len(embeddings), len(embeddings), within=True)
    return _scores_of_product(embeddings, embeddings, rules, interpolation, chunk, progress)


def reid_scores_from_distances(
    distances: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    *,
    interpolation: str = "step",
    chunk: int | None = None,
    progress: bool = False,
) -> ReidScores:
    """`reid_scores` of a ranking by distance, smallest first: `distances` is `(Q, G)`, floating, re-ranked ones too.

    The distances are compared in the precision they come in. Raises `ValueError` as `reid_scores` does.
    """
    distances = _floating(distances, "distances", "queries, gallery images")
    rules = _Rules.of(query_ids, gallery_ids, query_cameras, gallery_cameras, *distances.shape)
    chunk = _chunk(chunk, distances.shape[1] * distances.element_size())
    return _scores(_negated(distances, rules.order, chunk), rules, interpolation, progress)


# Sets at a threshold --------------------------------------------------------------------------------------------------


def threshold_scores(
    query: Array,
    gallery: Array,
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
    thresholds: Array,
    *,
    chunk: int | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """How good the sets are that hold every gallery image with a similarity of at least a threshold.

    Inputs as in `reid_scores`, and `thresholds` `(T,)`, finite, in any order. Returns a frame with a row a threshold,
    in that order: `threshold`, `precision`, `recall`, `f1` over all pairs of all valid queries together (micro), and
    `set_size`, the mean number of images returned a query. What the protocol drops is neither right nor wrong, and
    queries without a match are left out. Similarities and thresholds are compared in float32. Precision and F1 of
    sets that are all empty are 0.
    """
    query, gallery = _embeddings(query, "query"), _embeddings(gallery, "gallery")
    _check_dimensions(query, gallery)
    rules = _Rules.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(query), len(gallery))
    return _threshold_frame(query.to(gallery.device), gallery, rules, thresholds, chunk, progress)


def threshold_scores_within(
    embeddings: Array,
    ids: Array,
    thresholds: Array,
    cameras: Array | None = None,
    *,
    chunk: int | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """`threshold_scores` of each image of a split against all others, itself left out; see `reid_scores_within`."""
    embeddings = _embeddings(embeddings, "embeddings")
    rules = _Rules.of(ids, ids, cameras, cameras, len(embeddings), len(embeddings), within=True)
    return _threshold_frame(embeddings, embeddings, rules, thresholds, chunk, progress)


def list_scores(
    lists: Sequence[Array],
    query_ids: Array,
    gallery_ids: Array,
    query_cameras: Array | None,
    gallery_cameras: Array | None,
) -> dict[str, float]:
    """Scores of lists that end somewhere, as they are handed in: a match that a list does not hold is missed.

    `lists[i]` are gallery positions for the i-th query, best first; ids and cameras, and who counts, as in `reid_scores`.
    `mAP` and `rank1` are means over the valid queries, a missed match counting as precision 0; `precision`, `recall` and
    `f1` are over all pairs together; `length` is the mean number of images in a list that count. Raises `ValueError` where
    no query is valid.
    """
    rules = _Rules.of(query_ids, gallery_ids, query_cameras, gallery_cameras, len(lists), len(gallery_ids))
    aps, first, right, returned, wanted = [], [], 0, 0, 0
    for i, found in enumerate(lists):
        pairs = rules.pairs(np.array([i]))
        matches, dropped = pairs.column[pairs.match], pairs.column[~pairs.match]
        if not len(matches):
            continue
        places = _numpy(found)
        hit = np.isin(places[(rules.gallery_ids[places] != JUNK_ID) & ~np.isin(places, dropped)], matches)
        aps.append((hit.cumsum() / np.arange(1, len(hit) + 1))[hit].sum() / len(matches))
        first.append(bool(len(hit)) and bool(hit[0]))
        right, returned, wanted = right + int(hit.sum()), returned + len(hit), wanted + len(matches)
    if not aps:
        raise _no_valid_query()
    return {
        "mAP": float(np.mean(aps)),
        "rank1": float(np.mean(first)),
        "precision": right / max(1, returned),
        "recall": right / wanted,
        "f1": 2 * right / (returned + wanted),
        "length": returned / len(aps),
    }


# Who counts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Pairs:
    """The (query, gallery image of the same person) pairs of a block of queries, by query, then in gallery order."""

    row: np.ndarray  # query, counted from the block's first
    column: np.ndarray  # gallery image
    match: np.ndarray  # bool: a true match; False where the protocol drops the image
    ids: np.ndarray  # of the block's queries, sorted

    def persons(self) -> list[tuple[int, int, int, int]]:
        """For each person with pairs: first and last row (exclusive), first and last pair (exclusive)."""
        first = np.flatnonzero(np.append(True, self.ids[1:] != self.ids[:-1]))
        rows = np.append(first, len(self.ids))
        pairs = np.searchsorted(self.row, rows)
        spans = zip(rows[:-1].tolist(), rows[1:].tolist(), pairs[:-1].tolist(), pairs[1:].tolist(), strict=True)
        return [span for span in spans if span[2] < span[3]]

    def tensors(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return tuple(torch.as_tensor(array, device=device) for array in (self.row, self.column, self.match))


@dataclass(frozen=True)
class _Rules:
    """Which gallery images count for which query."""

    query_ids: np.ndarray
    gallery_ids: np.ndarray
    query_cameras: np.ndarray | None
    gallery_cameras: np.ndarray | None
    own_column: np.ndarray | None  # gallery column of each query's own image, where queries come from the gallery
    order: np.ndarray  # the queries sorted by id, so that those of a person are worked on together
    by_id: np.ndarray  # gallery columns sorted by id, in gallery order within an id
    sorted_ids: np.ndarray
    images: int  # of the gallery, with its junk

    @classmethod
    def of(cls, query_ids, gallery_ids, query_cameras, gallery_cameras, queries, images, within=False) -> _Rules:
        """Checks the labels of `queries` queries and `images` gallery images and brings them into one form."""
        if (query_cameras is None) != (gallery_cameras is None):
            raise ValueError("cameras are given for only one of query and gallery; give both, or None for both")
        query_ids = _labels(query_ids, "query_ids", queries)
        gallery_ids = _labels(gallery_ids, "gallery_ids", images)
        if query_cameras is not None:
            query_cameras = _labels(query_cameras, "query_cameras", queries)
            gallery_cameras = _labels(gallery_cameras, "gallery_cameras", images)
        own_column = np.arange(queries) if within else None
        return cls._sorted(query_ids, gallery_ids, query_cameras, gallery_cameras, own_column, images)

    @classmethod
    def _sorted(cls, query_ids, gallery_ids, query_cameras, gallery_cameras, own_column, images) -> _Rules:
        order, by_id = np.argsort(query_ids, kind="stable"), np.argsort(gallery_ids, kind="stable")
        labels = query_ids, gallery_ids, query_cameras, gallery_cameras
        return cls(*labels, own_column, order, by_id, gallery_ids[by_id], images)

    def junk(self) -> np.ndarray:
        return np.flatnonzero(self.gallery_ids == JUNK_ID)

    def without_junk(self) -> _Rules:
        """The same rules for a gallery from which the junk has been taken."""
        kept = self.gallery_ids != JUNK_ID
        cameras = None if self.gallery_cameras is None else self.gallery_cameras[kept]
        own = None if self.own_column is None else np.where(kept, np.cumsum(kept) - 1, -1)[self.own_column]
        return self._sorted(self.query_ids, self.gallery_ids[kept], self.query_cameras, cameras, own, self.images)

    def pairs(self, queries: np.ndarray) -> _Pairs:
        """The pairs of some queries."""
        ids = self.query_ids[queries]
        first = np.searchsorted(self.sorted_ids, ids, side="left")
        length = np.where(ids == JUNK_ID, 0, np.searchsorted(self.sorted_ids, ids, side="right") - first)
        row = np.repeat(np.arange(len(ids)), length)
        within_id = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        column = self.by_id[first[row] + within_id]
        match = np.ones(len(row), bool)
        if self.query_cameras is not None:
            match &= self.query_cameras[queries][row] != self.gallery_cameras[column]
        if self.own_column is not None:
            match &= self.own_column[queries][row] != column
        return _Pairs(row, column, match, ids)


# Ranks ----------------------------------------------------------------------------------------------------------------


def _scores_of_product(query, gallery, rules, interpolation, chunk, progress) -> ReidScores:
    gallery, rules = _without_junk(gallery, rules)
    chunk = _chunk(chunk, 4 * len(gallery))
    return _scores(_products(query, gallery, rules.order, chunk), rules, interpolation, progress)


def _scores(blocks: Iterator[torch.Tensor], rules: _Rules, interpolation: str, progress: bool) -> ReidScores:
    """Scores from blocks of similarities `(n, G)` that follow each other through the queries in `rules.order`."""
    if interpolation not in ("step", "trapezoid"):
        raise ValueError(f'interpolation is {interpolation!r}; it must be "step" or "trapezoid"')
    queries, ahead, spare = [np.empty(0, np.int64)], [np.empty(0, np.int64)], []
    for block, of_block in _with_bar(blocks, rules.order, progress):
        _mask_junk(block, rules)
        pairs = rules.pairs(of_block)
        ahead.append(_count_ahead(block, pairs, spare) if block.device.type == "cpu" else _sort_ahead(block, pairs))
        queries.append(of_block[pairs.row[pairs.match]])
    return _summary(np.concatenate(queries), np.concatenate(ahead), rules, interpolation)


def _count_ahead(block: torch.Tensor, pairs: _Pairs, spare: list[_Flags]) -> np.ndarray:
    """For each true match, how many images of other persons stand before it: int64, in the order of the pairs.

    Overwrites the similarities of the query's own person in `block`, so that these images stand before nobody. `spare`
    hands the threads' memory from block to block.
    """
    similarity = block.numpy()
    level = similarity[pairs.row, pairs.column]
    similarity[pairs.row, pairs.column] = -np.inf
    ahead = np.empty(len(level), np.int64)
    persons = pairs.persons()

    def count(some: range) -> None:
        flags = spare.pop() if spare else _Flags()
        for person in some:
            first, last, start, stop = persons[person]
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

    _in_threads(count, len(persons))
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


def _count_person(similarity: np.ndarray, level: np.ndarray, columns: np.ndarray, flags: _Flags) -> np.ndarray:
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


def _ahead(similarity: np.ndarray, level: np.ndarray, columns: np.ndarray, flags: _Flags) -> np.ndarray:
    """`_count_person` where all comparisons fit into `flags`.

    An image as similar as a match stands before it if it does so in the gallery. So the gallery is cut where matches
    stand: left of them equals count, and right of them they do not. That is exact where few cuts will do, as in a
    gallery in the order of its file names, which has all images of a person in one run. Elsewhere the gallery is cut
    evenly, and equals of a match are looked for in the part that it stands in: there hardly ever are any. `columns`
    may lie outside `similarity`, where that is a piece of the gallery.
    """
    images = similarity.shape[1]
    table = flags.table(*level.shape, images)
    similarity, level = similarity[:, None], level[:, :, None]
    runs = columns[np.append(True, np.diff(columns) != 1)]
    runs = runs[(runs > 0) & (runs < images)]
    exact = len(runs) < _PARTS
    edges = [0, *(runs.tolist() if exact else range(_part(images), images, _part(images))), images]
    passed = np.searchsorted(columns, edges).tolist()
    equals = np.zeros(level.shape[:2], np.int64)
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


class _Flags:
    """Room for a table of truth values `(n, K, G)` whose last axis is counted eight values at a time.

    Eight flags read as one 64-bit word have a byte each. A sum of up to 255 such words carries nothing from one byte
    into the next, so its bytes are the counts of every eighth flag.
    """

    def __init__(self):
        self._room = np.empty(_FLAG_BYTES, bool)

    def reached(self, similarity: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Where `similarity` `(n, G)` is at least its row's `level` `(n, 1)`: bool, gone with the next table."""
        if similarity.size > len(self._room):
            self._room = np.empty(similarity.size, bool)
        return np.greater_equal(similarity, level, out=self._room[: similarity.size].reshape(similarity.shape))

    @staticmethod
    def _words(columns: int) -> tuple[int, int]:
        sums = -(-columns // (8 * 255))
        return sums, -(-columns // (8 * sums))

    def rows(self, columns: int) -> int:
        """How many rows of a table fit into the room; one always does."""
        sums, words = self._words(columns)
        return max(1, _FLAG_BYTES // (8 * sums * words))

    def table(self, queries: int, matches: int, columns: int) -> np.ndarray:
        """A table to be filled: bool `(queries, matches, columns)`."""
        sums, words = self._words(columns)
        size = queries * matches * 8 * sums * words
        if size > len(self._room):
            self._room = np.empty(size, bool)
        flags = self._room[:size].reshape(queries, matches, 8 * sums * words)
        flags[:, :, columns:] = False
        self._packed = flags.view(np.uint64).reshape(queries, matches, sums, words)
        return flags[:, :, :columns]

    def counts(self) -> np.ndarray:
        """How many flags of the last table are true: int64 `(queries, matches)`."""
        sums = np.add.reduce(self._packed, axis=3).view(np.uint8)
        return np.add.reduce(sums, axis=2, dtype=np.int64)


def _sort_ahead(block: torch.Tensor, pairs: _Pairs) -> np.ndarray:
    """What `_count_ahead` gives, by sorting: many small comparisons are slow on a GPU and sorting is fast."""
    row, column, match = pairs.tensors(block.device)
    block[row[~match], column[~match]] = -torch.inf
    order = block.sort(dim=1, descending=True, stable=True).indices
    other = torch.ones_like(block, dtype=torch.bool)
    other[row, column] = False
    before = other.gather(1, order).cumsum(1, dtype=torch.int32)
    place = torch.empty_like(before)
    place.scatter_(1, order, before)
    return place[row[match], column[match]].cpu().numpy().astype(np.int64)


def _in_threads(work: Callable[[range], None], rows: int) -> None:
    """Calls `work` on parts of `range(rows)`, as many at once as torch uses threads (numpy's loops free the others)."""
    threads = max(1, min(torch.get_num_threads(), 8, rows))
    bounds = [rows * part // threads for part in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: work(range(bounds[part], bounds[part + 1])), range(threads)))


def _summary(queries: np.ndarray, ahead: np.ndarray, rules: _Rules, interpolation: str) -> ReidScores:
    """Scores from the query of each true match and the number of other persons' images `ahead` of it."""
    if not len(queries):
        raise _no_valid_query()
    # A better placed match has no more wrong images before it, so the sorted numbers belong to the 1st, 2nd, … match.
    queries, ahead = np.divmod(np.sort(queries * (rules.images + 1) + ahead), rules.images + 1)
    starts = np.flatnonzero(np.diff(queries, prepend=-1))
    matches = np.diff(starts, append=len(queries))
    nth = np.arange(1, len(queries) + 1) - np.repeat(starts, matches)
    rank = ahead + nth
    precision = nth / rank
    if interpolation == "trapezoid":
        one_place_before = np.divide(nth - 1, rank - 1, out=np.ones(len(rank)), where=rank > 1)
        precision = (precision + one_place_before) / 2
    ap = np.add.reduceat(precision, starts) / matches
    inp = matches / rank[starts + matches - 1]
    first = rank[starts]
    valid = np.zeros(len(rules.query_ids), bool)
    valid[queries[starts]] = True

    def cmc(places: int) -> float:
        return float((first <= places).mean())

    curve = np.array([cmc(places) for places in range(1, min(CMC_LENGTH, rules.images) + 1)])
    return ReidScores(
        float(ap.mean()), float(inp.mean()), cmc(1), cmc(5), cmc(10), cmc(20), curve, ap, inp, valid, len(starts)
    )


def _threshold_frame(query, gallery, rules, thresholds, chunk, progress) -> pd.DataFrame:
    thresholds = _numpy(thresholds)
    if thresholds.ndim != 1 or not len(thresholds) or not np.isfinite(thresholds.astype(float)).all():
        raise ValueError("thresholds must be a list of at least one finite number")
    gallery, rules = _without_junk(gallery, rules)
    levels = torch.as_tensor(thresholds.astype(np.float32), device=gallery.device)
    chunk = _chunk(chunk, 4 * len(gallery))
    returned, right = np.zeros(len(levels), np.int64), np.zeros(len(levels), np.int64)
    valid, matches = 0, 0
    for block, queries in _with_bar(_products(query, gallery, rules.order, chunk), rules.order, progress):
        _mask_junk(block, rules)
        row, column, match = rules.pairs(queries).tensors(block.device)
        own = block[row[match], column[match]].sort().values
        right += len(own) - torch.searchsorted(own, levels).cpu().numpy()
        block[row[~match], column[~match]] = -torch.inf
        has_match = row[match].unique()
        valid, matches = valid + len(has_match), matches + len(own)
        returned += _at_least(block[has_match], levels)
    if not valid:
        raise _no_valid_query()
    precision, recall = right / np.maximum(returned, 1), right / matches
    f1 = 2 * right / (returned + matches)
    return pd.DataFrame(
        {"threshold": thresholds, "precision": precision, "recall": recall, "f1": f1, "set_size": returned / valid}
    )


def _at_least(block: torch.Tensor, levels: torch.Tensor) -> np.ndarray:
    """How many values of `block` reach each of `levels`."""
    if block.device.type == "cpu":
        values = block.numpy()
        _in_threads(lambda rows: values[rows.start : rows.stop].sort(axis=1), len(values))
    else:
        block = block.sort(dim=1).values
    below = torch.searchsorted(block, levels.expand(len(block), -1).contiguous())
    return (block.shape[1] - below).sum(0).cpu().numpy()


# Blocks of similarities -----------------------------------------------------------------------------------------------


def _products(query: torch.Tensor, gallery: torch.Tensor, order: np.ndarray, chunk: int) -> Iterator[torch.Tensor]:
    """Similarities `(n, G)` of `chunk` queries after the other; a block takes the memory of the last but one."""
    blocks = _each_product(query, gallery, torch.as_tensor(order, device=query.device).split(chunk))
    return _ahead_of_need(blocks) if gallery.device.type == "cpu" else blocks


def _each_product(query: torch.Tensor, gallery: torch.Tensor, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    width = -(-len(gallery) // 16) * 16  # rows begin at a cache line
    buffers = [torch.empty(len(parts[0]), width, dtype=torch.float32, device=gallery.device) for _ in parts[:2]]
    for number, queries in enumerate(parts):
        yield torch.mm(query[queries], gallery.T, out=buffers[number % 2][: len(queries), : len(gallery)])


def _ahead_of_need(blocks: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Each block, with the one after it being worked out in a second thread, so that no core waits for another."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = worker.submit(next, blocks, None)
            yield block


def _negated(distances: torch.Tensor, order: np.ndarray, chunk: int) -> Iterator[torch.Tensor]:
    """Similarities `(n, G)`, the larger the nearer, of `chunk` queries after the other."""
    for queries in torch.as_tensor(order, device=distances.device).split(chunk):
        block = distances[queries].neg_()
        if not block.isfinite().all():
            row = int(queries[(~block.isfinite()).any(1)][0])
            raise ValueError(f"distances have NaN or infinity in row {row}")
        yield block


def _without_junk(gallery: torch.Tensor, rules: _Rules) -> tuple[torch.Tensor, _Rules]:
    """Gallery and rules without the junk, or as they are where a copy of the gallery would take too much memory."""
    kept = np.flatnonzero(rules.gallery_ids != JUNK_ID)
    if not len(kept):
        raise _no_valid_query()
    if len(kept) == len(gallery):
        return gallery, rules
    if kept[-1] - kept[0] + 1 == len(kept):  # junk only before and after the others, as in sorted file names
        return gallery[kept[0] : kept[-1] + 1], rules.without_junk()
    if gallery.nbytes > _COPY_BYTES:
        return gallery, rules
    return gallery.index_select(0, torch.as_tensor(kept, device=gallery.device)), rules.without_junk()


def _mask_junk(block: torch.Tensor, rules: _Rules) -> None:
    junk = rules.junk()
    if len(junk):
        block.index_fill_(1, torch.as_tensor(junk, device=block.device), -torch.inf)


def _with_bar(
    blocks: Iterator[torch.Tensor], order: np.ndarray, progress: bool
) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    """Each block and its queries, with a bar of queries on request."""
    done = 0
    with bar(total=len(order), desc="queries ranked", unit="query", show=progress) as shown:
        for block in blocks:
            yield block, order[done : done + len(block)]
            done += len(block)
            shown.update(len(block))


def _no_valid_query() -> ValueError:
    return ValueError(
        "no query has a true match left: without junk (id -1) and images of the same person from the same camera, the "
        "gallery holds none of the queries' ids"
    )


def _chunk(chunk: int | None, bytes_a_query: int) -> int:
    if chunk is None:
        return max(_BLOCK_QUERIES, _BLOCK_BYTES // bytes_a_query)
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; it must be at least 1")
    return int(chunk)


# Inputs ---------------------------------------------------------------------------------------------------------------


def _numpy(values: Array) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _integers(values: Array, name: str) -> np.ndarray:
    array = _numpy(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(f"{name} are {array.dtype} of shape {array.shape}; they must be a list of integers")
    return array.astype(np.int64)


def _labels(values: Array, name: str, length: int) -> np.ndarray:
    array = _integers(values, name)
    if len(array) != length:
        raise ValueError(f"{name} has {len(array)} entries for {length} images")
    return array


def _floating(values: Array, name: str, axes: str) -> torch.Tensor:
    if not isinstance(values, torch.Tensor):
        with warnings.catch_warnings():  # torch warns of arrays that are read-only, and nothing here writes to one
            warnings.simplefilter("ignore", UserWarning)
            values = torch.as_tensor(np.ascontiguousarray(values))
    if values.ndim != 2 or not values.is_floating_point() or not values.numel():
        raise ValueError(f"{name} is {values.dtype} of shape {tuple(values.shape)}; it must be floating ({axes})")
    return values.detach() if values.element_size() >= 4 else values.detach().float()


def _embeddings(values: Array, name: str) -> torch.Tensor:
    embeddings = _floating(values, name, "images, dimensions").float()
    norms = torch.linalg.vector_norm(embeddings, dim=1)
    if not norms.isfinite().all():
        raise ValueError(f"{name} has NaN or infinity in row {int((~norms.isfinite()).nonzero()[0])}")
    if (norms - 1).abs().max() > _NORM_TOLERANCE:
        row = int((norms - 1).abs().argmax())
        raise ValueError(
            f"{name} is not normalised: row {row} has length {norms[row]:.4g}; use torch.nn.functional.normalize"
        )
    return embeddings


def _check_dimensions(query: torch.Tensor, gallery: torch.Tensor) -> None:
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(f"query has {query.shape[1]} dimensions and gallery {gallery.shape[1]}; they must be the same")
