"""Where images lie on a map of their embeddings, coloured by what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting.plots.labels import label_points

#: Colours that can be told apart; more labels than these are drawn for the most frequent ones only.
_MOST = 10
_REST = "#CCCCCC"


def embedding_map(
    places: np.ndarray, labels: Mapping[str, np.ndarray], agreement: pd.DataFrame | None = None
) -> Figure:
    """Draw `places` `(N, 2)` of `embedding_map.tsne_map` once for each of `labels`, coloured by it.

    `labels` is name -> integers `(N,)`, negative where unknown: "person", "camera", or a task, whose classes are then named.
    The ten most frequent values have colours, the rest and the unknown are gray. `agreement`, of
    `embedding_map.neighbours_agree`, puts into the titles how often nearest images agree, and chance.
    """
    figure, grid = plt.subplots(
        1, len(labels), figsize=(min(11, 4.6 * len(labels)), 4.9), squeeze=False, layout="constrained"
    )
    agree: Mapping[Any, Any] = {} if agreement is None else agreement.set_index("Label").to_dict("index")
    for axes, (name, values) in zip(grid[0], labels.items(), strict=True):
        values = np.asarray(values)
        found, counts = np.unique(values[values >= 0], return_counts=True)
        order = np.sort(found[np.argsort(-counts, kind="stable")][:_MOST])
        rest = ~np.isin(values, order)
        axes.scatter(*places[rest].T, s=6, color=_REST, linewidth=0)
        colours = sns.color_palette("tab10", len(order))
        for value, colour in zip(order.tolist(), colours, strict=True):
            of = places[values == value]
            axes.scatter(*of.T, s=11, color=colour, linewidth=0, label=_name(name, value))
        axes.set(xticks=[], yticks=[], title=_title(name, agree.get(name), len(found)))
        axes.title.set_fontsize(10)
        if name != "person" and len(order):
            axes.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=min(len(order), 5), frameon=False, fontsize=8,
                markerscale=1.8, handletextpad=0.1, columnspacing=0.8,
            )  # fmt: skip
    figure.suptitle(f"t-SNE of {len(places):,} embeddings: near is alike, far distances mean nothing", fontsize=11)
    figure.canvas.draw()  # the layout decides where the points are
    for axes, (name, values) in zip(grid[0], labels.items(), strict=True):
        if name == "person":
            _label_people(axes, places, np.asarray(values))
    return figure


def _label_people(axes: Axes, places: np.ndarray, values: np.ndarray) -> None:
    found, counts = np.unique(values[values >= 0], return_counts=True)
    order: Sequence[int] = found[np.argsort(-counts, kind="stable")][:_MOST].tolist()
    centres = np.array([np.median(places[values == value], axis=0) for value in order]).reshape(-1, 2)
    label_points(axes, centres[:, 0].tolist(), centres[:, 1].tolist(), [str(value) for value in order], avoid=places)


def _name(label: str, value: int) -> str:
    return TASKS[label][value] if label in TASKS else str(value)


def _title(name: str, agree: Mapping[str, float] | None, different: int) -> str:
    text = f"{name} ({different} different)" if name == "person" else name
    if agree is None or np.isnan(agree["Agree, %"]):
        return text
    return f"{text}: the nearest image agrees\nin {agree['Agree, %']:.0f} %, chance {agree['Chance, %']:.0f} %"
