"""Figures of retrieval: ranked images, similarities, thresholds, a map of the embeddings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.attribute_scores import worst_queries
from assignment_lib.reporting.plots.images import image_grid, person_name, show_image
from assignment_lib.reporting.plots.theme import COLORS, GRAY, GREEN, RED
from assignment_lib.retrieval.ranking import Ranking, judge

#: A verdict of `ranking.judge` -> symbol and colour of the frame.
_VERDICTS = {True: ("✓ ", GREEN), False: ("✗ ", RED), None: ("– ", GRAY)}
_LEGEND = (
    "✓ green: same person    ✗ red: another person    – gray: not counted (junk, or the same person in the same camera)"
)
_MOST_LABELS = 10
_LINE_STYLES = {"precision": "-", "recall": "--", "f1": ":"}


def retrieval_grid(
    ranking: Ranking,
    query_images: Sequence[Tensor],
    gallery_images: Sequence[Tensor],
    query: pd.DataFrame,
    gallery: pd.DataFrame,
    rows: Sequence[int],
    depth: int = 10,
    title: str = "",
    query_titles: Sequence[str] = (),
    last: Sequence[int] = (),
) -> Figure:
    """Draw one row per query of `rows`: the query, then its first `depth` ranked images with their similarities.

    `ranking`, the images `(3, H, W)` and the tables `query` and `gallery` (pid, camera) hold all queries and gallery images.
    If the identities are known, frames and symbols mark the images by the Market-1501 protocol (`ranking.judge`), and the
    person's name is below each image. `last` gives one more rank (from 0) per row to draw in an extra column.
    """
    depth = min(depth, ranking.order.shape[1])
    figure, grid = image_grid(len(rows), 1 + depth + (len(last) > 0), 0.98, 2.2, title)
    for number, (row, axes_row) in enumerate(zip(rows, grid, strict=True)):
        name = query_titles[number] if len(query_titles) else "query"
        show_image(axes_row[0], query_images[row], "black", name)
        ranks = torch.tensor([*range(depth), *last[number : number + 1]])
        positions = ranking.order[row][ranks]
        verdicts = judge(positions[None], query.iloc[[row]], gallery)
        for column, (axes, position) in enumerate(zip(axes_row[1:], positions.tolist(), strict=True)):
            symbol, frame = ("", None) if verdicts is None else _VERDICTS[verdicts[0][column]]
            similarity = float(ranking.similarity[row, ranks[column]])
            show_image(axes, gallery_images[position], frame, f"{symbol}{similarity:.2f}")
            if verdicts is not None:
                axes.set_xlabel(person_name(int(gallery["pid"].iloc[position])), fontsize=8, labelpad=2)
    if (query["pid"] >= 0).all():
        figure.supxlabel(_LEGEND, fontsize=9)
    return figure


def worst_query_grid(
    ranking: Ranking,
    query_images: Sequence[Tensor],
    gallery_images: Sequence[Tensor],
    query: pd.DataFrame,
    gallery: pd.DataFrame,
) -> Figure:
    """Draw the five queries with the lowest AP as in `retrieval_grid`; the last column shows the first true match.

    `ranking` holds complete rankings. Raises `ValueError` if the test identities are unknown or no query has a match.
    """
    verdicts = judge(ranking.order, query, gallery) or []
    worst = worst_queries(verdicts)
    if worst.empty:
        raise ValueError("no query has a known match in the gallery, so none has an AP; skip this figure")
    rows = worst["query"].tolist()
    titles = [f"AP {100 * row['AP']:.0f} %\nfirst match: {int(row['first match'])}" for _, row in worst.iterrows()]
    title = f"The {len(rows)} queries with the lowest AP; last column: first true match"
    last = [verdicts[row].index(True) for row in rows]
    return retrieval_grid(ranking, query_images, gallery_images, query, gallery, rows, 9, title, titles, last)


def similarity_histogram(same: np.ndarray, different: np.ndarray, threshold: float) -> Figure:
    """Draw the similarities of pairs of the same person and of different people, as densities and as counts.

    The densities show how separable the two are, the counts, on a logarithmic axis, how many of each there are.
    `threshold` is marked, and the legend gives the share of pairs above it.
    """
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(9, 6.2), sharex=True, layout="constrained")
    pairs = np.concatenate([same, different])
    bins = np.linspace(pairs.min(), max(pairs.max(), threshold) + 1e-6, 61).tolist()
    for name, values, color in (("same person", same, GREEN), ("different people", different, GRAY)):
        if not len(values):  # a single validation person
            continue
        label = f"{name}: {100 * (values >= threshold).mean():.2g} % above the threshold"
        upper.hist(values, bins, density=True, alpha=0.65, color=color)
        lower.hist(values, bins, histtype="stepfilled", alpha=0.65, color=color, label=label)
    for axes in (upper, lower):
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1.2)
    axis = upper.get_xaxis_transform()
    upper.text(threshold, 0.98, f" threshold {threshold:g}", transform=axis, fontsize=9, va="top")
    upper.set(ylabel="density", title="Similarities of pairs of images")
    lower.set(xlabel="cosine similarity", ylabel="pairs (log scale)", yscale="log", ylim=(0.7, None))
    figure.legend(loc="outside lower left", frameon=False, fontsize=9)
    return figure


def precision_recall(curves: Mapping[str, pd.DataFrame], rules: pd.DataFrame) -> Figure:
    """Draw precision against recall, and precision, recall and F1 against the threshold of each score.

    `curves` maps the name of a score to `decisions.precision_recall`; `rules` is `decisions.decision_table`. A rule has one
    colour in all panels. Its point on the left has the rule's precision and recall on people that it was not fitted on.
    """
    colors = dict(zip(rules["rule"].unique(), COLORS, strict=False))
    figsize = (4.8 * (1 + len(curves)), 4.6)
    figure, (left, *panels) = plt.subplots(1, 1 + len(curves), figsize=figsize, layout="constrained")
    labelled: set[str] = set()
    for panel, (score, curve), (line, marker) in zip(panels, curves.items(), (("-", "o"), ("--", "s")), strict=False):
        left.plot(curve["recall"], curve["precision"], line, color=GRAY)
        left.plot([], [], line, marker=marker, color=GRAY, label=score)
        for column, style in _LINE_STYLES.items():
            label = column.replace("f1", "F1") if panel is panels[0] else None
            panel.plot(curve["threshold"], curve[column], style, color="black", linewidth=1, label=label)
        for _, row in rules[rules["score"] == score].iterrows():
            label = None if row["rule"] in labelled else row["rule"]
            labelled.add(row["rule"])
            panel.axvline(row["threshold"], color=colors[row["rule"]], linewidth=2)
            left.plot(row["recall"], row["precision"], marker, color=colors[row["rule"]], label=label)
        panel.set(xlabel="threshold", ylabel="precision, recall or F1", ylim=(0, 1.05), title=f"Score: {score}")
    left.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.05), title="Precision and recall")
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def embedding_map(points: np.ndarray, labels: Mapping[str, np.ndarray], agreement: pd.DataFrame) -> Figure:
    """Draw a map of embeddings, one panel per label, coloured by it.

    `points` `(N, 2)` are those of `ranking.tsne_map`; `labels` maps "person", "camera" or a task to integers `(N,)`,
    negative where unknown. The ten most frequent values have colours; the others are gray. `agreement`, of
    `ranking.neighbours_agree`, adds to a title how often the nearest image has the same label, and chance.
    """
    figure, grid = plt.subplots(1, len(labels), figsize=(4.4 * len(labels), 5.2), squeeze=False, layout="constrained")
    shares = agreement.set_index("Label")
    for axes, (name, values) in zip(grid[0], labels.items(), strict=True):
        frequent = pd.Series(values[values >= 0]).value_counts().index[:_MOST_LABELS].sort_values()
        axes.scatter(*points[~np.isin(values, frequent)].T, s=6, color="#CCCCCC", linewidth=0)
        for value, color in zip(frequent.tolist(), sns.color_palette("tab10", len(frequent)), strict=True):
            label = TASKS[name][value] if name in TASKS else str(value)
            axes.scatter(*points[values == value].T, s=12, color=color, linewidth=0, label=label)
        title = f"{name}: the {len(frequent)} most frequent" if len(frequent) == _MOST_LABELS else name
        agree, chance = shares.loc[name, ["Agree, %", "Chance, %"]]
        if np.isfinite(agree):
            title += f"\nnearest image agrees: {agree:.0f} % (chance {chance:.0f} %)"
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=10)
        if len(frequent):
            below = {"loc": "upper center", "bbox_to_anchor": (0.5, 0)}
            axes.legend(**below, ncols=5, frameon=False, fontsize=8, columnspacing=0.8)
    figure.suptitle(f"t-SNE map of {len(points):,} embeddings (distances between groups have no meaning)", fontsize=11)
    return figure
