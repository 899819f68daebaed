"""The query-retrieval widget of notebook 05: a thin skin over a ranking and the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
    answers: Mapping[str, Sequence[Tensor]] | None = None,
) -> widgets.VBox:
    """Build a widget to choose a query, move the threshold and see which images pass it.

    `ranking` as `retrieval.rank` or `retrieval.answers` gives it for these images (uint8 `(Q, 3, H, W)` and
    `(G, 3, H, W)`); `threshold` is the cosine similarity to begin with, `most` the largest number of images to show;
    `describe(i)` is a line of text about the i-th query, for example its predicted attributes. `answers`, name -> gallery
    positions of each query, best first, as they are handed in (the list, the set), can be looked at instead of what a
    threshold gives. Uses only widgets that ipywidgets 7 and 8 share.
    """
    choice = widgets.Dropdown(options=[(name, i) for i, name in enumerate(query_files)], description="Query")
    depth = widgets.IntSlider(value=min(5, most), min=1, max=most, description="Images")
    limit = widgets.FloatSlider(
        value=threshold, min=0.0, max=1.0, step=0.01, description="Threshold", continuous_update=False
    )
    kind = widgets.Dropdown(options=["threshold", *(answers or {})], description="Answer")
    picture = _image(query_images[0])
    sentence = widgets.HTML()
    results = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))

    def above(index: int) -> tuple[list[int], str]:
        passes = ranking.similarity[index] >= limit.value
        passed = int(passes.sum())
        at_least = "at least " if passed == len(passes) < len(gallery_files) else ""
        words = f"{at_least}{passed} of {len(gallery_files)} images reach the threshold {limit.value:.2f}"
        return ranking.order[index][passes].tolist(), words

    def handed_in(index: int) -> tuple[list[int], str]:
        found = (answers or {})[kind.value][index].tolist()
        return found, f"the {kind.value} that is handed in holds {len(found)} of {len(gallery_files)} images"

    def card(position: int, similarity: float) -> widgets.VBox:
        words = widgets.HTML(f"{gallery_files[position]}<br>similarity {similarity:.3f}")
        return widgets.VBox([_image(gallery_images[position]), words])

    def show(_: object = None) -> None:
        index = choice.value
        picture.value = as_png(query_images[index])
        found, words = above(index) if kind.value == "threshold" else handed_in(index)
        found = found[: depth.value]
        about = describe(index) if describe else ""
        sentence.value = f"<b>{query_files[index]}</b>: {words}; the first {len(found)} are shown.<br>{about}"
        alike = dict(zip(ranking.order[index].tolist(), ranking.similarity[index].tolist(), strict=True))
        limit.disabled = kind.value != "threshold"
        results.children = [card(position, alike.get(position, float("nan"))) for position in found]

    for control in (choice, kind, depth, limit):
        control.observe(show, "value")
    show()
    box = widgets.VBox(
        [widgets.HBox([choice, kind, depth, limit] if answers else [choice, depth, limit]), sentence, picture, results]
    )
    box.add_class("query-retrieval")
    return box


def _image(image: Tensor, height: int = 160) -> widgets.Image:
    # both sides are fixed: a box stretches an image whose width is open
    width = round(height * image.shape[2] / image.shape[1])
    layout = widgets.Layout(width=f"{width}px", height=f"{height}px", flex="0 0 auto")
    return widgets.Image(value=as_png(image, height), format="png", layout=layout)
