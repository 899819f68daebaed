"""Images side by side, and one image as the bytes of a PNG file."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor


def show_image(axes: Axes, image: Tensor, border: str | None = None, title: str = "") -> None:
    """Draw one image `(3, H, W)`, uint8 or float in [0, 1], without axes, in a coloured frame where `border` is given."""
    axes.imshow(image.permute(1, 2, 0).cpu().numpy())
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for side in axes.spines.values():
        side.set(visible=border is not None, edgecolor=border, linewidth=3)
    if title:
        axes.set_title(title, fontsize=8, pad=3)


def image_sheet(images: Sequence[Tensor], titles: Sequence[str] = (), columns: int = 10, title: str = "") -> Figure:
    """Draw images `(3, H, W)` side by side, `columns` per row, each under its title where `titles` are given."""
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
    """Draw one row of at most `most` images for each identity of `pids`, ordered by camera.

    `images` `(N, 3, H, W)` belong to the rows of `table`, whose index is 0, 1, …, N - 1.
    """
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


def as_png(image: Tensor, height: int = 160) -> bytes:
    """Encode one uint8 image `(3, H, W)` as PNG, resized to `height` pixels, for a widget."""
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().to(torch.uint8).cpu().numpy())
    picture = picture.resize((round(picture.width * height / picture.height), height), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
