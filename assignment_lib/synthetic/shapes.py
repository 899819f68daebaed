"""The shapes of the drawn figure: points, rounded bodies as chains of nodes, and their outlines."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: A place on the sheet, (x, y).
Point = tuple[float, float]
#: A place in the body, (x, y, z): across the shoulders, up, forward.
Place = tuple[float, float, float]
#: A place on the sheet with the radius of the body there, (x, y, radius).
Node = tuple[float, float, float]


def along(nodes: Sequence[Node], share: float) -> Node:
    """The node at a share 0..1 of the way along the chain, each piece of it counted alike."""
    place = min(max(share, 0.0), 1.0) * (len(nodes) - 1)
    index = min(int(place), len(nodes) - 2)
    return toward(nodes[index], nodes[index + 1], place - index)


def toward(start: Place, end: Place, share: float) -> Place:
    """The place a share of the way from `start` to `end`; above 1 it lies beyond."""
    return (
        start[0] + (end[0] - start[0]) * share,
        start[1] + (end[1] - start[1]) * share,
        start[2] + (end[2] - start[2]) * share,
    )


def normals(nodes: Sequence[Node]) -> list[Point]:
    """The unit vector across the chain at each of its nodes."""
    across = []
    for index in range(len(nodes)):
        before, after = nodes[max(index - 1, 0)], nodes[min(index + 1, len(nodes) - 1)]
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = math.hypot(dx, dy) or 1.0
        across.append((dy / length, -dx / length))
    return across


def outline(
    nodes: Sequence[Node], across: Sequence[Point], share: float, shift: float, light: float, margin: float = 0.0
) -> list[Point]:
    """The edge of a chain, `share` of its radius wide and `margin` wider, moved towards the light by `shift` radii."""
    left, right = [], []
    for (x, y, radius), (nx, ny) in zip(nodes, across, strict=True):
        move = shift * radius * (nx * light - 0.35 * ny)
        reach = radius * share + margin
        left.append((x + nx * (move - reach), y + ny * (move - reach)))
        right.append((x + nx * (move + reach), y + ny * (move + reach)))
    return left + right[::-1]


def visible_span(angle: float, half: float, edge: float) -> tuple[float, float] | None:
    """The angles within `half` of `angle` that face the camera, up to `edge` on both sides; None where none does."""
    turned = (angle + math.pi) % (2 * math.pi) - math.pi
    low, high = max(turned - half, -edge), min(turned + half, edge)
    return (low, high) if low < high else None
