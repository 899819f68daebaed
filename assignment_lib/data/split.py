"""Training / validation split by identity that keeps every class in both parts (report, section 2.1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.data.sources import LABELLED, of_source


def split_identities(table: pd.DataFrame, share: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw the validation identities by the report's heuristic (section 2.1).

    `table` has a `pid` column (int) and, where the data has attributes, one target column per task. Identities are drawn
    in random order. Each part keeps the set of classes it has not seen yet; a drawn identity goes to the part where it
    adds the most unseen classes, to the part that is further below its share where both gain the same, and to the other
    part once one is full. A part that has seen every class starts its set again. `share` is the share of identities
    (not images) that goes to validation; without attributes the split is a plain random one.

    Returns the sorted training pids and the sorted validation pids, int64, disjoint, together all of them; the same for
    the same table and seed. Raises `ValueError` where there are fewer than two identities or a share leaves a part empty.
    """
    pids = np.sort(table["pid"].unique())
    wanted = round(len(pids) * share)
    if not 0 < wanted < len(pids):
        raise ValueError(
            f"a share of {share} of {len(pids)} identities leaves one part of the split empty; "
            "give more identities or another share"
        )
    classes_of = _classes_by_identity(table)
    every_class = set().union(*classes_of.values())
    capacity = {"train": len(pids) - wanted, "validation": wanted}
    parts: dict[str, list[int]] = {"train": [], "validation": []}
    unseen = {part: set(every_class) for part in parts}

    for pid in np.random.default_rng(seed).permutation(pids).tolist():
        open_parts = [part for part in parts if len(parts[part]) < capacity[part]]
        part = max(
            open_parts,
            key=lambda part: (len(unseen[part] & classes_of[pid]), 1 - len(parts[part]) / capacity[part]),
        )
        parts[part].append(pid)
        unseen[part] -= classes_of[pid]
        if not unseen[part]:
            unseen[part] = set(every_class)
    return np.array(sorted(parts["train"])), np.array(sorted(parts["validation"]))


def split_table(table: pd.DataFrame, share: float = 0.1, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut `table` into its training and validation rows by `split_identities`; both with a fresh `RangeIndex`.

    Only people of the data set itself are validated on (`sources.LABELLED`): rows from elsewhere go to training, but for
    styled images of validation people, which are left out.
    """
    own = of_source(table, LABELLED).numpy()
    _, validation = split_identities(table[own], share, seed)
    held_out = table["pid"].isin(validation)
    table, held_out = table[own | ~held_out], held_out[own | ~held_out]
    return table[~held_out].reset_index(drop=True), table[held_out].reset_index(drop=True)


def hold_out(table: pd.DataFrame, share: float, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`table` without a `share` of its identities, and their rows, drawn at random; both with a fresh RangeIndex.

    At least one identity is drawn and one is left; raises `ValueError` where there are fewer than two.
    """
    pids = np.sort(table["pid"].unique())
    if len(pids) < 2:
        raise ValueError("one identity cannot be cut into two parts; give more identities")
    wanted = min(len(pids) - 1, max(1, round(len(pids) * share)))
    drawn = table["pid"].isin(np.random.default_rng(seed).permutation(pids)[:wanted])
    return table[~drawn].reset_index(drop=True), table[drawn].reset_index(drop=True)


def pid_labels(table: pd.DataFrame) -> torch.Tensor:
    """`pid` as positions 0..P-1 in the sorted list of the table's identities, int64 `(N,)`: what a classifier predicts."""
    return torch.from_numpy(np.unique(table["pid"], return_inverse=True)[1].astype(np.int64))


def class_coverage(table: pd.DataFrame) -> int:
    """How many of the 41 classes have at least one row in `table` (the target form)."""
    return sum(table[task].nunique() for task in TASKS)


def compare_coverage(table: pd.DataFrame, share: float = 0.1, seeds: int = 100) -> pd.DataFrame:
    """How many classes the validation part has by this heuristic and by a blind draw of as many identities.

    One row per seed, columns "heuristic" and "blind draw".
    """
    rows = []
    pids = np.sort(table["pid"].unique())
    for seed in range(seeds):
        _, validation = split_identities(table, share, seed)
        blind = np.random.default_rng(seed).permutation(pids)[: len(validation)]
        parts = {"heuristic": validation, "blind draw": blind}
        rows.append({name: class_coverage(table[table["pid"].isin(part)]) for name, part in parts.items()})
    return pd.DataFrame(rows)


def _classes_by_identity(table: pd.DataFrame) -> dict[int, set[tuple[str, int]]]:
    tasks = [task for task in TASKS if task in table.columns]
    classes: dict[int, set[tuple[str, int]]] = {int(pid): set() for pid in table["pid"].unique()}
    for task in tasks:
        for pid, value in set(zip(table["pid"].tolist(), table[task].tolist(), strict=True)):
            classes[int(pid)].add((task, int(value)))
    return classes
