"""Images side by side: sheets, identities, transforms, heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, augment, only
from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.reporting.plots.theme import BLUE, GRAY, ORANGE

DISTRACTOR_ID = 0


def person_name(pid: int) -> str:
    """The label of an image: "person 7", "junk", "distractor", or "unknown"."""
    special = {JUNK_ID: "junk", DISTRACTOR_ID: "distractor"}
    return special.get(pid) or (f"person {pid}" if pid > 0 else "unknown")


def show_image(axes: Axes, image: Tensor, border: str | None = None, title: str = "") -> None:
    """Draw one image `(3, H, W)`, uint8 or float in [0, 1], without ticks; `border` is the colour of its frame."""
    axes.set_axis_on()
    axes.imshow(image.permute(1, 2, 0).cpu().numpy())
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for side in axes.spines.values():
        side.set(visible=border is not None, edgecolor=border, linewidth=3)
    if title:
        axes.set_title(title, fontsize=8, pad=3)


def image_grid(rows: int, columns: int, width: float, height: float, title: str = "") -> tuple[Figure, np.ndarray]:
    """A figure of `rows` x `columns` axes, each `width` x `height` inches, invisible until `show_image`; and the axes."""
    figsize = (columns * width + 0.3, rows * height + 0.2 + 0.25 * (title.count("\n") + bool(title)))
    figure, grid = plt.subplots(rows, columns, figsize=figsize, squeeze=False)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.03, wspace=0.02, hspace=0.02)
    figure.suptitle(title, fontsize=11)
    for axes in grid.flat:
        axes.set_axis_off()
    return figure, grid


def image_sheet(
    images: Sequence[Tensor], titles: Sequence[str] = (), columns: int = 10, title: str = "", pids: Sequence[int] = ()
) -> Figure:
    """Draw images `(3, H, W)` side by side, `columns` per row, with `titles` above them.

    With `pids` each image has its person's name below; junk (id -1) has a gray frame, distractors (0) an orange one.
    """
    lines = [line for text in titles for line in text.split("\n")]
    width = max(0.98, 0.072 * max(map(len, lines), default=0))  # room for letters of 8 points
    height = 1.85 + 0.17 * max((text.count("\n") + 1 for text in titles), default=0) + 0.25 * (len(pids) > 0)
    figure, grid = image_grid(-(-len(images) // columns), columns, width, height, title)
    frames = {JUNK_ID: GRAY, DISTRACTOR_ID: ORANGE}
    for position, (axes, image) in enumerate(zip(grid.flat, images, strict=False)):
        frame = frames.get(int(pids[position])) if len(pids) else None
        show_image(axes, image, frame, titles[position] if len(titles) else "")
        if len(pids):
            axes.set_xlabel(person_name(int(pids[position])), fontsize=8, labelpad=2)
    return figure


def identity_sheet(images: Tensor, table: pd.DataFrame, pids: Sequence[int], most: int = 10) -> Figure:
    """Draw one row of at most `most` images for each identity of `pids`, ordered by camera.

    `images` `(N, 3, H, W)` belong to the rows of `table`, whose index is 0, 1, ..., N - 1.
    """
    figure, grid = image_grid(len(pids), most, 0.98, 2.02)
    for pid, row in zip(pids, grid, strict=True):
        person = table[table["pid"] == pid].sort_values(["camera", "file"])
        # of more images than fit, take some from all cameras
        shown = person.iloc[np.linspace(0, len(person) - 1, min(most, len(person))).astype(int)]
        for axes, (index, camera) in zip(row, shown["camera"].items(), strict=False):
            show_image(axes, images[index], title=f"camera {camera}" if camera >= 0 else "")
        row[0].set_ylabel(f"person {pid}\n{len(person)} images", fontsize=9)
    return figure


def image_rows(rows: Mapping[str, Tensor], title: str) -> Figure:
    """Draw named rows of images `(N, 3, H, W)` below each other; images of one column belong together.

    Raises `ValueError` if the rows differ in length.
    """
    figure, grid = image_grid(len(rows), len(next(iter(rows.values()))), 0.98, 1.75, title)
    for axes_row, (name, images) in zip(grid, rows.items(), strict=True):
        for axes, image in zip(axes_row, images, strict=True):
            show_image(axes, image)
        axes_row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    return figure


def transforms_sheet(images: Tensor) -> Figure:
    """Draw each of the seven transforms alone, and all together, four times each, on one image.

    Of `images` uint8 `(N, 3, H, W)` the least symmetric is taken, so that the flip is visible. A transform alone is applied
    to every draw; below its name is its probability in training. The last column is the input of training.
    """
    settings, draws = Augmentation(), 4
    asymmetry = (images.float() - images.float().flip(3)).abs().mean((1, 2, 3))
    generator = torch.Generator().manual_seed(0)
    copies = images[asymmetry.argmax()][None].expand(draws, -1, -1, -1).contiguous()
    columns = {"original": copies[:1]}
    columns |= {name: augment(copies, only(name, settings), generator) for name in TRANSFORMS}
    columns["all seven"] = augment(copies, settings, generator)
    captions = {name: f"{100 * getattr(settings, name):.0f} % of images" for name in TRANSFORMS}
    captions |= {"original": "", "all seven": "in training"}
    figure, grid = image_grid(draws, len(columns), 1.18, 2.15, "The seven transforms")
    for column, (name, augmented) in zip(grid.T, columns.items(), strict=True):
        for axes, image in zip(column, augmented, strict=False):
            show_image(axes, image, {"original": "black", "all seven": BLUE}.get(name))
        column[0].set_title(f"{name.replace('_', ' ')}\n{captions[name]}", fontsize=8.5, pad=4)
    return figure


def heat_map_sheet(images: Sequence[Tensor], maps: Tensor, titles: Sequence[str], title: str) -> Figure:
    """Draw each of `images` `(3, H, W)`, uint8, and below it the same image under its heat map, eight per row.

    `maps` `(N, h, w)` are those of `explanations.grad_cam`, in [0, 1], or of `explanations.match_map`, where red supports
    the match and blue opposes it; all share one scale. They are interpolated bilinearly to the image size.
    """
    values = maps.float().cpu()
    signed = bool((values < 0).any() or (values > 1).any())
    highest = max(float(values.abs().max()), 1e-9) if signed else 1.0
    norm = Normalize(-highest if signed else 0, highest)
    colors = plt.get_cmap("RdBu_r" if signed else "inferno")
    columns = min(8, len(images))
    figure, grid = image_grid(2 * -(-len(images) // columns), columns, 1.2, 2.1, title)
    for position, image in enumerate(images):
        above, below = grid[2 * (position // columns) :, position % columns][:2]
        show_image(above, image, title=titles[position])
        show_image(below, image.float().mean(0, keepdim=True).expand(3, -1, -1) / 255)
        smooth = F.interpolate(values[position][None, None], image.shape[1:], mode="bilinear", align_corners=False)
        below.imshow(smooth[0, 0].numpy(), cmap=colors, norm=norm, alpha=0.55)
    bar = figure.colorbar(ScalarMappable(norm, colors), ax=grid, shrink=0.6, aspect=30)
    bar.set_label("contribution: against ... for the match" if signed else "share of the maximum", fontsize=9)
    return figure
