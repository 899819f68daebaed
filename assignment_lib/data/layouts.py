"""Find which layout a folder has, also where the data set lies one folder deep in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from assignment_lib.data.annotations import ANNOTATIONS_FILE
from assignment_lib.data.folders import child, image_names, is_clutter, subfolders
from assignment_lib.data.messages import few

#: Layout -> its parts; the first is the one that it cannot do without.
LAYOUTS = {
    "course": ("train", "test", "queries", ANNOTATIONS_FILE),
    "market1501": ("bounding_box_train", "bounding_box_test", "query"),
}
_EXPECTED = (
    f"expected train/, test/, queries/ and {ANNOTATIONS_FILE}, or bounding_box_train/, bounding_box_test/ and query/, "
    "or images named like 0002_c1s1_000451_03.jpg"
)


def find_layout(folder: Path) -> tuple[Path, str]:
    """The folder that holds the data set, `folder` itself or one inside, and its layout.

    The layout is "course", "market1501" or "plain".
    Raises `FileNotFoundError` (no data set, or its training images are missing) or `ValueError` (several data sets),
    with one sentence that says what was expected.
    """
    inside = subfolders(folder)
    for places in ([folder], inside):
        complete = [(place, layout) for place in places if (layout := _layout_of(place))]
        if len(complete) > 1:
            names = few(place.name for place, _ in complete)
            raise ValueError(f"{folder} holds several data sets ({names}); give the folder of one of them")
        if complete:
            return complete[0]
    _refuse_without_train([folder, *inside])
    plain = [folder] if image_names(folder) else [place for place in inside if image_names(place)]
    if len(plain) == 1:
        return plain[0], "plain"
    if plain:
        names = few(place.name for place in plain)
        raise ValueError(f"{folder} has several folders of images ({names}) under unknown names; {_EXPECTED}")
    found = sorted(entry.name for entry in folder.iterdir() if not is_clutter(entry.name))
    if not found:
        raise FileNotFoundError(f"{folder} is empty; {_EXPECTED}")
    raise FileNotFoundError(f"{folder} holds no data set, only {few(found)}; {_EXPECTED}")


def _layout_of(place: Path) -> str | None:
    """The layout whose training images `place` has, or None."""
    train = child(place, "train")
    if train and child(place, ANNOTATIONS_FILE):
        return "course"
    if child(place, "bounding_box_train"):
        return "market1501"
    if not train:
        return None
    if child(place, "test") or child(place, "queries"):
        raise FileNotFoundError(
            f"{place / ANNOTATIONS_FILE} is missing; put it beside train/, or give {train} itself "
            "to train re-ID without attributes"
        )
    return "plain"


def _refuse_without_train(places: Iterable[Path]) -> None:
    """Say what is missing where only the other parts of a layout are there."""
    for place in places:
        for train, *others in LAYOUTS.values():
            present = [part for part in others if child(place, part)]
            if present:
                raise FileNotFoundError(f"{place} has {', '.join(present)} but no folder {train}/; add it")
