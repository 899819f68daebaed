"""What all figures share: the colours, the look, and the way to a file."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

#: One colour per meaning, in every figure (the colour-blind safe palette of Okabe and Ito, 2008).
BLUE, ORANGE, GREEN, RED, GRAY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#999999"


def style() -> None:
    """Set the look of all figures: call once at the top of a notebook."""
    sns.set_theme(style="whitegrid", context="notebook", rc={"figure.dpi": 72, "axes.titlesize": "medium"})


def save_figure(figure: Figure, name: str, folder: Path) -> Figure:
    """Write `figure` as `name.png` into `folder`, which is made if need be; returns it, so that a cell can show it."""
    folder.mkdir(parents=True, exist_ok=True)
    # without the metadata the same picture is the same file, whatever the matplotlib version
    figure.savefig(folder / f"{name}.png", dpi=90, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)  # the cell shows the returned figure once, not twice
    return figure
