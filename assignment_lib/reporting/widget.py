"""The query-retrieval widget of notebook 05: a thin skin over a ranking and the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets as widgets
from torch import Tensor

from assignment_lib.reporting.plots.pictures import as_png
from assignment_lib.retrieval.ranking import Ranking


def query_retrieval(
    ranking: Ranking,
    query_images: Tensor,
    gallery_images: Tensor,
    query_files: Sequence[str],
    gallery_files: Sequence[str],
    threshold: float,
    describe: Callable[[int], str] | None = None,
    most: int = 10,
) -> widgets.VBox:
    """Build a widget to choose a query, move the threshold and see which images pass it.

    `ranking` as `retrieval.rank` or `retrieval.answers` gives it for these images (uint8 `(Q, 3, H, W)` and
    `(G, 3, H, W)`); `threshold` is the cosine similarity to begin with, `most` the largest number of images to show;
    `describe(i)` is a line of text about the i-th query, for example its predicted attributes. Uses only widgets that
    ipywidgets 7 and 8 share.
    """
    choice = widgets.Dropdown(options=[(name, i) for i, name in enumerate(query_files)], description="Query")
    depth = widgets.IntSlider(value=min(5, most), min=1, max=most, description="Images")
    limit = widgets.FloatSlider(
        value=threshold, min=0.0, max=1.0, step=0.01, description="Threshold", continuous_update=False
    )
    picture = _image(query_images[0])
    sentence = widgets.HTML()
    results = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))

    def card(position: int, similarity: float) -> widgets.VBox:
        words = widgets.HTML(f"{gallery_files[position]}<br>similarity {similarity:.3f}")
        return widgets.VBox([_image(gallery_images[position]), words])

    def show(_: object = None) -> None:
        index = choice.value
        picture.value = as_png(query_images[index])
        passes = ranking.similarity[index] >= limit.value
        passed = int(passes.sum())
        shown = min(passed, depth.value)
        at_least = "at least " if passed == len(passes) < len(gallery_files) else ""
        sentence.value = (
            f"<b>{query_files[index]}</b>: {at_least}{passed} of {len(gallery_files)} images reach the threshold "
            f"{limit.value:.2f}; the first {shown} are shown.<br>{describe(index) if describe else ''}"
        )
        order, similarity = (values[index][passes][:shown].tolist() for values in ranking)
        results.children = [card(position, value) for position, value in zip(order, similarity, strict=True)]

    for control in (choice, depth, limit):
        control.observe(show, "value")
    show()
    box = widgets.VBox([widgets.HBox([choice, depth, limit]), sentence, picture, results])
    box.add_class("query-retrieval")
    return box


def _image(image: Tensor, height: int = 160) -> widgets.Image:
    # both sides are fixed: a box stretches an image whose width is open
    width = round(height * image.shape[2] / image.shape[1])
    layout = widgets.Layout(width=f"{width}px", height=f"{height}px", flex="0 0 auto")
    return widgets.Image(value=as_png(image, height), format="png", layout=layout)
