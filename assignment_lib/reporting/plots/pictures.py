"""Images side by side."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from assignment_lib.evaluation.protocol import JUNK_ID
from assignment_lib.reporting.plots.theme import GRAY, ORANGE

#: The id of images that show someone who is no query, or no one; junk, `JUNK_ID`, is a bad box.
DISTRACTOR = 0


def name_of(pid: int) -> str:
    """What is written at an image: "person 7", "junk", "distractor", "unknown" where nobody knows."""
    known = {JUNK_ID: "junk", DISTRACTOR: "distractor"}
    return known.get(pid) or (f"person {pid}" if pid > 0 else "unknown")


def show_image(axes: Axes, image: Tensor, border: str | None = None, title: str = "") -> None:
    """Draw one image `(3, H, W)`, uint8 or float in [0, 1], without axes, in a coloured frame where `border` is given."""
    axes.imshow(image.permute(1, 2, 0).cpu().numpy())
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for side in axes.spines.values():
        side.set(visible=border is not None, edgecolor=border, linewidth=3)
    if title:
        axes.set_title(title, fontsize=8, pad=3)


def image_sheet(
    images: Sequence[Tensor],
    titles: Sequence[str] = (),
    columns: int = 10,
    title: str = "",
    pids: Sequence[int] = (),
) -> Figure:
    """Draw images `(3, H, W)` side by side, `columns` per row, each under its title where `titles` are given.

    With `pids` each image says below who it is; junk (id -1) has a gray frame and distractors (0) an orange one.
    """
    rows = -(-len(images) // columns)
    lines = [line for text in titles for line in text.split("\n")]
    width = max(0.98, 0.072 * max(map(len, lines), default=0))  # of letters of 8 points
    height = 1.85 + 0.17 * max((text.count("\n") + 1 for text in titles), default=0) + 0.25 * (len(pids) > 0)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(columns * width, rows * height + 0.25 * title.count("\n") + 0.4 * bool(title)),
        squeeze=False,
        layout="constrained",
    )
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.03, wspace=0.02, hspace=0.02)
    for position, axes in enumerate(grid.flat):
        if position >= len(images):
            axes.set_axis_off()
            continue
        pid = int(pids[position]) if len(pids) else None
        frame = None if pid is None else {JUNK_ID: GRAY, DISTRACTOR: ORANGE}.get(pid)
        show_image(axes, images[position], frame, titles[position] if len(titles) else "")
        if pid is not None:
            axes.set_xlabel(name_of(pid), fontsize=8, labelpad=2, style="italic" if frame else "normal")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def identity_sheet(
    images: Tensor, table: pd.DataFrame, pids: Sequence[int], most: int = 10, title: str | None = None
) -> Figure:
    """Draw one row of at most `most` images for each identity of `pids`, ordered by camera.

    `images` `(N, 3, H, W)` belong to the rows of `table`, whose index is 0, 1, …, N - 1. Without a `title` it says how many
    images and cameras these people have.
    """
    figure, grid = plt.subplots(
        len(pids), most, figsize=(most * 0.98 + 0.3, len(pids) * 2.02 + 0.4), squeeze=False, layout="constrained"
    )
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.03, wspace=0.02, hspace=0.02)
    for pid, row in zip(pids, grid, strict=True):
        of_person = table[table["pid"] == pid].sort_values(["camera", "file"])
        count = len(of_person)
        # spread over the cameras where there are more images than places
        of_person = of_person.iloc[np.linspace(0, count - 1, min(most, count)).astype(int)]
        for axes in row:
            axes.set_axis_off()
        for axes, (index, camera) in zip(row, of_person["camera"].items(), strict=False):
            axes.set_axis_on()
            show_image(axes, images[index], title=f"camera {camera}" if camera >= 0 else "")
        row[0].set_ylabel(f"person {pid}\n{count} images", fontsize=9)
    if title is None:
        of_all = table[table["pid"].isin(list(pids))]
        cameras = of_all[of_all["camera"] >= 0].groupby("pid")["camera"].nunique()
        people = "1 person" if len(pids) == 1 else f"{len(pids)} people"
        title = f"{len(of_all):,} images of {people}"
        if len(cameras):
            title += f", each by {'' if cameras.nunique() == 1 else f'{cameras.min()} to '}{cameras.max()} cameras"
    figure.suptitle(title, fontsize=11)
    return figure
