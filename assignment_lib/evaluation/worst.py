"""Where a network fails worst: attributes that it is sure of and wrong about, queries whose matches come last."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.protocol import average_precision


def confident_errors(
    probabilities: dict[str, Tensor], targets: Tensor, most: int = 20, most_a_task: int | None = 3
) -> pd.DataFrame:
    """The wrong attributes of which a network is surest: at most `most` rows, the surest first.

    `probabilities` is task -> `(N, C)`, `targets` int64 `(N, 12)`, -1 where unknown. Columns: `image` (its row), `task`,
    `true` and `predicted` (names of classes), `confidence` (the probability of the predicted class). `most_a_task` keeps the
    first so many of each task, so that a single hard one does not fill the table; None keeps all. What looks like an error
    may be one of the annotation.
    """
    parts = []
    for column, task in enumerate(TASKS):
        if task not in probabilities:
            continue
        confidence, predicted = probabilities[task].max(1)
        true = targets[:, column]
        wrong = ((predicted != true) & (true >= 0)).nonzero()[:, 0]
        wrong = wrong[confidence[wrong].sort(descending=True, stable=True).indices][:most_a_task]
        names = TASKS[task]
        parts.append(
            pd.DataFrame(
                {
                    "image": wrong.tolist(),
                    "task": task,
                    "true": [names[value] for value in true[wrong].tolist()],
                    "predicted": [names[value] for value in predicted[wrong].tolist()],
                    "confidence": confidence[wrong].double().tolist(),
                }
            )
        )
    together = pd.concat(parts, ignore_index=True).astype({"image": "int64"})  # an empty part would make it float
    return together.sort_values("confidence", ascending=False, kind="stable").head(most).reset_index(drop=True)


def worst_queries(verdicts: Sequence[Sequence[bool | None]], most: int = 5) -> pd.DataFrame:
    """The queries with the lowest average precision: at most `most` rows, the worst first.

    `verdicts` are those of `retrieval.judge` on whole rankings: for each query whether each ranked image is the same person,
    None for what does not count. Columns: `query` (its position), `AP` (the mean of the precision at each match),
    `first match` (the rank of the first one among the images that count, from 1), `matches`. Queries without a match
    are left out.
    """
    rows = []
    for query, of_query in enumerate(verdicts):
        right = [hit for hit in of_query if hit is not None]
        if any(right):
            rows.append((query, average_precision(right), right.index(True) + 1, sum(right)))
    table = pd.DataFrame(rows, columns=["query", "AP", "first match", "matches"])
    return table.sort_values("AP", kind="stable").head(most).reset_index(drop=True)
