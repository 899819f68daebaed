"""Images before and after a translation, and how the two networks of a translation got on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.reporting.plots.pictures import show_image
from assignment_lib.reporting.plots.theme import BLUE, GREEN, ORANGE, RED
from assignment_lib.reporting.plots.training import draw_lines, whole_numbers

#: What each loss is where nothing is learned, or where the two networks are equally good: 1/8, and 1/4 for both halves.
_EVEN = {"loss/deceived": 0.125, "loss/discriminator": 0.25}


def translation_sheet(rows: Mapping[str, Tensor], title: str = "", columns: Sequence[str] = ()) -> Figure:
    """Draw named rows of images `(N, 3, H, W)`, one below the other: what stands in one column belongs together.

    `columns` are titles of the columns. Raises `ValueError` where the rows are not equally long.
    """
    counts = {len(images) for images in rows.values()}
    if len(counts) != 1:
        raise ValueError(f"rows of {', '.join(map(str, sorted(counts)))} images do not stand below each other")
    (count,) = counts
    figure, grid = plt.subplots(
        len(rows), count, figsize=(0.9 * count + 1.6, 1.72 * len(rows) + 0.5), squeeze=False, layout="constrained"
    )
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    for place, (line, (name, images)) in enumerate(zip(grid, rows.items(), strict=True)):
        for number, (axes, image) in enumerate(zip(line, images, strict=True)):
            show_image(axes, image, title=columns[number] if columns and place == 0 else "")
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle(title, fontsize=11)
    return figure


def translation_curves(history: pd.DataFrame) -> Figure:
    """Draw the named losses of a translator's `history` (`translator.train`), an epoch each.

    On the left generator against discriminator, with what each has where they are equally good (dotted); on the right the
    contrast of places.
    """
    figure, (game, places) = plt.subplots(1, 2, figsize=(9.5, 3.4), layout="constrained")
    epochs = int(history["epoch"].iloc[-1])
    for axes, lines in (
        (game, {"loss/deceived": ("generator", BLUE), "loss/discriminator": ("discriminator", RED)}),
        (places, {"loss/content": ("repainted", GREEN), "loss/kept": ("of the camera already", ORANGE)}),
    ):
        draw_lines(axes, history, lines, 1.0)
        for name in lines.keys() & _EVEN.keys():
            axes.axhline(_EVEN[name], color=lines[name][1], linestyle=":", linewidth=1)
        axes.set(xlabel="epoch", xlim=(0.8, 1.5 + 1.35 * (epochs - 1)), xticks=whole_numbers(epochs))
    game.set_title("Least squares of the two (dotted: neither is ahead)", fontsize=10)
    places.set_title("Contrast of places: does each stay what it was?", fontsize=10)
    ahead = "discriminator" if history["loss/discriminator"].iloc[-1] < _EVEN["loss/discriminator"] else "generator"
    figure.suptitle(f"In the last epoch the {ahead} is ahead", fontsize=12)
    return figure
