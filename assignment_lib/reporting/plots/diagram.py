"""The architecture as boxes and arrows (report, Figure 2)."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.training.recipes import Recipe

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
