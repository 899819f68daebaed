import numpy as np
import pytest

from assignment_lib.reporting.widget import asking
from assignment_lib.reporting.widget.asking import State

START = State("net", 0.5)


def test_queries_follow_each_other_in_a_circle():
    state = asking.stepped(START, 3, -1)
    assert (state.kind, state.index, state.query) == ("query", 2, 2)
    assert asking.stepped(state, 3, 1).index == 0


def test_after_another_question_the_queries_go_on_from_the_last():
    state = asking.with_words(asking.with_gallery(asking.with_query(START, 4), 17), "hat")
    assert (state.kind, state.words, state.query) == ("words", "hat", 4)
    assert asking.stepped(state, 9, 1).index == 5


@pytest.mark.parametrize("queries", [1, 2, 7])
def test_a_random_query_is_another_one(queries):
    rng = np.random.default_rng(0)
    drawn = {asking.at_random(START, queries, rng).index for _ in range(200)}
    assert drawn == ({0} if queries == 1 else set(range(1, queries)))


def test_the_hardest_one_after_the_other():
    hardest = np.array([5, 0, 2])
    state = asking.harder(asking.with_query(START, 7), hardest)
    found = [state.index]
    for _ in range(3):
        state = asking.harder(state, hardest)
        found.append(state.index)
    assert found == [5, 0, 2, 5]
    assert asking.harder(asking.with_gallery(state, 1), hardest).index == 5
    assert asking.harder(START, np.arange(0)) == START


def test_what_lists_others_begins_at_the_first_page_and_the_threshold_stays_on_it():
    state = asking.turned(asking.with_setting(START, compared=3), 100, 2)
    assert asking.with_setting(state, threshold=0.1) == asking.State("net", 0.1, page=2, compared=3)
    assert asking.with_setting(state, camera=2) == asking.State("net", 0.5, camera=2)


def test_pages_end():
    assert [asking.pages(images) for images in (0, 1, 20, 21)] == [1, 1, 1, 2]
    assert asking.turned(START, 41, 9).page == 2 and asking.turned(START, 41, -1).page == 0
