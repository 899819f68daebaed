"""Figures of networks and trainings: the architecture; losses, scores and loss weights per epoch; ablations."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator

from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.reporting.plots.theme import BLUE, COLORS, GRAY, GREEN, RED
from assignment_lib.reporting.tables import paired_differences, paired_intervals
from assignment_lib.training.ablations import ROWS, STRONG_ROWS
from assignment_lib.training.recipes import Recipe

_PARTS = ("attributes", "pid", "triplet")
_LOSSES, _REID, _ATTRIBUTES, _WEIGHTS = "Training losses", "Re-identification", "Attributes", "Learned loss weights"
#: Title of a panel -> columns of the history and their labels.
_PANELS = {
    _LOSSES: {f"loss/{part}": part for part in _PARTS},
    _REID: {"reid/mAP": "mAP", "reid/rank1": "rank-1"},
    _ATTRIBUTES: {"attributes/average/macc": "mAcc", "attributes/average/acc": "Acc"},
    _WEIGHTS: {f"weight/{part}": part for part in _PARTS},
}
_VERDICTS = {"better": GREEN, "worse": RED, "not decided": GRAY}
#: Variants without pretrained weights differ by tens of points, so they have panels with another scale.
_FROM_SCRATCH = {
    row.name for row in (*ROWS, *STRONG_ROWS) if row.network == "baseline" or row.changes.get("pretrained") is False
}


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw losses, validation scores in percent and, if they were learned, the loss weights of a training.

    `history` has one row per epoch, as `loop.fit` returns it; columns that it lacks are omitted. A dashed line marks the
    epoch with the best validation score, whose network is kept; later epochs are shaded.
    """
    panels = {title: {name: lines[name] for name in lines if name in history} for title, lines in _PANELS.items()}
    if not any(history[name].nunique() > 1 for name in panels[_WEIGHTS]):
        panels[_WEIGHTS] = {}
    panels = {title: lines for title, lines in panels.items() if lines}
    scores = [name for title in (_REID, _ATTRIBUTES) for name in panels.get(title, {})]
    figure = curves(history.assign(**{name: 100 * history[name] for name in scores}), panels)
    kept, last = int(history["epoch"][history["score"].idxmax()]), int(history["epoch"].max())
    for axes, (title, lines) in zip(figure.axes, panels.items(), strict=True):
        axes.axvline(kept, color="black", linewidth=1, linestyle="--", label="kept epoch")
        if last > kept:
            axes.axvspan(kept, last, color=GRAY, alpha=0.18, linewidth=0, label="later epochs")
        if title in (_REID, _ATTRIBUTES):
            axes.set_ylabel("validation, percent")
        if title == _WEIGHTS:
            axes.set_ylabel("weight")
        if title == _LOSSES and len(lines) > 1:
            axes.set_yscale("log")
        axes.legend(fontsize=8)
    return figure


def curves(history: pd.DataFrame, panels: Mapping[str, Mapping[str, str]]) -> Figure:
    """Draw losses, columns of `history`, against its column `epoch`; `panels` maps titles to columns and their labels."""
    columns = len(panels) if len(panels) < 4 else 2
    rows = -(-len(panels) // columns)
    figure = plt.figure(figsize=(5.2 * columns, 3.6 * rows), layout="constrained")
    for number, (title, lines) in enumerate(panels.items(), 1):
        axes = figure.add_subplot(rows, columns, number)
        for (column, label), color in zip(lines.items(), COLORS, strict=False):
            axes.plot(history["epoch"], history[column], color=color, label=label, marker=".", markersize=4)
        axes.set(title=title, xlabel="epoch", ylabel="loss")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8)
    return figure


def overfitting(runs: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw loss and accuracy per step of networks that overfit one batch; `runs` maps names to results of `overfit`."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for (name, rows), color in zip(runs.items(), COLORS, strict=False):
        left.plot(rows.index + 1, rows["loss"], color=color, label=name)
        right.plot(rows.index + 1, 100 * rows["accuracy"], color=color, label=name)
    left.set(xlabel="step", ylabel="loss", title="Loss on one batch")
    right.set(xlabel="step", ylabel="percent", title="Attribute accuracy on the same batch", ylim=(0, 102))
    right.legend(loc="lower right")
    return figure


def ablations(runs: pd.DataFrame, base: str) -> Figure:
    """Draw the difference of each variant from `base` in mAP and mAcc, with its paired 95 % interval.

    `runs` are those of `tables.results_table`, in percent. A stroke is a seed, the dot their mean
    (`tables.paired_intervals`). Gray is not decided: the interval contains zero, or there is one seed. An interval that
    exceeds the panel ends in an arrow. Networks from scratch have panels with another scale.
    Raises `ValueError` if `runs` has no variant `base`, or nothing else.
    """
    variants = set(runs["Variant"])
    if base not in variants or len(variants) == 1:
        raise ValueError(
            f"the runs have the variants {sorted(variants)}; pass runs of {base!r} and of at least one other"
        )
    runs = runs.assign(Group=runs["Group"].where(runs["Variant"] != base, "base"))
    intervals = paired_intervals(runs)
    scratch = intervals["Variant"].isin(_FROM_SCRATCH)
    parts = [part for part in (intervals[~scratch], intervals[scratch]) if len(part)]
    lines = [len(part) + part["Group"].nunique() for part in parts]
    figure = plt.figure(figsize=(11, 1.9 + 0.27 * sum(lines) + 0.5 * len(parts)), layout="constrained")
    grid = figure.subplots(len(parts), 2, squeeze=False, height_ratios=lines)
    for part, row in zip(parts, grid, strict=True):
        for score, axes in zip(("mAP", "mAcc"), row, strict=True):
            _draw_differences(axes, part, runs, base, score)
            kind = "networks from scratch" if set(part["Variant"]) <= _FROM_SCRATCH else "one setting changed"
            level = runs.loc[runs["Variant"] == base, score].mean()
            axes.set_title(f"{score}, {kind}", fontsize=11)
            axes.set_xlabel(f"{score} minus the base's {level:.1f} %, percentage points", fontsize=10)
        row[1].set_yticklabels([])
    marks = [Line2D([], [], color=color, marker="o", label=verdict) for verdict, color in _VERDICTS.items()]
    marks += [Line2D([], [], color="black", marker="|", linestyle="", label="one seed")]
    figure.legend(handles=marks, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    figure.suptitle(f"Differences from “{base}”, with 95 % intervals")
    return figure


def _draw_differences(axes: Axes, part: pd.DataFrame, runs: pd.DataFrame, base: str, score: str) -> None:
    """One panel of `ablations`: a line per variant, below the name of its group."""
    reference = runs[runs["Variant"] == base].set_index("Seed")
    differences = {
        variant: paired_differences(seeds, reference, score) for variant, seeds in runs.groupby(["Group", "Variant"])
    }
    points = [0.0, *pd.concat([differences[row.Group, row.Variant] for row in part.itertuples()])]
    margin = 0.35 * (max(points) - min(points)) + 0.5  # intervals of two seeds are wider than any panel
    left, right = min(points) - margin, max(points) + margin
    names: list[str] = []
    for group, variants in part.groupby("Group", sort=False):
        names.append(str(group))
        for _, row in variants.iterrows():
            position, verdict = len(names), row[f"{score} verdict"]
            names.append(row["Variant"])
            color, text = _VERDICTS.get(verdict, GRAY), "no such score"
            if verdict:
                low, high = row[f"{score} low"], row[f"{score} high"]
                axes.hlines(position, max(low, left), min(high, right), color=color, linewidth=2.2)
                for clipped, end, marker in ((low < left, left, "<"), (high > right, right, ">")):
                    if clipped:
                        axes.plot(end, position, marker, color=color, markersize=8, clip_on=False)
                seeds = differences[group, row["Variant"]]
                axes.plot(seeds, [position] * len(seeds), "|", color="black", markersize=7, alpha=0.6, zorder=4)
                axes.plot(row[f"{score} - base"], position, "o", color=color, markersize=8)
                text = f"{row[f'{score} - base']:+.1f}"
            where = axes.get_yaxis_transform()
            axes.text(1.03, position, text, transform=where, color=color, va="center", fontsize=8)
    axes.set(xlim=(left, right), ylim=(len(names) - 0.4, -0.6))
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.axvline(0, color="black", linewidth=1)
    for label in axes.get_yticklabels():
        if label.get_text() in set(part["Group"]):
            label.set(weight="bold", color=BLUE)
    axes.grid(axis="y", visible=False)


#: Of `architecture`: the colours of the boxes, and the ends of the arrows.
_SHARED, _MAP, _HEADS, _EMBEDDING, _OUTPUT = "#cfe3f3", "#e8f1f8", "#fbe6c4", "#d5efe6", "white"
_ARROWS = (
    ((1.45, 2.8), (1.75, 2.8)), ((3.75, 2.8), (4.05, 2.8)), ((5.55, 2.95), (5.95, 4.0)), ((5.55, 2.65), (5.95, 1.8)),
    ((8.8, 4.12), (9.1, 4.12)), ((8.8, 1.9), (9.1, 2.2)), ((8.8, 1.5), (9.1, 1.2)),
)  # fmt: skip


def architecture(recipe: Recipe, shape: tuple[int, int, int], embedding_size: int, n_pids: int) -> Figure:
    """Draw the network of `recipe`: JointConvNet, or JointNet with fully connected heads.

    `shape` is (channels, height, width) of the feature map; `embedding_size` and `n_pids` are the other output sizes.
    """
    model = recipe.model
    figure, axes = plt.subplots(figsize=(11, 5.4))
    axes.set(xlim=(0, 11), ylim=(0, 5.4))
    axes.set_axis_off()
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.995)
    name = "JointNet" if model.head == "fc" else "JointConvNet"
    backbone = model.backbone.replace("_", "\n", 1) if len(model.backbone) > 20 else model.backbone
    weights = "ImageNet weights" if model.pretrained else "from scratch"
    frozen = f"\nstem and {model.frozen_stages} stages frozen" if model.frozen_stages >= 0 else ""
    extra = embedding_size - shape[0]
    probabilities = f"\n+ {extra} attribute probabilities" if extra > 0 else ""
    neck = "\n+ batch norm (BNNeck)" if model.neck == "bn" else ""
    embedding = f"average pooling{probabilities}{neck}\nembedding of {embedding_size:,}"
    _box(axes, (0.1, 2.2), (1.3, 1.2), "image\n3 × {} × {}".format(*recipe.data.image_size), _OUTPUT)
    _box(axes, (1.8, 2.2), (1.9, 1.2), f"shared backbone\n{backbone}\n{weights}{frozen}", _SHARED)
    _box(axes, (4.1, 2.2), (1.4, 1.2), "feature map\n" + " × ".join(f"{size:,}" for size in shape), _MAP)
    _box(axes, (6.0, 3.5), (2.75, 1.25), _heads(model.head, model.head_hidden, shape[0]), _HEADS)
    _box(axes, (9.15, 3.5), (1.75, 1.25), f"attributes\n{N_CLASSES} logits, {len(TASKS)} tasks", _OUTPUT)
    _box(axes, (6.0, 1.1), (2.75, 1.25), embedding, _EMBEDDING)
    _box(axes, (9.15, 1.85), (1.75, 0.75), f"PID classifier\n{n_pids:,} logits", _OUTPUT, dashed=True)
    _box(axes, (9.15, 0.85), (1.75, 0.6), "cosine ranking", _OUTPUT)
    for start, end in _ARROWS:
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.2})
    axes.text(0.1, 5.2, f"{name} with {model.backbone}", fontsize=12, va="center")
    axes.text(0.1, 0.3, "dashed: used in training only", fontsize=9, style="italic")
    axes.text(10.9, 0.3, f"losses: {', '.join(_losses(recipe))}", fontsize=9, style="italic", ha="right")
    return figure


def _box(
    axes: Axes, corner: tuple[float, float], size: tuple[float, float], text: str, color: str, dashed: bool = False
) -> None:
    """Draw a box with text, whose letters are made smaller until it fits."""
    (x, y), (width, height) = corner, size
    style, line = "round,pad=0.05", "--" if dashed else "-"
    position = (x + 0.05, y + 0.05)
    patch = FancyBboxPatch(position, width - 0.1, height - 0.1, style, fc=color, ec="black", linestyle=line)
    axes.add_patch(patch)
    label = axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", linespacing=1.25)
    for points in (10.0, 9.5, 9.0, 8.5, 8.0, 7.5, 7.0, 6.5, 6.0):
        label.set_fontsize(points)
        extent = label.get_window_extent().transformed(axes.transData.inverted())
        if extent.width <= width - 0.08 and extent.height <= height - 0.08:
            break


def _heads(head: str, width: int, channels: int) -> str:
    each = f"{len(TASKS)} heads, each:\n"
    return {
        "conv": f"{each}1×1 convolution to {width}, average,\nlinear {width}, linear",
        "fc": f"{each}average, linear {width}, linear",
        "attention": f"{each}1×1 convolution to {width},\nself-attention, average, linear",
        "parts": f"one head for {len(TASKS)} tasks:\nmean and maximum (2 × {channels:,}),\nstripes of {width} each, linear",
    }[head]


def _losses(recipe: Recipe) -> list[str]:
    objective, losses = recipe.objective, []
    if objective.attribute_losses:
        losses.append(
            f"focal (γ = {objective.gamma:g}) on attributes" if objective.gamma else "cross-entropy on attributes"
        )
    losses += ["cross-entropy on PIDs"] if objective.pid_loss else []
    losses += [f"{objective.identity_loss} loss on embeddings"] if objective.identity_loss != "none" else []
    return losses
