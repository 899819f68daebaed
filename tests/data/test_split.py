"""The split by identity: disjoint, complete, repeatable, and it covers the classes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data import split
from assignment_lib.data.attributes import TASKS


@settings(max_examples=40, deadline=None)
@given(identities=st.integers(10, 60), share=st.floats(0.1, 0.6), seed=st.integers(0, 10**6))
def test_disjoint_complete_of_the_right_size_and_repeatable(identities, share, seed):
    table = _table(identities, seed)
    train, validation = split.split_identities(table, share, seed)
    assert not set(train) & set(validation)
    assert set(train) | set(validation) == set(table["pid"])
    assert len(validation) == round(identities * share)
    again = split.split_identities(table, share, seed)
    assert np.array_equal(again[0], train) and np.array_equal(again[1], validation)


def test_covers_more_classes_than_a_random_split():
    compared = split.compare_coverage(_table(80, 1), 0.1, seeds=50)
    assert compared["heuristic"].mean() > compared["blind draw"].mean() + 1
    assert compared.loc[2, "heuristic"] == split.class_coverage(split.split_table(_table(80, 1), 0.1, seed=2)[1])


def test_rows_of_an_identity_stay_together_with_and_without_attributes(make_table):
    for table in (make_table(20, 5), make_table(20, 5)[["path", "file", "pid", "camera"]]):
        train, validation = split.split_table(table, 0.1, seed=3)
        assert len(train) == 90 and len(validation) == 10
        assert validation["pid"].nunique() == 2
        assert list(validation.index) == list(range(10))


def test_too_few_identities(make_table):
    with pytest.raises(ValueError, match="leaves one part of the split empty"):
        split.split_identities(make_table(3, 2), 0.1)


def _table(identities, seed):
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"pid": np.arange(identities)})
    for task, classes in TASKS.items():
        shares = 0.5 ** np.arange(1, len(classes) + 1)
        table[task] = random.choice(len(classes), identities, p=shares / shares.sum())
    return table


def test_held_out_people_are_disjoint_from_the_others(make_table):
    kept, held_out = split.hold_out(make_table(20, 2), 0.25, seed=1)
    assert held_out["pid"].nunique() == 5 and not set(kept["pid"]) & set(held_out["pid"])
    assert len(split.hold_out(make_table(2, 2), 0.01)[1]) == 2  # at least one person
    with pytest.raises(ValueError, match="1 identity"):
        split.hold_out(make_table(1, 2), 0.5)


def test_appended_people_are_marked(make_table):
    table = make_table(3, 2)
    both = split.appended(split.appended(table, table[:2].assign(more=1)), table[2:3])
    assert both["added"].tolist() == [False] * 6 + [True] * 3 and both["added"].dtype == bool
    assert list(both.columns) == [*table.columns, "added"] and both["pid"].tolist()[6:] == table["pid"].tolist()[:3]
