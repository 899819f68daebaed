"""Class weights against naive loops and by hand."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from assignment_lib.batches import balance
from assignment_lib.data.attributes import TASKS, class_slices


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


def test_weights_are_scikit_learns_where_a_class_has_images(targets):
    weights = balance.class_weights(targets)
    for column, classes in enumerate(class_slices().values()):
        present = targets[:, column].unique().numpy()
        theirs = compute_class_weight("balanced", classes=present, y=targets[:, column].numpy())
        here = weights[classes][present] * len(weights[classes]) / len(present)
        assert here.tolist() == pytest.approx(theirs)


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


def test_uniform_sampling_changes_nothing(targets):
    assert torch.allclose(balance.expected_weights(targets, torch.ones(len(targets))), balance.class_weights(targets))


def test_table_has_a_row_a_class(targets):
    table = balance.weights_table(before=balance.class_weights(targets))
    assert isinstance(table, pd.DataFrame) and len(table) == 41
    assert table.loc[10, "task"] == "clothes" and table.loc[10, "class"] == "dress"


def test_powers_of_class_weights():
    weights = {"hat": torch.tensor([0.25, 4.0]), "age": torch.tensor([0.0, 9.0, 1.0, 1.0])}
    assert all(torch.equal(values, weights[task]) for task, values in balance.to_power(weights, 1.0).items())
    assert balance.to_power(weights, 0.5)["hat"].tolist() == pytest.approx([0.5, 2.0])
    assert all((values == 1).all() for values in balance.to_power(weights, 0.0).values())


def test_images_whose_classes_are_unknown_count_nowhere(targets):
    mixed = torch.cat([targets[:50], torch.full((7, 12), -1), targets[50:]])
    labelled = torch.cat([torch.arange(50), torch.arange(57, len(mixed))])
    weights = balance.class_weights(mixed)
    assert torch.equal(weights, balance.class_weights(targets))
    assert torch.equal(balance.class_shares(mixed), balance.class_shares(targets))
    samples = balance.sample_weights(mixed, weights)
    assert torch.equal(samples[labelled], balance.sample_weights(targets, weights))
    assert torch.equal(samples[50:57], torch.ones(7))
    assert torch.equal(balance.expected_weights(mixed, samples), balance.expected_weights(targets, samples[labelled]))


def test_one_unknown_task_leaves_the_others(targets):
    partly = targets.clone()
    partly[:10, 3] = -1
    counts = balance.class_counts(partly)
    assert counts[:8].tolist() == balance.class_counts(targets)[:8].tolist()
    handbag = class_slices()["handbag"]
    assert counts[handbag].sum() == len(targets) - 10
    assert balance.class_shares(partly)[handbag].sum() == pytest.approx(1.0)


def test_shares_are_counts_over_images(targets):
    assert torch.equal(balance.class_shares(targets), (balance.class_counts(targets) / len(targets)).float())
