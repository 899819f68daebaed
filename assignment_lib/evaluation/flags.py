"""Room for the truth values of comparisons, counted eight at a time."""

from __future__ import annotations

import numpy as np

#: Comparisons whose results a thread has in memory at a time: few enough for a core's own cache.
FLAG_BYTES = 2**21


class Flags:
    """Room for a table of truth values `(n, K, G)` whose last axis is counted eight values at a time.

    Eight flags read as one 64-bit word have a byte each. A sum of up to 255 such words carries nothing from one byte
    into the next, so its bytes are the counts of every eighth flag.
    """

    def __init__(self) -> None:
        self._room = np.empty(FLAG_BYTES, bool)

    def reached(self, similarity: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Where `similarity` `(n, G)` is at least its row's `level` `(n, 1)`: bool, gone with the next table."""
        if similarity.size > len(self._room):
            self._room = np.empty(similarity.size, bool)
        return np.greater_equal(similarity, level, out=self._room[: similarity.size].reshape(similarity.shape))

    def rows(self, columns: int) -> int:
        """How many rows of a table fit into the room; one always does."""
        sums, words = self._words(columns)
        return max(1, FLAG_BYTES // (8 * sums * words))

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

    @staticmethod
    def _words(columns: int) -> tuple[int, int]:
        """How many sums a row needs, and of how many words each."""
        sums = -(-columns // (8 * 255))
        return sums, -(-columns // (8 * sums))
