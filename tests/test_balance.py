import numpy as np
import pandas as pd
import pytest
import torch

from assignment_lib import balance
from assignment_lib.attributes import TASKS


@pytest.fixture
def targets(make_table):
    return torch.from_numpy(make_table(40, 3)[list(TASKS)].to_numpy())


def test_weights_against_a_naive_loop(targets):
    weights = balance.class_weights(targets)
    place = 0
    for column, classes in enumerate(TASKS.values()):
        for value in range(len(classes)):
            images = sum(int(row[column]) == value for row in targets)
            wanted = len(targets) / (len(classes) * images) if images else 0.0
            assert weights[place] == pytest.approx(wanted)
            place += 1
    assert place == len(weights) == 41


def test_weights_by_hand():
    targets = torch.zeros(8, 12, dtype=torch.long)
    targets[:2, 8] = 1  # two of eight wear a hat
    weights = balance.by_task(balance.class_weights(targets))
    assert weights["hat"].tolist() == pytest.approx([8 / (2 * 6), 8 / (2 * 2)])
    assert weights["age"].tolist() == [0.25, 0, 0, 0]


def test_sample_weight_is_the_mean_over_the_tasks(targets):
    weights = balance.class_weights(targets)
    by_task = balance.by_task(weights)
    samples = balance.sample_weights(targets, weights)
    for row, value in zip(targets[:10], samples, strict=False):
        assert float(value) == pytest.approx(
            np.mean([by_task[t][c] for t, c in zip(TASKS, row, strict=True)]), rel=1e-5
        )


def test_expected_weights_match_what_the_sampler_draws(targets):
    samples = balance.sample_weights(targets, balance.class_weights(targets))
    expected = balance.expected_weights(targets, samples)
    generator = torch.Generator().manual_seed(0)
    drawn = [i for _ in range(400) for i in balance.weighted_sampler(samples, generator)]
    measured = balance.class_weights(targets[drawn])
    present = balance.class_counts(targets) > 0
    assert torch.allclose(measured[present], expected[present], rtol=0.12)
    assert (expected[~present] == 0).all()
    # the sampler evens out: no class's weight ends farther from 1 than the rarest was before
    assert expected[present].max() < balance.class_weights(targets)[present].max()


def test_uniform_sampling_changes_nothing(targets):
    assert torch.allclose(balance.expected_weights(targets, torch.ones(len(targets))), balance.class_weights(targets))


def test_sampler_is_reproducible(targets):
    samples = balance.sample_weights(targets, balance.class_weights(targets))
    first = list(balance.weighted_sampler(samples, torch.Generator().manual_seed(5)))
    assert first == list(balance.weighted_sampler(samples, torch.Generator().manual_seed(5)))
    assert first != list(balance.weighted_sampler(samples, torch.Generator().manual_seed(6)))
    assert len(first) == len(targets)


def test_table_has_a_row_a_class(targets):
    table = balance.weights_table(before=balance.class_weights(targets))
    assert isinstance(table, pd.DataFrame) and len(table) == 41
    assert table.loc[10, "task"] == "clothes" and table.loc[10, "class"] == "dress"
