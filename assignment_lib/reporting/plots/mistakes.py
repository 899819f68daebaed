"""Pictures of what goes wrong: attributes that are confidently wrong, queries whose matches come last."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.evaluation.worst import worst_queries
from assignment_lib.reporting.plots.pictures import image_sheet
from assignment_lib.reporting.plots.retrieval import retrieval_grid
from assignment_lib.retrieval.judging import judge
from assignment_lib.retrieval.ranking import Ranking


def attribute_errors(
    images: Tensor, errors: pd.DataFrame, pids: Sequence[int] = (), columns: int = 7, of: str = "this split"
) -> Figure:
    """Draw the images of `errors` (of `worst.confident_errors`), each with what is said of it and what is true.

    `images` `(N, 3, H, W)` are those that `errors` counts; `pids` `(N,)` say who is on them. `of` names them in the title.
    Raises ValueError where there is no error to draw.
    """
    if errors.empty:
        raise ValueError("there is no error to draw: every attribute that is known is right")
    titles = [
        f"{row['task']}: {row['predicted']}\n({100 * row['confidence']:.0f} % sure)\ntrue: {row['true']}"
        for _, row in errors.iterrows()
    ]
    which = errors["image"].tolist()
    least = 100 * errors["confidence"].min()
    title = f"The {len(errors)} surest errors on {of}: the network is {least:.0f} % sure or more,\nand the annotation disagrees"
    people = [int(pids[image]) for image in which] if len(pids) else ()
    return image_sheet([images[image] for image in which], titles, columns, title, people)


def worst_query_grid(
    ranking: Ranking,
    query_images: Sequence[Tensor],
    gallery_images: Sequence[Tensor],
    query: pd.DataFrame,
    gallery: pd.DataFrame,
    most: int = 5,
    depth: int = 8,
) -> Figure:
    """Draw the `most` queries with the lowest average precision: their first `depth` images, then the first true match.

    `ranking` holds whole rankings; `query` and `gallery` are the tables (pid, camera) of the images, in whose order these are.
    Raises ValueError where the identities of the test are not known, or no query has a match.
    """
    verdicts = judge(ranking.order, query, gallery)
    if verdicts is None:
        raise ValueError("the identities of the test are not known, so no query can be called the worst")
    table = worst_queries(verdicts, most)
    if table.empty:
        raise ValueError("no query has a match in the gallery, so none is the worst")
    ids, places = gallery["pid"].to_numpy(), []
    for row in table["query"]:
        first = verdicts[row].index(True)
        shown = list(range(min(depth, ranking.order.shape[1])))
        places.append([*shown, first] if first not in shown else shown)
    chosen = [torch.tensor(where) for where in places]
    orders = [ranking.order[row][where] for row, where in zip(table["query"], chosen, strict=True)]
    titles = [
        f"AP {100 * row['AP']:.0f} %\nfirst match: {int(row['first match'])}." for _, row in table.iterrows()
    ]  # fmt: skip
    asked = sum(any(hit for hit in of_query) for of_query in verdicts)
    late = int((table["first match"] > depth).sum())
    return retrieval_grid(
        [query_images[row] for row in table["query"]],
        [[gallery_images[int(place)] for place in order] for order in orders],
        [ranking.similarity[row][where].tolist() for row, where in zip(table["query"], chosen, strict=True)],
        [[verdicts[row][place] for place in where] for row, where in zip(table["query"], places, strict=True)],
        titles,
        [ids[order.numpy()].tolist() for order in orders],
        title=f"The {len(table)} worst of {asked} queries: "
        f"AP {100 * table['AP'].min():.0f} to {100 * table['AP'].max():.0f} %; "
        f"for {late} of them no match is among the first {depth}"
        + ("\n(a last image beyond these is the first true match)" if late else ""),
    )
