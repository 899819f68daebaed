"""Names beside points that cover neither each other nor another point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

#: Directions from a point, in the order in which they are tried: right, left, above, below, and the corners.
_DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
#: Distances from a point's edge, in points: beside it without a line, further away with one.
_FURTHER = (3, 14, 28, 44, 62, 82, 106)
#: Behind the letters, so that lines do not cross them.
_WHITE = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}


def label_points(
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    texts: Sequence[str],
    size: float = 8,
    radius: float | Sequence[float] = 4,
    avoid: np.ndarray | None = None,
) -> None:
    """Write `texts` beside the points (`x`, `y`) of `axes`, whose limits and place in the figure must stand already.

    Each text takes the first free place of those around its point, the nearest first; a thin line leads to one that is
    further away. The most crowded points choose first. Where no place is free, a text takes the nearest one. `size` is that
    of the letters, `radius` that of the points, in points, one or one each; `avoid` `(M, 2)` are small points besides, which
    no text is to cover.
    """
    renderer = cast(FigureCanvasAgg, axes.figure.canvas).get_renderer()
    points = np.asarray(axes.transData.transform(np.column_stack([x, y])))
    pixels = axes.figure.dpi / 72
    radii = np.broadcast_to(radius, len(points)).astype(float)
    taken = np.column_stack([points - radii[:, None] * pixels, points + radii[:, None] * pixels])
    if avoid is not None:
        others = np.asarray(axes.transData.transform(avoid))
        taken = np.concatenate([taken, np.column_stack([others - 2 * pixels, others + 2 * pixels])])
    nearness = np.linalg.norm(points[:, None] - points[None], axis=2)
    for place in np.argsort(np.sort(nearness, axis=1)[:, :3].sum(1), kind="stable").tolist():
        label = axes.annotate(
            texts[place], (x[place], y[place]), (0, 0), textcoords="offset points", fontsize=size, bbox=_WHITE
        )
        far = _move(label, radii[place], taken, axes.get_window_extent(renderer), renderer)
        box = np.asarray(label.get_window_extent(renderer).extents)
        taken = np.concatenate([taken, box[None]])
        if far:
            end = np.asarray(axes.transData.inverted().transform(np.clip(points[place], box[:2], box[2:])))
            line = [x[place], end[0]], [y[place], end[1]]
            axes.plot(*line, color="#999999", linewidth=0.6, zorder=1, scalex=False, scaley=False)


def _move(label: Annotation, radius: float, taken: np.ndarray, frame: Bbox, renderer: RendererBase) -> bool:
    """Put `label` where it is inside `frame` and covers none of `taken` `(N, 4)`; whether that is some way off."""
    for further in _FURTHER:
        for across, up in _DIRECTIONS:
            label.set(
                position=((radius + further) * across, (radius + further) * up),
                ha=("right", "center", "left")[across + 1],
                va=("top", "center", "bottom")[up + 1],
            )
            box = np.asarray(label.get_window_extent(renderer).extents)
            inside = (box[:2] >= frame.p0).all() and (box[2:] <= frame.p1).all()
            # boxes (left, bottom, right, top) share a place where each begins before the other ends, both ways
            if inside and not ((box[:2] < taken[:, 2:]) & (taken[:, :2] < box[2:])).all(1).any():
                return further > _FURTHER[0]
    label.set(position=(radius + _FURTHER[0], 0), ha="left", va="center")
    return False
