"""Sizes and orders of the course's columns, and the conversion between annotations and targets."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data import attributes
from assignment_lib.data.attributes import ANNOTATION_COLUMNS, CLASSIFICATION_COLUMNS, TASKS

targets = st.lists(
    st.tuples(*[st.integers(0, len(classes) - 1) for classes in TASKS.values()]), min_size=1, max_size=20
)


def test_sizes_and_slices_of_the_course():
    assert attributes.N_CLASSES == 41 == len(attributes.class_names())
    assert (len(TASKS), len(ANNOTATION_COLUMNS), len(CLASSIFICATION_COLUMNS)) == (12, 27, 29)
    slices = attributes.class_slices()
    assert (slices["age"], slices["clothes"], slices["downcolor"]) == (slice(0, 4), slice(10, 12), slice(31, 41))


@settings(max_examples=30, deadline=None)
@given(targets)
def test_targets_survive_the_way_to_annotations_and_back(rows):
    frame = pd.DataFrame(np.array(rows), columns=list(TASKS))
    annotations = attributes.to_annotations(frame)
    pd.testing.assert_frame_equal(attributes.to_targets(annotations), frame, check_dtype=False)
    # without the multicolor columns "no colour said yes" must mean multicolor
    pd.testing.assert_frame_equal(attributes.to_targets(annotations[ANNOTATION_COLUMNS]), frame, check_dtype=False)


def test_one_person_by_hand():
    row = dict.fromkeys(ANNOTATION_COLUMNS, 1) | {"age": 3, "hat": 2, "upwhite": 2}
    target = attributes.to_targets(pd.DataFrame([row])).iloc[0]
    assert target["age"] == 2 and target["hat"] == 1 and target["gender"] == 0
    assert TASKS["upcolor"][target["upcolor"]] == "white"
    assert TASKS["downcolor"][target["downcolor"]] == "multicolor"


@pytest.mark.parametrize(
    ("column", "value"), [("age", 5), ("hat", 0), ("upred", 3), ("gender", float("nan")), ("up", "x")]
)
def test_unknown_values_are_refused(column, value):
    frame = pd.DataFrame([dict.fromkeys(ANNOTATION_COLUMNS, 1)]).astype({column: object})
    frame.loc[0, column] = value
    with pytest.raises(ValueError, match="have a value outside 1 to"):
        attributes.to_targets(frame)
    with pytest.raises(ValueError, match="hat has a target outside"):
        attributes.to_annotations(pd.DataFrame([dict.fromkeys(TASKS, 0) | {"hat": 2}]))
