"""Every figure of the notebooks. Each function returns a matplotlib Figure; `save_figure` writes it under a fixed name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import torch
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from assignment_lib.data.attributes import TASKS, class_names

#: One colour a meaning, in every figure (colour-blind safe, Okabe and Ito 2008).
BLUE, ORANGE, GREEN, RED, GRAY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"


def style() -> None:
    """The look of all figures: call once at the top of a notebook."""
    sns.set_theme(style="whitegrid", context="notebook", rc={"figure.dpi": 72, "axes.titlesize": "medium"})


def save_figure(figure: Figure, name: str, folder: Path) -> Figure:
    """Write `figure` as `name.png` into `folder`; returns it, so that a cell can show it."""
    folder.mkdir(parents=True, exist_ok=True)
    # without the metadata the same picture is the same file, whatever the matplotlib version
    figure.savefig(folder / f"{name}.png", dpi=90, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)  # the cell shows the returned figure once, not twice
    return figure


def show_image(axes, image: Tensor, border: str | None = None, title: str = "") -> None:
    """Draw one uint8 (or float in [0, 1]) image `(3, H, W)` without axes, in a coloured frame where `border` is given."""
    axes.imshow(image.permute(1, 2, 0).cpu().numpy())
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for side in axes.spines.values():
        side.set(visible=border is not None, edgecolor=border, linewidth=3)
    if title:
        axes.set_title(title, fontsize=8, pad=3)


def image_sheet(images: Sequence[Tensor], titles: Sequence[str] = (), columns: int = 10, title: str = "") -> Figure:
    """Images side by side, `columns` a row, each `(3, H, W)`, with an optional title each."""
    rows = -(-len(images) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(columns * 0.95, rows * (2.0 if titles else 1.8)), squeeze=False)
    for position, axes in enumerate(grid.flat):
        if position < len(images):
            show_image(axes, images[position], title=titles[position] if len(titles) else "")
        else:
            axes.set_axis_off()
    figure.suptitle(title)
    figure.tight_layout(pad=0.4)
    return figure


def identity_sheet(images: Tensor, table: pd.DataFrame, pids: Sequence[int], most: int = 10) -> Figure:
    """One row a person, images ordered by camera, `most` a person; `images` belong to the rows of `table`."""
    figure, grid = plt.subplots(len(pids), most, figsize=(most * 0.95, len(pids) * 2.0), squeeze=False)
    for pid, row in zip(pids, grid, strict=True):
        of_person = table[table["pid"] == pid].sort_values(["camera", "file"])
        # spread over the cameras where there are more images than places
        of_person = of_person.iloc[np.linspace(0, len(of_person) - 1, min(most, len(of_person))).astype(int)]
        for axes in row:
            axes.set_axis_off()
        for axes, (index, camera) in zip(row, of_person["camera"].items(), strict=False):
            axes.set_axis_on()
            show_image(axes, images[index], title=f"camera {camera}" if camera >= 0 else "")
        row[0].set_ylabel(f"person {pid}", fontsize=9)
    figure.tight_layout(pad=0.4)
    return figure


def class_shares(table: pd.DataFrame, title: str = "Share of the training images of each class") -> Figure:
    """Bars of the class shares of the twelve tasks; `table` has the target columns."""
    figure, grid = plt.subplots(3, 4, figsize=(12, 7.5))
    for axes, (task, classes) in zip(grid.flat, TASKS.items(), strict=True):
        shares = table[task].value_counts(normalize=True).reindex(range(len(classes)), fill_value=0.0)
        axes.barh(range(len(classes)), shares, color=BLUE)
        axes.set(yticks=range(len(classes)), yticklabels=classes, xlim=(0, 1), title=task)
        axes.invert_yaxis()
        axes.tick_params(labelsize=8)
        for place, share in enumerate(shares):
            inside = share > 0.75
            x, color, side = (share - 0.02, "white", "right") if inside else (share + 0.02, "black", "left")
            axes.text(x, place, f"{share:.1%}", va="center", ha=side, color=color, fontsize=7)
    figure.suptitle(title)
    figure.tight_layout()
    return figure


def counts(values: pd.Series, title: str, xlabel: str, ylabel: str) -> Figure:
    """A histogram of whole numbers, one bar a value."""
    figure, axes = plt.subplots(figsize=(7, 3))
    found = values.value_counts().sort_index()
    axes.bar(found.index, found.to_numpy(), color=BLUE)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(axis="x", visible=False)
    figure.tight_layout()
    return figure


def camera_table(table: pd.DataFrame) -> Figure:
    """Images (left) and persons (right) a camera."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
    cameras = table.groupby("camera")
    for axes, values, label in ((left, cameras.size(), "images"), (right, cameras["pid"].nunique(), "persons")):
        axes.bar(values.index.astype(str), values.to_numpy(), color=BLUE)
        axes.bar_label(axes.containers[0], fontsize=8)
        axes.set(xlabel="camera", ylabel=label, title=f"{label.capitalize()} a camera")
        axes.grid(axis="x", visible=False)
    figure.tight_layout()
    return figure


def correlations(persons: pd.DataFrame) -> Figure:
    """Pearson correlation of the two-class tasks over persons; `persons` has the target columns, one row a person."""
    binary = [task for task, classes in TASKS.items() if len(classes) == 2]
    # "clothes: dress" says more than a 0: the label names what a 1 means
    table = persons[binary].rename(columns={task: f"{task}: {TASKS[task][1]}" for task in binary})
    figure, axes = plt.subplots(figsize=(7, 5.6))
    mask = np.triu(np.ones((len(binary), len(binary)), dtype=bool))
    sns.heatmap(table.corr(), ax=axes, mask=mask, vmin=-1, vmax=1, cmap="RdBu_r", annot=True, fmt=".2f", square=True)
    axes.set_title("Correlation of two-class attributes over persons")
    figure.tight_layout()
    return figure


def weights_before_after(table: pd.DataFrame, before: str, after: str) -> Figure:
    """Class weights before and after as a pair of points a class; `table` comes from `balance.weights_table`."""
    figure, axes = _pairs_by_class(table[before], table[after], (before, after))
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set(
        xscale="log",
        xlabel="weight (1: as frequent as in a balanced task)",
        title="Class weights before and after the weighted sampler",
    )
    figure.tight_layout()
    return figure


def shares_before_after(before: Tensor, after: Tensor, labels: tuple[str, str]) -> Figure:
    """Class shares before and after, both `(41,)` fractions, as a pair of points a class."""
    figure, axes = _pairs_by_class(100 * before, 100 * after, labels)
    axes.set(
        xlabel="share of the images, %",
        xlim=(-2, 102),
        title="Class shares before and after the weighted sampler",
    )
    figure.tight_layout()
    return figure


def coverage(table: pd.DataFrame, most: int = 41) -> Figure:
    """How many seeds gave how many classes; `table` has a column a way to split (`split.compare_coverage`)."""
    figure, axes = plt.subplots(figsize=(8, 3.2))
    bins = np.arange(table.to_numpy().min(), most + 2) - 0.5
    for column, color in zip(table, (BLUE, GRAY), strict=False):
        axes.hist(table[column], bins, alpha=0.7, color=color, label=f"{column}: {table[column].mean():.1f} on average")
    axes.set(xlabel=f"classes of {most} in the validation part", ylabel="seeds", title="Class coverage of the split")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure


def _pairs_by_class(before, after, labels: tuple[str, str]):
    figure, axes = plt.subplots(figsize=(8, 9))
    places = np.arange(len(before))
    axes.hlines(places, before, after, color=GRAY, linewidth=1.5)
    axes.plot(before, places, "o", color=GRAY, label=labels[0])
    axes.plot(after, places, "o", color=BLUE, label=labels[1])
    axes.set(yticks=places, yticklabels=class_names(), ylim=(len(places) - 0.5, -0.5))
    axes.tick_params(labelsize=8)
    axes.legend()
    return figure, axes


def training_curves(history: pd.DataFrame) -> Figure:
    """Losses, validation scores and the weights that the multi-task wrapper learned; a row of `history` is an epoch."""
    scores = {
        "attributes/average/acc": ("accuracy", GREEN),
        "attributes/average/macc": ("mean class accuracy", BLUE),
        "reid/mAP": ("mAP", ORANGE),
        "reid/rank1": ("rank-1", RED),
    }
    scores = {column: label for column, label in scores.items() if column in history}
    losses = [c for c in ("loss/attributes", "loss/pid", "loss/triplet") if c in history]
    weights = [c for c in ("weight/attributes", "weight/pid", "weight/triplet") if c in history]
    figure, panels = plt.subplots(1, 3 if len(weights) > 1 else 2, figsize=(13 if len(weights) > 1 else 9, 3.6))
    for column, color in zip(losses, (BLUE, ORANGE, GREEN), strict=False):
        panels[0].plot(history["epoch"], history[column], color=color, label=column.removeprefix("loss/"))
    panels[0].set(title="Training losses", xlabel="epoch", ylabel="loss")
    if len(losses) > 1:  # of very different size
        panels[0].set_yscale("log")
    panels[0].legend()
    for column, (label, color) in scores.items():
        panels[1].plot(history["epoch"], history[column], color=color, label=label)
    best = history.loc[history["score"].idxmax(), "epoch"]
    panels[1].axvline(best, color="black", linewidth=0.8, linestyle="--", label="best epoch")
    panels[1].set(title="Validation scores", xlabel="epoch", ylim=(0, 1))
    panels[1].legend(fontsize=8)
    if len(weights) > 1:
        for column, color in zip(weights, (BLUE, ORANGE, GREEN), strict=False):
            panels[2].plot(history["epoch"], history[column], color=color, label=column.removeprefix("weight/"))
        panels[2].set(title="Learned loss weights", xlabel="epoch")
        panels[2].legend()
    for axes in panels:
        axes.xaxis.get_major_locator().set_params(integer=True)
    figure.tight_layout()
    return figure


def overfitting(runs: dict[str, pd.DataFrame]) -> Figure:
    """Loss and accuracy of networks that learn one batch by heart: name -> what `training.overfit` gave."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
    for (name, rows), colour in zip(runs.items(), (BLUE, ORANGE, GREEN, RED), strict=False):
        left.plot(rows.index + 1, rows["loss"], color=colour, label=name)
        right.plot(rows.index + 1, 100 * rows["accuracy"], color=colour, label=name)
    left.set(xlabel="step", ylabel="loss", title="Loss on one batch")
    right.set(xlabel="step", ylabel="percent", title="Attributes right, same batch", ylim=(0, 102))
    right.legend()
    figure.tight_layout()
    return figure


def ablations(runs: pd.DataFrame, base: str) -> Figure:
    """mAP and mAcc of every variant: a small dot a seed, a large one their mean, a line where the base's mean is.

    `runs` as `ablations.results_table` makes it; one colour a group.
    """
    variants = list(dict.fromkeys(runs["Variant"]))
    groups = list(dict.fromkeys(runs["Group"]))
    palette = dict(zip(groups, sns.color_palette("colorblind", len(groups)), strict=True))
    colours = {row["Variant"]: palette[row["Group"]] for _, row in runs.iterrows()}
    figure, panels = plt.subplots(1, 2, figsize=(12, 1.2 + 0.3 * len(variants)), sharey=True)
    for axes, score in zip(panels, ("mAP", "mAcc"), strict=True):
        for place, variant in enumerate(variants):
            values = runs.loc[runs["Variant"] == variant, score].dropna()
            axes.plot(values, [place] * len(values), ".", color=colours[variant], alpha=0.6, markersize=6)
            axes.plot(values.mean(), place, "o", color=colours[variant], markersize=9)
        axes.axvline(runs.loc[runs["Variant"] == base, score].mean(), color="black", linestyle="--", linewidth=1)
        axes.set(title=f"{score}, percent", yticks=range(len(variants)))
    panels[0].set_yticklabels(variants, fontsize=9)
    panels[0].set_ylim(len(variants) - 0.5, -0.5)
    figure.tight_layout()
    return figure


def cost(means: pd.DataFrame) -> Figure:
    """What an epoch costs and what it brings: seconds against mAP, one dot a network of `means`, its area the parameters."""
    figure, axes = plt.subplots(figsize=(10, 4))
    for colour, (_, row) in zip(sns.color_palette("husl", len(means)), means.iterrows(), strict=True):
        label = f"{row['Variant'].split(' (')[0]}, {row['Parameters (M)']:.1f} M"
        axes.scatter(
            row["Seconds an epoch"], row["mAP"], s=20 + 8 * row["Parameters (M)"], color=colour, label=label, alpha=0.8
        )
    axes.set(xlabel="seconds an epoch", ylabel="mAP, percent", title="Cost and gain", xlim=(0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    figure.tight_layout()
    return figure


def attribute_bars(table: pd.DataFrame, column: str = "mAcc") -> Figure:
    """Ours beside the report's figure, a pair of bars a task; `table` comes from `report.attribute_table`."""
    figure, axes = plt.subplots(figsize=(10, 3.6))
    places = np.arange(len(table))
    axes.bar(places - 0.2, table[column], 0.4, color=BLUE, label="this run")
    axes.bar(places + 0.2, table[f"{column} (report)"], 0.4, color=GRAY, label="the report (Market-1501)")
    axes.set(xticks=places, ylabel=f"{column}, %", ylim=(0, 105), title=f"{column} by task")
    axes.set_xticklabels(table["Task"], rotation=30, ha="right")
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure


def architecture(backbone: str, shape: tuple[int, int, int], embedding: int, pids: int) -> Figure:
    """The final architecture as boxes and arrows (report, Figure 2).

    `shape` is the feature map's (channels, height, width), `embedding` and `pids` the sizes of the other two outputs.
    """
    figure, axes = plt.subplots(figsize=(11, 5.2))
    axes.set(xlim=(-0.15, 11.05), ylim=(0, 5.2))
    axes.set_axis_off()

    def box(x, y, width, height, text, color):
        axes.add_patch(
            FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0.05", facecolor=color, edgecolor="black")
        )
        axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=9)

    def arrow(start, end):
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.2})

    channels, height, width = shape
    box(0.0, 2.0, 1.1, 1.2, "image\n3 × 128 × 64", "white")
    box(1.7, 2.0, 1.7, 1.2, f"shared backbone\n{backbone}\n(ImageNet)", "#cfe3f3")
    box(4.0, 2.0, 1.5, 1.2, f"feature map\n{channels} × {height} × {width}", "#e8f1f8")
    arrow((1.15, 2.6), (1.62, 2.6))
    arrow((3.45, 2.6), (3.92, 2.6))
    box(6.2, 3.45, 2.6, 1.1, "12 heads, each:\n2-D convolution, average,\nlinear, linear", "#fbe6c4")
    box(9.4, 3.45, 1.5, 1.1, "attributes\n41 logits\nfocal losses", "white")
    box(6.2, 0.65, 2.6, 1.1, f"average pooling:\nembedding, {embedding}", "#d5efe6")
    box(9.4, 1.35, 1.5, 0.9, f"PID classifier\n{pids} logits\ncross-entropy", "white")
    box(9.4, 0.1, 1.5, 0.9, "triplet loss;\ncosine ranking", "white")
    arrow((5.55, 2.75), (6.12, 3.85))
    arrow((5.55, 2.45), (6.12, 1.35))
    arrow((8.88, 4.0), (9.32, 4.0))
    arrow((8.88, 1.3), (9.32, 1.75))
    arrow((8.88, 1.1), (9.32, 0.6))
    axes.text(5.5, 5.0, "JointConvNet: one network, attributes and re-identification", ha="center", fontsize=11)
    return figure


def retrieval_grid(
    query_images: Sequence[Tensor],
    gallery_images: Sequence[Sequence[Tensor]],
    similarities: Sequence[Sequence[float]],
    correct: Sequence[Sequence[bool | None]] | None = None,
    query_titles: Sequence[str] = (),
) -> Figure:
    """One row a query: the query, then its ranked images with their cosine similarity.

    `correct` frames each in green (same person), red (another) or gray (None: left out of the score); without it no frame.
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
    """Cosine similarities of pairs of the same person and of different persons, each as a density, with the threshold."""
    figure, axes = plt.subplots(figsize=(8, 3.4))
    bins = np.linspace(min(same.min(), different.min()), 1, 61)
    axes.hist(different, bins, density=True, alpha=0.6, color=GRAY, label="different persons")
    axes.hist(same, bins, density=True, alpha=0.6, color=GREEN, label="same person")
    axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:g}")
    axes.set(xlabel="cosine similarity", ylabel="density", title="Similarity of validation pairs")
    axes.legend()
    figure.tight_layout()
    return figure


def precision_recall(scores: pd.DataFrame, chosen: dict[str, float]) -> Figure:
    """Precision against recall, and both with F1 against the threshold; `chosen` is name -> threshold, drawn in.

    `scores` as `thresholds.precision_recall` gives them.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    left.plot(scores["recall"], scores["precision"], color=BLUE)
    left.set(
        xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02), title="Images returned for all queries"
    )
    for column, colour in (("precision", BLUE), ("recall", GREEN), ("f1", ORANGE)):
        right.plot(scores["threshold"], scores[column], color=colour, label=column.replace("f1", "F1"))
    for (name, threshold), style in zip(chosen.items(), ("-", "--", "-.", ":", (0, (1, 4))), strict=False):
        nearest = scores.iloc[(scores["threshold"] - threshold).abs().argmin()]
        left.plot(nearest["recall"], nearest["precision"], "o", color="black")
        left.annotate(
            name, (nearest["recall"], nearest["precision"]), xytext=(6, 4), textcoords="offset points", fontsize=8
        )
        right.axvline(threshold, color="black", linewidth=1, linestyle=style, label=f"{name} {threshold:.2f}")
    right.set(xlabel="smallest similarity", title="What a threshold decides", ylim=(0, 1.02))
    right.legend(fontsize=8)
    figure.tight_layout()
    return figure


def reliability(tables: dict[str, pd.DataFrame]) -> Figure:
    """Accuracy against confidence, one line a frame of `calibration.reliability`; the diagonal is what it should be."""
    figure, axes = plt.subplots(figsize=(4.6, 4.2))
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle="--", linewidth=1)
    for (name, table), colour in zip(tables.items(), (ORANGE, BLUE, GREEN), strict=False):
        axes.plot(table["confidence"], table["accuracy"], "o-", color=colour, label=name)
    axes.set(
        xlabel="how sure the network is", ylabel="how often it is right", title="Attributes", xlim=(0, 1), ylim=(0, 1)
    )
    axes.legend()
    figure.tight_layout()
    return figure


def confusion_matrices(confusions: dict[str, np.ndarray]) -> Figure:
    """Row-normalised confusion matrices, one a task: `(C, C)` counts, rows are the true classes."""
    columns = min(4, len(confusions))
    rows = -(-len(confusions) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(3.6 * columns, 3.3 * rows), squeeze=False)
    for axes in grid.flat[len(confusions) :]:
        axes.set_axis_off()
    for axes, (task, confusion) in zip(grid.flat, confusions.items(), strict=False):
        totals = confusion.sum(1, keepdims=True)
        shares = np.divide(confusion, totals, out=np.zeros(confusion.shape), where=totals > 0)
        small = len(shares) > 4
        sns.heatmap(
            shares, ax=axes, vmin=0, vmax=1, cmap="Blues", cbar=False, square=True, annot=True,
            fmt=".1f" if small else ".2f", annot_kws={"size": 6 if small else 9},
            xticklabels=TASKS[task], yticklabels=TASKS[task],
        )  # fmt: skip
        axes.set(title=task, xlabel="predicted", ylabel="true")
        axes.tick_params(labelsize=7)
    figure.tight_layout()
    return figure


def as_png(image: Tensor, height: int = 160) -> bytes:
    """One uint8 image `(3, H, W)` as PNG bytes, enlarged to `height` pixels, for a widget."""
    from io import BytesIO

    from PIL import Image

    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().to(torch.uint8).cpu().numpy())
    picture = picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
