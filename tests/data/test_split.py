"""The split by identity: disjoint, complete, repeatable, and it covers the classes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data import split
from assignment_lib.data.attributes import TASKS


def test_known_case_by_hand(make_table):
    # ten people, one of whom alone has a hat: after the first person in each part, the hat is new to both
    table = make_table(10, 2)
    for task in TASKS:
        table[task] = 0
    table.loc[table["pid"] == 8, "hat"] = 1
    train, validation = split.split_identities(table, 0.2, seed=0)
    assert len(train) == 8 and len(validation) == 2
    assert sorted([*train, *validation]) == sorted(table["pid"].unique())


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


def test_covers_classes_no_worse_than_a_random_split():
    """Over 100 seeds: the validation part has more classes on average, and never far fewer, than one drawn blindly."""
    ours, blind = [], []
    table = _table(80, 1)
    for seed in range(100):
        ours.append(split.class_coverage(split.split_table(table, 0.1, seed)[1]))
        pids = np.random.default_rng(seed).permutation(table["pid"].unique())[:8]
        blind.append(split.class_coverage(table[table["pid"].isin(pids)]))
    assert np.mean(ours) > np.mean(blind) + 1
    assert min(ours) >= min(blind)


def test_rows_of_an_identity_stay_together(make_table):
    table = make_table(20, 5)
    train, validation = split.split_table(table, 0.1, seed=3)
    assert len(train) == 90 and len(validation) == 10
    assert validation["pid"].nunique() == 2
    assert list(validation.index) == list(range(10))


def test_without_attributes(make_table):
    train, validation = split.split_table(make_table(20, 2)[["path", "file", "pid", "camera"]], 0.1, seed=0)
    assert validation["pid"].nunique() == 2 and train["pid"].nunique() == 18


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


def test_comparison_has_both_ways_over_the_seeds(make_table):
    table = make_table(40, 1)
    compared = split.compare_coverage(table, 0.1, seeds=3)
    assert compared.shape == (3, 2)
    assert compared.loc[2, "heuristic"] == split.class_coverage(split.split_table(table, 0.1, seed=2)[1])


def test_labels_are_positions_in_the_sorted_identities(make_table):
    table = make_table(4, 2)
    assert split.pid_labels(table).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert split.pid_labels(table.iloc[[6, 0, 1]]).tolist() == [1, 0, 0]
