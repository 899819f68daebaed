import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.reporting.plots.labels import label_points


def boxes(axes):
    return np.array([text.get_window_extent().extents for text in axes.texts])


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
@settings(max_examples=10, deadline=None)
def test_names_cover_neither_each_other_nor_a_point(points):
    figure, axes = plt.subplots(figsize=(8, 8))
    x, y = zip(*points, strict=True)
    axes.set(xlim=(-0.3, 1.3), ylim=(-0.3, 1.3))
    label_points(axes, x, y, [f"name {place}" for place in range(len(x))])
    assert {text.get_text() for text in axes.texts} == {f"name {place}" for place in range(len(x))}
    found = boxes(axes)
    for place, box in enumerate(found):
        for other in found[place + 1 :]:
            assert not ((box[:2] < other[2:]).all() and (other[:2] < box[2:]).all())
        pixels = axes.transData.transform(np.array(points))
        assert not ((pixels > box[:2]) & (pixels < box[2:])).all(1).any()
    plt.close(figure)


def test_a_name_stays_inside_and_keeps_the_limits():
    _, axes = plt.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    label_points(axes, [1.0], [1.0], ["at the corner"])
    frame, (box,) = axes.get_window_extent(), boxes(axes)
    assert box[2] <= frame.x1 and box[3] <= frame.y1
    assert axes.get_xlim() == (0, 1) and axes.get_ylim() == (0, 1)


def test_where_no_place_is_free_the_name_is_written_all_the_same():
    _, axes = plt.subplots(figsize=(0.5, 0.5))
    label_points(axes, [0.5], [0.5], ["a very long name for a small picture"])
    assert [text.get_text() for text in axes.texts] == ["a very long name for a small picture"]
    assert axes.texts[0].get_position() == pytest.approx((7, 0))
