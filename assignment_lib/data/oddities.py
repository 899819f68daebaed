"""Annotations that contradict each other or are unusual."""

from __future__ import annotations

import pandas as pd

from assignment_lib.data.attributes import COLOR_PREFIX, TASKS, color_columns, to_targets


def odd_annotations(annotations: pd.DataFrame) -> pd.DataFrame:
    """Count people whose annotations contradict each other or are unusual: columns `oddity`, `people`, `examples`.

    `annotations` is in annotation form, index `pid` (`Dataset.annotations`); `examples` names up to five ids. Nothing is
    corrected: `to_targets` takes the first of several colours, and "multicolor" for none.
    Raises `ValueError` as `to_targets` does.
    """
    targets = to_targets(annotations)
    found = {}
    for task, body in (("upcolor", "upper"), ("downcolor", "lower")):
        colors = (annotations[color_columns(task)] == 2).sum(axis=1)
        found[f"several {body}-body colours"] = colors > 1
        found[f"no {body}-body colour (multicolor)"] = colors == 0
        multicolor = f"{COLOR_PREFIX[task]}multicolor"
        if multicolor in annotations:
            found[f"{multicolor} beside a colour"] = (annotations[multicolor] == 2) & (colors > 0)
    dress, male = TASKS["clothes"].index("dress"), TASKS["gender"].index("male")
    found["male in a dress"] = (targets["clothes"] == dress) & (targets["gender"] == male)
    found["backpack, bag and handbag at once"] = (annotations[["backpack", "bag", "handbag"]] == 2).all(axis=1)
    rows = [
        {"oddity": oddity, "people": int(odd.sum()), "examples": ", ".join(map(str, annotations.index[odd][:5]))}
        for oddity, odd in found.items()
    ]
    return pd.DataFrame(rows)
