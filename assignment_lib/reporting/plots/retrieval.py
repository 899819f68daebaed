"""What a retrieval finds: ranked images, similarities, and what a threshold decides."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.reporting.plots.labels import label_points
from assignment_lib.reporting.plots.pictures import DISTRACTOR, name_of, show_image
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, ORANGE, RED

_FRAMES = {True: GREEN, False: RED, None: GRAY}
_SIGNS = {True: "✓ ", False: "✗ ", None: "– "}


def retrieval_grid(
    query_images: Sequence[Tensor],
    gallery_images: Sequence[Sequence[Tensor]],
    similarities: Sequence[Sequence[float]],
    correct: Sequence[Sequence[bool | None]] | None = None,
    query_titles: Sequence[str] = (),
    pids: Sequence[Sequence[int]] | None = None,
    title: str = "",
) -> Figure:
    """Draw one row per query: the query, then its ranked images with their cosine similarity.

    Images are `(3, H, W)`, uint8. `correct` frames each in green (the same person, ✓), red (another, ✗) or gray (None: left
    out of the score, –); without it there are no frames. `pids` says below each image who it is, or that it is junk (-1) or
    a distractor (0). Without a `title`, and where `correct` is known, it says how often the first image that counts is right.
    """
    depth = max(len(row) for row in gallery_images)
    height = 2.05 + 0.16 * (pids is not None)
    figure, grid = plt.subplots(
        len(query_images), depth + 1, figsize=((depth + 1) * 0.98, len(query_images) * height + 0.5), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for row, query in enumerate(query_images):
        show_image(grid[row][0], query, border="black", title=query_titles[row] if len(query_titles) else "query")
        for place in range(depth):
            axes = grid[row][place + 1]
            if place >= len(gallery_images[row]):
                axes.set_axis_off()
                continue
            border, sign = None, ""
            if correct is not None:
                border, sign = _FRAMES[correct[row][place]], _SIGNS[correct[row][place]]
            show_image(axes, gallery_images[row][place], border, f"{sign}{similarities[row][place]:.2f}")
            if pids is not None:
                pid = int(pids[row][place])
                strange = pid in (JUNK_ID, DISTRACTOR)
                axes.set_xlabel(name_of(pid), fontsize=8, labelpad=2, style="italic" if strange else "normal")
    if not title and correct is not None:
        title = _finding(correct, depth)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _finding(correct: Sequence[Sequence[bool | None]], depth: int) -> str:
    counted = [[hit for hit in row if hit is not None] for row in correct]
    first = sum(row[0] for row in counted if row)
    known = sum(bool(row) for row in counted)
    hits, listed = sum(map(sum, counted)), sum(map(len, counted))
    text = f"The first image is the query's person for {first} of {known} queries;\n{hits} of the {listed} images shown are"
    out = sum(len(row) for row in correct) - listed
    return text + (f" (– not counted: {out}, junk or the query's own camera)" if out else "")


def similarity_histogram(same: np.ndarray, different: np.ndarray, threshold: float, thinned: int = 1) -> Figure:
    """Draw the cosine similarities of pairs of the same person and of different people: as densities, and as counts.

    The densities show how well the two can be told apart, the counts, on a logarithmic axis, how many of each there are: the
    base rate. `threshold` is the cut; the titles give the share of each above it, and how many of the pairs above it are
    right. `thinned` is the number of pairs for which each of `different` stands, where only a sample is given.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(9, 6.2), sharex=True, layout="constrained")
    low = min(part.min() for part in (same, different))
    high = max(part.max() for part in (same, different))
    bins = np.linspace(low, max(high, threshold) + 1e-6, 61)
    total = len(same) + thinned * len(different)
    parts = {
        "same person": (same, GREEN, len(same), "right"),
        "different people": (different, GRAY, thinned * len(different), "left"),
    }
    for name, (values, colour, count, _) in parts.items():
        upper.hist(values, bins.tolist(), density=True, alpha=0.65, color=colour)
        weights = np.full(len(values), count / len(values))
        above = _percent((values >= threshold).mean())
        label = f"{name}: {count:,} pairs, {_percent(count / total)} of all, {above} above the cut"
        lower.hist(values, bins.tolist(), weights=weights, histtype="stepfilled", alpha=0.65, color=colour, label=label)
    for axes in (upper, lower):
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1.2)
    upper.text(threshold, 0.98, f" cut {threshold:g}", transform=upper.get_xaxis_transform(), fontsize=9, va="top")
    upper.set(ylabel="density")
    lower.set(xlabel="cosine similarity", ylabel="pairs (log scale)", yscale="log", ylim=(0.7, None))
    figure.legend(*lower.get_legend_handles_labels(), loc="outside lower left", frameon=False, fontsize=9)
    caught, wrong = (same >= threshold).sum(), thinned * (different >= threshold).sum()
    upper.set_title(
        f"Only {_percent(len(same) / total)} of the pairs are the same person: "
        f"the cut finds {_percent(caught / len(same))} of those,\n"
        f"and {_percent(caught / (caught + wrong))} of the {caught + wrong:,} pairs above it are right"
        if caught + wrong else f"No pair is above the cut of {threshold:g}"
    )  # fmt: skip
    return figure


def precision_recall(scores: pd.DataFrame, chosen: dict[str, float]) -> Figure:
    """Draw precision against recall, and both with F1 against the threshold.

    `scores` as `retrieval.curves.frame` returns them; `chosen` is name -> threshold, marked in both panels.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    left.plot(scores["recall"], scores["precision"], color=BLUE)
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.05))
    for column, colour in (("precision", BLUE), ("recall", GREEN), ("f1", ORANGE)):
        right.plot(scores["threshold"], scores[column], color=colour, label=column.replace("f1", "F1"))
    right.set(xlabel="smallest similarity", ylim=(0, 1.05))
    left.set_title("Images returned for all queries")
    best = scores.loc[scores["f1"].idxmax()]
    right.set_title(f"What a threshold decides: the best F1 is {best['f1']:.2f}, at {best['threshold']:.2f}")
    nearest = {
        name: scores.iloc[(scores["threshold"] - cut).abs().argmin()]
        for name, cut in chosen.items()
        if np.isfinite(cut)
    }
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    for name in nearest:
        right.axvline(chosen[name], color="black", linewidth=0.8, linestyle=":")
    figure.canvas.draw()  # the layout decides where the points are
    # rules that choose the same threshold share a point and a name
    shared: dict[tuple[float, float], list[str]] = {}
    for name, row in nearest.items():
        shared.setdefault((float(row["recall"]), float(row["precision"])), []).append(name)
    if shared:
        recall, precision = zip(*shared, strict=True)
        left.plot(recall, precision, "o", color="black")
        label_points(left, recall, precision, [", ".join(names) for names in shared.values()], size=9)
        of_names = [names[0] for names in shared.values()]
        cuts = [chosen[name] for name in of_names]
        values = [float(nearest[name]["f1"]) for name in of_names]
        right.plot(cuts, values, "o", color="black")
        texts = [f"{', '.join(names)}: {chosen[names[0]]:.2f}" for names in shared.values()]
        label_points(right, cuts, values, texts, size=9)
    return figure


def _percent(share: float) -> str:
    digits = 1 if 0.99 < share < 1 else 0
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.{digits}f} %"
