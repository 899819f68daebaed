"""Split by identity into training and validation such that both parts cover the classes (report, section 2.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from assignment_lib.data.attributes import TASKS


def split_identities(table: pd.DataFrame, share: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The sorted training and validation pids (int64), drawn by the report's heuristic (section 2.1).

    `table` has a `pid` column (int) and, where the data has attributes, one target column per task. Identities are drawn
    in random order. Each part has a set of classes that it has not seen yet. A drawn identity goes to the part where it adds
    more unseen classes, on a tie to the part that is further below its share, and to the other part once one is full. A part
    that has seen every class starts its set again. Without attributes the split is random.

    share: the share of identities (not images) for validation. Raises `ValueError` where it leaves a part empty.
    """
    pids = np.sort(table["pid"].unique())
    wanted = round(len(pids) * share)
    if not 0 < wanted < len(pids):
        raise ValueError(
            f"validation_share={share} of {len(pids)} identities leaves one part of the split empty; "
            "pass another share or more identities"
        )
    classes_of: dict[int, set[tuple[str, int]]] = {pid: set() for pid in pids.tolist()}
    for task in (task for task in TASKS if task in table):
        for pid, value in table[["pid", task]].drop_duplicates().to_numpy().tolist():
            classes_of[pid].add((task, value))
    every_class = set().union(*classes_of.values())
    capacity = {"train": len(pids) - wanted, "validation": wanted}
    parts: dict[str, list[int]] = {"train": [], "validation": []}
    unseen = {part: set(every_class) for part in parts}

    for pid in np.random.default_rng(seed).permutation(pids).tolist():
        priority = {
            part: (len(unseen[part] & classes_of[pid]), 1 - len(parts[part]) / capacity[part])
            for part in parts
            if len(parts[part]) < capacity[part]
        }
        part = max(priority, key=priority.__getitem__)
        parts[part].append(pid)
        unseen[part] -= classes_of[pid]
        if not unseen[part]:
            unseen[part] = set(every_class)
    return np.array(sorted(parts["train"])), np.array(sorted(parts["validation"]))


def split_table(table: pd.DataFrame, share: float = 0.1, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut `table` into its training and validation rows by `split_identities`; both with a fresh `RangeIndex`."""
    return _cut(table, split_identities(table, share, seed)[1])


def hold_out(table: pd.DataFrame, share: float, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Hold out a random `share` of the identities: the remaining rows and the held-out rows, both with a fresh `RangeIndex`.

    At least one identity is held out and one remains. Raises `ValueError` where there are fewer than two.
    """
    pids = np.sort(table["pid"].unique())
    if len(pids) < 2:
        raise ValueError(f"{len(pids)} identity cannot be divided into two parts; pass more identities")
    wanted = min(len(pids) - 1, max(1, round(len(pids) * share)))
    return _cut(table, np.random.default_rng(seed).permutation(pids)[:wanted])


def _cut(table: pd.DataFrame, pids: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of all other people and the rows of `pids`, both with a fresh `RangeIndex`."""
    drawn = table["pid"].isin(pids)
    return table[~drawn].reset_index(drop=True), table[drawn].reset_index(drop=True)


def pid_labels(table: pd.DataFrame) -> torch.Tensor:
    """The targets of the PID classifier: `pid` as its position in the sorted list of identities, int64 `(N,)`."""
    return torch.from_numpy(np.unique(table["pid"], return_inverse=True)[1].astype(np.int64))


def class_coverage(table: pd.DataFrame) -> int:
    """The number of the 41 classes with at least one row in `table` (target form)."""
    return sum(table[task].nunique() for task in TASKS)


def compare_coverage(table: pd.DataFrame, share: float = 0.1, seeds: int = 100) -> pd.DataFrame:
    """The number of classes in the validation part, by this heuristic and by a random draw of as many identities.

    One row per seed, columns "heuristic" and "blind draw".
    """
    rows, pids = [], np.sort(table["pid"].unique())
    for seed in range(seeds):
        _, validation = split_identities(table, share, seed)
        blind = np.random.default_rng(seed).permutation(pids)[: len(validation)]
        parts = {"heuristic": validation, "blind draw": blind}
        rows.append({name: class_coverage(table[table["pid"].isin(part)]) for name, part in parts.items()})
    return pd.DataFrame(rows)


def appended(table: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """The rows of `table`, then those of `others`, people of another data set, marked by the bool column `added`.

    `others` must have all columns of `table`. Returns the columns of `table` and `added`, with a fresh `RangeIndex`.
    """
    own = table if "added" in table else table.assign(added=False)
    return pd.concat([own, others[table.columns.drop("added", errors="ignore")].assign(added=True)], ignore_index=True)
