"""Similarities of some queries to the whole gallery at a time, so that memory does not grow with the queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from assignment_lib.evaluation.inputs import no_valid_query
from assignment_lib.evaluation.pairs import Labels
from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.progress import bar

#: Similarities that are in memory at a time, unless `chunk` is given.
_BLOCK_BYTES = 32 * 2**20
#: … and queries at least: a product of few rows is slow.
_BLOCK_QUERIES = 64
#: A gallery up to this size is copied without its junk, which then costs no product; in a larger one it is masked.
_COPY_BYTES = 256 * 2**20


def queries_at_a_time(chunk: int | None, bytes_a_query: int) -> int:
    """`chunk`, or where that is None as many queries as make 32 MiB, at least 64. Raises `ValueError` below 1."""
    if chunk is None:
        return max(_BLOCK_QUERIES, _BLOCK_BYTES // bytes_a_query)
    if chunk < 1:
        raise ValueError(f"chunk is {chunk}; it must be at least 1")
    return int(chunk)


def products(query: torch.Tensor, gallery: torch.Tensor, order: np.ndarray, chunk: int) -> Iterator[torch.Tensor]:
    """Similarities `(n, G)` of the queries in `order`, `chunk` at a time; each block reuses the memory of the last but one."""
    blocks = _each_product(query, gallery, torch.as_tensor(order, device=query.device).split(chunk))
    return _ahead_of_need(blocks) if gallery.device.type == "cpu" else blocks


def _each_product(query: torch.Tensor, gallery: torch.Tensor, parts: Sequence[torch.Tensor]) -> Iterator[torch.Tensor]:
    width = -(-len(gallery) // 16) * 16  # rows begin at a cache line
    buffers = [torch.empty(len(parts[0]), width, dtype=torch.float32, device=gallery.device) for _ in parts[:2]]
    for number, queries in enumerate(parts):
        yield torch.mm(query[queries], gallery.T, out=buffers[number % 2][: len(queries), : len(gallery)])


def _ahead_of_need(blocks: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
    """Each block, while a second thread computes the one after it, so that no core waits for another."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = worker.submit(next, blocks, None)
            yield block


def negated(distances: torch.Tensor, order: np.ndarray, chunk: int) -> Iterator[torch.Tensor]:
    """Distances as similarities `(n, G)`, the larger the nearer, of the queries in `order`, `chunk` at a time.

    Raises `ValueError` for NaN and infinity.
    """
    for queries in torch.as_tensor(order, device=distances.device).split(chunk):
        block = distances[queries].neg_()
        if not block.isfinite().all():
            row = int(queries[(~block.isfinite()).any(1)][0])
            raise ValueError(f"distances have NaN or infinity in row {row}")
        yield block


def without_junk(gallery: torch.Tensor, labels: Labels) -> tuple[torch.Tensor, Labels]:
    """Gallery and labels without the junk, or as they are where a copy of the gallery would take too much memory.

    Raises `ValueError` where the gallery is all junk.
    """
    kept = np.flatnonzero(labels.gallery_ids != JUNK_ID)
    if not len(kept):
        raise no_valid_query()
    if len(kept) == len(gallery):
        return gallery, labels
    if kept[-1] - kept[0] + 1 == len(kept):  # junk only before and after the others, as in sorted file names
        return gallery[kept[0] : kept[-1] + 1], labels.without_junk()
    if gallery.nbytes > _COPY_BYTES:
        return gallery, labels
    return gallery.index_select(0, torch.as_tensor(kept, device=gallery.device)), labels.without_junk()


def mask_junk(block: torch.Tensor, labels: Labels) -> None:
    """Put the junk that is still in the gallery behind everything, in place."""
    junk = labels.junk()
    if len(junk):
        block.index_fill_(1, torch.as_tensor(junk, device=block.device), -torch.inf)


def with_bar(
    blocks: Iterator[torch.Tensor], order: np.ndarray, progress: bool
) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
    """Each block and its queries, with a bar of queries on request."""
    done = 0
    with bar(total=len(order), desc="queries ranked", unit="query", show=progress) as shown:
        for block in blocks:
            yield block, order[done : done + len(block)]
            done += len(block)
            shown.update(len(block))
