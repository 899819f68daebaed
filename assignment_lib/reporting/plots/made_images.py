"""Images that are made of images: the seven transforms, and what stands beside people."""

from __future__ import annotations

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from assignment_lib.batches.augment import augment
from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, only
from assignment_lib.reporting.plots.pictures import show_image
from assignment_lib.reporting.plots.theme import BLUE, ORANGE
from assignment_lib.retrieval.junk import background_crops


def transforms_sheet(image: Tensor, settings: Augmentation | None = None, draws: int = 4, seed: int = 0) -> Figure:
    """Draw what each of the seven transforms makes of one `image` `(3, H, W)`, uint8, and all together: `draws` times each.

    A column shows a transform alone and certain; below its name stands how often it is drawn in training (`settings`,
    the default `Augmentation()` where None). The last column is what training sees.
    """
    settings = settings or Augmentation()
    generator = torch.Generator().manual_seed(seed)
    copies = image[None].expand(draws, -1, -1, -1).contiguous()
    columns = {"original": copies}
    columns |= {name: augment(copies, only(name, settings), generator) for name in TRANSFORMS}
    columns["all seven"] = augment(copies, settings, generator)
    figure, grid = plt.subplots(
        draws, len(columns), figsize=(len(columns) * 1.18, draws * 2.15 + 0.9), squeeze=False, layout="constrained"
    )
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.01)
    for column, (name, pictures) in zip(grid.T, columns.items(), strict=True):
        for row, axes in enumerate(column):
            if name == "original" and row:
                axes.set_axis_off()
                continue
            show_image(axes, pictures[row], {"original": "black", "all seven": BLUE}.get(name))
        column[0].set_title(_caption(name, settings), fontsize=8.5, pad=4)
    figure.suptitle(
        f"One image, {len(TRANSFORMS)} transforms, {draws} draws each: what may change and still be the same person",
        fontsize=12,
    )
    return figure


def _caption(name: str, settings: Augmentation) -> str:
    if name in ("original", "all seven"):
        return f"{name}\n{'' if name == 'original' else 'as in training'}"
    return f"{name.replace('_', ' ')}\n{100 * getattr(settings, name):.0f} % of images"


def background_sheet(images: Tensor, share: float = 0.2) -> Figure:
    """Draw `images` `(N, 3, H, W)`, uint8, with their margins marked, and below the background made of each margin.

    `share` is that of `retrieval.junk.background_crops`, whose images are the ones below.
    """
    crops = background_crops(images, share)
    left, right = crops[: len(images)], crops[len(images) :]
    height, width = images.shape[2:]
    margin = max(1, round(share * width))
    figure, grid = plt.subplots(
        3, len(images), figsize=(len(images) * 0.98 + 0.9, 6.5), squeeze=False, layout="constrained"
    )
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    for column, axes in enumerate(grid.T):
        show_image(axes[0], images[column])
        for start, color in ((0, BLUE), (width - margin, ORANGE)):
            box = Rectangle(
                (start - 0.5, -0.5), margin, height, fill=False, edgecolor=color, linewidth=2, linestyle="--"
            )
            axes[0].add_patch(box)
        show_image(axes[1], left[column], BLUE)
        show_image(axes[2], right[column], ORANGE)
    for axes, text in zip(
        grid[:, 0],
        ("a person,\nthe margins marked", "left margin,\nrepeated in mirror", "right margin,\nrepeated in mirror"),
        strict=True,
    ):
        axes.set_ylabel(text, fontsize=9)
    figure.suptitle(
        f"Images without a person, for nothing: the outer {100 * share:.0f} % of the width, mirrored until it is full",
        fontsize=11,
    )
    return figure
