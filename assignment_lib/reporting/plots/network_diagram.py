"""The architecture as a drawing (report, Figure 2)."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.training.recipes import Recipe

_SHARED, _MAP, _HEADS, _EMBEDDING, _OUT = "#cfe3f3", "#e8f1f8", "#fbe6c4", "#d5efe6", "white"


def architecture(
    backbone: str, shape: tuple[int, int, int], embedding: int, pids: int, recipe: Recipe | None = None
) -> Figure:
    """Draw the final architecture, JointConvNet, as boxes and arrows (report, Figure 2).

    `shape` is the feature map's (channels, height, width), `embedding` and `pids` the sizes of the other two outputs.
    `recipe` says the rest: image size, kind and width of the heads, pooling, neck, losses; without it the drawing is
    silent about them. What is dashed is dropped after training.
    """
    figure, axes = plt.subplots(figsize=(11, 5.4))
    axes.set(xlim=(0, 11), ylim=(0, 5.4))
    axes.set_axis_off()
    figure.subplots_adjust(0.005, 0.005, 0.995, 0.995)
    _box(axes, 0.1, 2.2, 1.3, 1.2, _image(recipe), _OUT)
    frozen = ""
    if recipe is not None and recipe.model.frozen_stages >= 0:
        frozen = f"\nstem and {recipe.model.frozen_stages} stages frozen"
    weights = ""
    if recipe is not None:
        weights = "ImageNet weights" if recipe.model.pretrained else "from scratch"
    name = backbone.replace("_", "\n", 1) if len(backbone) > 20 else backbone
    _box(axes, 1.8, 2.2, 1.9, 1.2, f"shared backbone\n{name}\n{weights}{frozen}".rstrip(), _SHARED)
    _box(axes, 4.1, 2.2, 1.4, 1.2, "feature map\n" + " × ".join(f"{size:,}" for size in shape), _MAP)
    _box(axes, 6.0, 3.5, 2.75, 1.25, _heads(recipe, shape[0]), _HEADS)
    _box(axes, 9.15, 3.5, 1.75, 1.25, f"attributes\n{N_CLASSES} logits, {len(TASKS)} tasks", _OUT)
    neck = recipe is not None and recipe.model.neck == "bn"
    pooled = {"mean": "average pooling", "gem": "generalized-mean pooling"}
    pooling = "pooling" if recipe is None else pooled[recipe.model.pooling]
    below = "\n+ batch norm (BNNeck)" if neck else ""
    extra = embedding - shape[0]
    joined = f"\n+ {extra} attribute probabilities" if extra > 0 else ""
    _box(axes, 6.0, 1.1, 2.75, 1.25, f"{pooling}{joined}{below}\nembedding of {embedding:,}", _EMBEDDING)
    _box(axes, 9.15, 1.85, 1.75, 0.75, f"PID classifier\n{pids:,} logits", _OUT, dropped=True)
    _box(axes, 9.15, 0.85, 1.75, 0.6, "cosine ranking", _OUT)
    for start, end in (
        ((1.45, 2.8), (1.75, 2.8)), ((3.75, 2.8), (4.05, 2.8)), ((5.55, 2.95), (5.95, 4.0)), ((5.55, 2.65), (5.95, 1.8)),
        ((8.8, 4.12), (9.1, 4.12)), ((8.8, 1.9), (9.1, 2.2)), ((8.8, 1.5), (9.1, 1.2)),
    ):  # fmt: skip
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 1.2})
    axes.text(0.1, 5.2, _finding(backbone, pids, recipe), fontsize=12, va="center")
    axes.text(0.1, 0.3, "dashed: only its gradient is wanted; it is dropped after training", fontsize=9, style="italic")
    if recipe is not None:
        axes.text(10.9, 0.3, _losses(recipe), fontsize=9, style="italic", ha="right")
    return figure


def _box(
    axes: Axes, x: float, y: float, width: float, height: float, text: str, color: str, dropped: bool = False
) -> None:
    """A box whose text is made smaller until it is inside."""
    axes.add_patch(
        FancyBboxPatch(
            (x + 0.05, y + 0.05), width - 0.1, height - 0.1, boxstyle="round,pad=0.05", facecolor=color,
            edgecolor="black", linestyle="--" if dropped else "-",
        )
    )  # fmt: skip
    label = axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", linespacing=1.25)
    for size in (10.0, 9.5, 9.0, 8.5, 8.0, 7.5, 7.0, 6.5, 6.0):
        label.set_fontsize(size)
        extent = label.get_window_extent().transformed(axes.transData.inverted())
        if extent.width <= width - 0.08 and extent.height <= height - 0.08:
            break


def _image(recipe: Recipe | None) -> str:
    return "image\nRGB" if recipe is None else "image\n3 × {} × {}".format(*recipe.data.image_size)


def _heads(recipe: Recipe | None, channels: int) -> str:
    if recipe is None:
        return f"{len(TASKS)} attribute heads"
    width = recipe.model.head_hidden
    return {
        "conv": f"{len(TASKS)} heads, each:\n1×1 convolution to {width}, average,\nlinear {width}, linear",
        "fc": f"{len(TASKS)} heads, each:\naverage, linear {width}, linear",
        "attention": f"{len(TASKS)} heads, each:\n1×1 convolution to {width},\nself-attention, average, linear",
        "parts": (
            f"one head for {len(TASKS)} tasks:\nmean and maximum (2 × {channels:,}),\nstripes of {width} each, linear"
        ),
    }[recipe.model.head]


def _losses(recipe: Recipe) -> str:
    of = recipe.objective
    losses = []
    if of.attribute_losses:
        losses.append(f"focal (γ = {of.gamma:g}) on attributes" if of.gamma else "cross-entropy on attributes")
    losses += ["cross-entropy on PIDs"] if of.pid_loss else []
    losses += [f"{of.identity_loss} loss on embeddings"] if of.identity_loss != "none" else []
    return "losses: " + ", ".join(losses)


def _finding(backbone: str, pids: int, recipe: Recipe | None) -> str:
    name = "JointNet" if recipe is not None and recipe.model.head == "fc" else "JointConvNet"
    return f"{name}: one {backbone} answers {len(TASKS)} attribute questions and re-identifies people it never saw"
