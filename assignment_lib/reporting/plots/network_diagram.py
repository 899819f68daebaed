"""The architecture as a drawing (report, Figure 2)."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch


def architecture(backbone: str, shape: tuple[int, int, int], embedding: int, pids: int) -> Figure:
    """Draw the final architecture, JointConvNet, as boxes and arrows (report, Figure 2).

    `shape` is the feature map's (channels, height, width), `embedding` and `pids` the sizes of the other two outputs.
    """
    figure, axes = plt.subplots(figsize=(11, 5.2))
    axes.set(xlim=(-0.15, 11.05), ylim=(0, 5.2))
    axes.set_axis_off()

    def box(x: float, y: float, width: float, height: float, text: str, color: str) -> None:
        axes.add_patch(
            FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0.05", facecolor=color, edgecolor="black")
        )
        axes.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=9)

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
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
