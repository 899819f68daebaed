"""Odd annotations are counted and named."""

import pandas as pd

from assignment_lib.data.attributes import ANNOTATION_COLUMNS
from assignment_lib.data.annotations import odd_annotations


def test_odd_annotations_are_counted_and_named():
    plain = dict.fromkeys(ANNOTATION_COLUMNS, 1) | {"age": 2, "clothes": 2, "upred": 2, "downblue": 2}
    frame = pd.DataFrame(
        [
            plain,
            plain | {"upblack": 2},  # two upper colours
            plain | {"downblue": 1, "gender": 1, "clothes": 1},  # no lower colour; a man in a dress
            plain | {"backpack": 2, "bag": 2, "handbag": 2},
        ],
        index=[5, 7, 9, 11],
    )
    odd = odd_annotations(frame).set_index("oddity")
    assert odd["people"].to_dict() == {
        "several upper-body colours": 1,
        "no upper-body colour (multicolor)": 0,
        "several lower-body colours": 0,
        "no lower-body colour (multicolor)": 1,
        "male in a dress": 1,
        "backpack, bag and handbag at once": 1,
    }
    assert odd.loc["several upper-body colours", "examples"] == "7"
    frame["upmulticolor"] = [2, 1, 1, 1]
    odd = odd_annotations(frame).set_index("oddity")
    assert odd.loc["upmulticolor beside a colour", "examples"] == "5"
