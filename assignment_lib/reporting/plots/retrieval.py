"""What a retrieval finds: ranked images, similarities, and what a threshold decides."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.reporting.plots.pictures import show_image
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, ORANGE, RED


def retrieval_grid(
    query_images: Sequence[Tensor],
    gallery_images: Sequence[Sequence[Tensor]],
    similarities: Sequence[Sequence[float]],
    correct: Sequence[Sequence[bool | None]] | None = None,
    query_titles: Sequence[str] = (),
) -> Figure:
    """Draw one row per query: the query, then its ranked images with their cosine similarity.

    Images are `(3, H, W)`, uint8. `correct` frames each in green (the same person), red (another) or gray (None: left out
    of the score); without it there are no frames.
    """
    depth = max(len(row) for row in gallery_images)
    figure, grid = plt.subplots(
        len(query_images), depth + 1, figsize=((depth + 1) * 0.95, len(query_images) * 2.05), squeeze=False
    )
    for row, query in enumerate(query_images):
        show_image(grid[row][0], query, border="black", title=query_titles[row] if len(query_titles) else "query")
        for place in range(depth):
            axes = grid[row][place + 1]
            if place >= len(gallery_images[row]):
                axes.set_axis_off()
                continue
            border = None
            if correct is not None:
                border = {True: GREEN, False: RED, None: GRAY}[correct[row][place]]
            show_image(axes, gallery_images[row][place], border, f"{similarities[row][place]:.2f}")
    figure.tight_layout(pad=0.5)
    return figure


def similarity_histogram(same: np.ndarray, different: np.ndarray, threshold: float) -> Figure:
    """Draw the cosine similarities of pairs of the same person and of different people, each as a density."""
    figure, axes = plt.subplots(figsize=(8, 3.4))
    bins = np.linspace(min(same.min(), different.min()), 1, 61).tolist()
    axes.hist(different, bins, density=True, alpha=0.6, color=GRAY, label="different people")
    axes.hist(same, bins, density=True, alpha=0.6, color=GREEN, label="same person")
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:g}")
    axes.set(xlabel="cosine similarity", ylabel="density", title="Similarity of validation pairs")
    axes.legend()
    figure.tight_layout()
    return figure


def precision_recall(scores: pd.DataFrame, chosen: dict[str, float]) -> Figure:
    """Draw precision against recall, and both with F1 against the threshold.

    `scores` as `retrieval.curves.frame` returns them; `chosen` is name -> threshold, marked in both panels.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    left.plot(scores["recall"], scores["precision"], color=BLUE)
    left.set(
        xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02), title="Images returned for all queries"
    )
    for column, colour in (("precision", BLUE), ("recall", GREEN), ("f1", ORANGE)):
        right.plot(scores["threshold"], scores[column], color=colour, label=column.replace("f1", "F1"))
    for (name, threshold), line in zip(chosen.items(), ("-", "--", "-.", ":", (0, (1, 4))), strict=False):
        nearest = scores.iloc[(scores["threshold"] - threshold).abs().argmin()]
        left.plot(nearest["recall"], nearest["precision"], "o", color="black")
        left.annotate(
            name, (nearest["recall"], nearest["precision"]), xytext=(6, 4), textcoords="offset points", fontsize=8
        )
        right.axvline(threshold, color="black", linewidth=1, linestyle=line, label=f"{name} {threshold:.2f}")
    right.set(xlabel="smallest similarity", title="What a threshold decides", ylim=(0, 1.02))
    right.legend(fontsize=8)
    figure.tight_layout()
    return figure
