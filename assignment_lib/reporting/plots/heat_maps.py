"""Where a network looks: maps of the size of a feature map over the images that they explain."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.reporting.plots.pictures import show_image


def heat_map_sheet(
    images: Sequence[Tensor],
    maps: Tensor,
    titles: Sequence[str] = (),
    columns: int = 8,
    title: str = "",
    meaning: str = "",
) -> Figure:
    """Draw each of `images` `(3, H, W)`, uint8, and below it the same under its map.

    `maps` `(N, h, w)` are those of `explanations.grad_cam`, between 0 and 1, or of `explanations.match_map`, in which red
    places speak for and blue ones against; these share one scale. A map is as coarse as the feature map is. `meaning` stands
    beside the scale.
    """
    values = maps.float().cpu().numpy()
    signed = bool((values < 0).any()) or values.max(initial=0) > 1
    highest = max(float(np.abs(values).max(initial=0)), 1e-9) if signed else 1.0
    norm = Normalize(-highest if signed else 0, highest)
    colours = plt.get_cmap("RdBu_r" if signed else "inferno")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure, grid = plt.subplots(
        2 * rows, columns, figsize=(columns * 1.08 + 1.2, rows * 4.3 + 0.4), squeeze=False, layout="constrained"
    )
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.01)
    for position in range(rows * columns):
        above, below = (grid[2 * (position // columns) + part, position % columns] for part in (0, 1))
        if position >= len(images):
            above.set_axis_off()
            below.set_axis_off()
            continue
        image = images[position]
        height, width = image.shape[1:]
        show_image(above, image, title=titles[position] if len(titles) else "")
        show_image(below, image.float().mean(0, keepdim=True).expand(3, -1, -1) / 255)
        below.imshow(
            values[position], cmap=colours, norm=norm, alpha=0.55, interpolation="bilinear",
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
        )  # fmt: skip
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=grid, shrink=0.6, aspect=30)
    bar.set_label(meaning or ("against … for" if signed else "share of the strongest place"), fontsize=9)
    bar.ax.tick_params(labelsize=8)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure
