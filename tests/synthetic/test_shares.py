import numpy as np
import pandas as pd
import pytest

from assignment_lib.data.attributes import TASKS
from assignment_lib.synthetic.shares import SHARES, allocate, class_counts


@pytest.mark.parametrize("count", [20, 80, 751])
def test_class_counts_are_near_the_shares_and_leave_no_class_out(count):
    for task, shares in SHARES.items():
        counts = class_counts(shares, count, 2)
        assert len(counts) == len(TASKS[task]) and counts.sum() == count
        assert counts.min() >= 2
        wanted = np.maximum(np.array(shares) * count, 2)
        assert np.abs(counts - wanted).max() <= 2 * len(shares)
    assert class_counts(SHARES["age"], 751, 2).tolist() == [14, 569, 160, 8]


def test_attributes_go_together_as_they_do_outside():
    people = pd.DataFrame(allocate(300, np.random.default_rng(0), 2), columns=list(TASKS))
    female = people["gender"] == 1
    assert female[people["clothes"] == 0].mean() > 0.95
    assert female[people["hair"] == 1].mean() > 0.9
    assert people.groupby(list(TASKS)).size().max() >= 3  # some people are dressed alike
