import numpy as np
import pytest
from drawn_people import look

from assignment_lib.data.attributes import TASKS


@pytest.mark.parametrize("task", [task for task, classes in TASKS.items() if len(classes) == 2])
@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, np.pi])
def test_every_binary_attribute_shows_from_every_side(task, yaw):
    seen = []
    for value in (0, 1):
        colors, cover = look(yaw, **{task: value})
        seen.append(colors * cover + 120 * (1 - cover))
    changed = np.abs(seen[0] - seen[1]).max(2) > 25
    assert changed.sum() >= 40


def test_ages_differ_in_shape():
    heights, heads = [], []
    for age in range(4):
        cover = look(age=age)[1][..., 0] > 0.5
        rows = np.flatnonzero(cover.any(1))
        heights.append(len(rows))
        top = cover[rows[0] : rows[0] + len(rows) // 8].sum(1).max()
        heads.append(top / len(rows))
    assert heights[0] < 0.92 * min(heights[1], heights[2])
    assert heads[0] > 1.25 * max(heads[1], heads[2])


def test_a_child_an_adult_and_an_old_person_differ_from_a_teenager():
    teenager = look(age=1)[0]
    assert all((np.abs(look(age=age)[0] - teenager).max(2) > 25).sum() > 150 for age in (0, 2, 3))


def test_people_of_equal_attributes_are_not_equal():
    one, two = look(seed=1), look(seed=2)
    assert np.abs(one[0] - two[0]).mean() > 3
