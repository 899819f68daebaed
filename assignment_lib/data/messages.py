"""Lists of names and ids in error messages and notes, cut where they get long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def few(names: Iterable[object], limit: int = 8) -> str:
    """The first `limit` of `names`, separated by commas, and how many more there are."""
    words = [str(name) for name in names]
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def ids_have(pids: Sequence[int]) -> str:
    """`id 7 has` or `ids 7, 9 have`: the beginning of a sentence about identities."""
    return f"id {pids[0]} has" if len(pids) == 1 else f"ids {few(pids)} have"
