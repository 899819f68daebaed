"""Colours, style and saving of all figures."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

from assignment_lib import files

#: One colour per meaning in every figure. The palettes of Okabe and Ito (2008) and Tol (2021, red) suit colour-blind readers.
BLUE, ORANGE, GREEN, RED, GRAY = "#0072B2", "#E69F00", "#009E73", "#CC3311", "#999999"
#: The same for lines and points without a fixed meaning, in order of use.
COLORS = (BLUE, ORANGE, GREEN, RED, "#CC79A7", "#56B4E9", "black")


def style() -> None:
    """Set the style of all figures; call it once at the top of a notebook."""
    sns.set_theme(style="whitegrid", context="notebook", rc={"figure.dpi": 72, "axes.titlesize": "medium"})


def save_figure(figure: Figure, name: str, folder: Path) -> Figure:
    """Write `figure` as `name.png` into `folder`; returns it for display in a cell."""
    content = io.BytesIO()
    # without the metadata the same figure is the same file, whatever the matplotlib version
    figure.savefig(content, format="png", dpi=90, bbox_inches="tight", metadata={"Software": None})
    with files.atomic_write(folder / f"{name}.png") as file:
        file.write(content.getvalue())
    plt.close(figure)  # the cell shows the returned figure once, not twice
    return figure
