import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.worst import confident_errors, worst_queries


def probabilities(images, **chosen):
    """Sure and right of class 0 everywhere, but for `chosen`: task -> `(N, C)`."""
    even = {task: torch.eye(len(classes))[torch.zeros(images, dtype=torch.long)] for task, classes in TASKS.items()}
    return even | {task: torch.tensor(values) for task, values in chosen.items()}


def test_the_surest_error_is_first_and_a_right_or_unknown_one_is_none():
    targets = torch.zeros(4, len(TASKS), dtype=torch.long)
    targets[3] = -1
    of = probabilities(4, hat=[[0.4, 0.6], [0.1, 0.9], [0.9, 0.1], [0.0, 1.0]], up=[[0.2, 0.8]] + [[1.0, 0.0]] * 3)
    table = confident_errors(of, targets)
    assert table[["image", "task", "true", "predicted"]].to_numpy().tolist() == [
        [1, "hat", "no", "yes"], [0, "up", "long", "short"], [0, "hat", "no", "yes"],
    ]  # fmt: skip
    assert table["confidence"].tolist() == pytest.approx([0.9, 0.8, 0.6]) and table["image"].dtype == "int64"
    assert confident_errors(of, targets, most_a_task=1)["task"].tolist() == ["hat", "up"]
    assert len(confident_errors(of, targets, most=1)) == 1


def test_no_error_is_an_empty_table():
    table = confident_errors(probabilities(2), torch.zeros(2, len(TASKS), dtype=torch.long))
    assert table.empty and list(table) == ["image", "task", "true", "predicted", "confidence"]


@given(st.lists(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=9), min_size=1, max_size=6))
@settings(max_examples=30)
def test_average_precision_is_that_of_scikit_learn(verdicts):
    table = worst_queries(verdicts, most=99)
    assert table["AP"].is_monotonic_increasing
    wanted = {}
    for query, row in enumerate(verdicts):
        counted = np.array([hit for hit in row if hit is not None], bool)
        if counted.any():
            wanted[query] = average_precision_score(counted, -np.arange(len(counted)))
    assert dict(zip(table["query"], table["AP"], strict=True)) == pytest.approx(wanted, abs=1e-6)


def test_the_rank_of_the_first_match_passes_over_what_does_not_count():
    table = worst_queries([[True, True], [None, False, None, True, False, True], [False]])
    assert table["query"].tolist() == [1, 0]
    assert table["first match"].tolist() == [2, 1] and table["matches"].tolist() == [2, 2]
