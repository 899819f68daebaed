import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.batches import balance
from assignment_lib.data.attributes import TASKS


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


def draw_batches(sampler, size):
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    return [drawn[start : start + size] for start in range(0, len(drawn), size)]


@settings(max_examples=50, deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=3, max_size=15),
    persons=st.integers(2, 3),
    of_each=st.integers(2, 5),
    seed=st.integers(0, 10**6),
)
def test_every_batch_has_p_persons_and_k_images_of_each(counts, persons, of_each, seed):
    pids = torch.repeat_interleave(torch.arange(len(counts)) * 7, torch.tensor(counts))
    sampler = balance.IdentitySampler(pids, persons, of_each, torch.Generator().manual_seed(seed))
    for batch in draw_batches(sampler, persons * of_each):
        found, images = pids[batch].unique(return_counts=True)
        assert len(found) == persons and (images == of_each).all()
        for pid in found.tolist():
            of_person = [i for i in batch if pids[i] == pid]
            # nothing is repeated where the person has images enough
            assert len(set(of_person)) == min(of_each, int((pids == pid).sum()))


def test_persons_are_drawn_equally_often_and_all_images_come_up():
    pids = torch.repeat_interleave(torch.arange(12), torch.tensor([1, 2, 3, 20] * 3))
    sampler = balance.IdentitySampler(pids, 4, 2, torch.Generator().manual_seed(0))
    drawn = [i for _ in range(60) for i in sampler]
    times = torch.bincount(pids[drawn])
    assert times.max() < 1.25 * times.min()
    assert set(drawn) == set(range(len(pids)))


def test_identity_sampler_goes_on_from_the_state_of_its_generator():
    pids = torch.arange(40) // 4
    generator = torch.Generator().manual_seed(2)
    sampler = balance.IdentitySampler(pids, 4, 3, generator)
    list(sampler)
    state = generator.get_state()
    second = list(sampler)
    other = torch.Generator().manual_seed(9)
    other.set_state(state)
    assert list(balance.IdentitySampler(pids, 4, 3, other)) == second
    assert second != list(sampler)


def test_too_few_identities_for_a_batch():
    with pytest.raises(ValueError, match="8 persons cannot be drawn from 3 identities"):
        balance.IdentitySampler(torch.tensor([0, 1, 2]), 8, 4, torch.Generator())


def test_samplers_by_name(targets):
    pids, generator = torch.arange(len(targets)) // 3, torch.Generator().manual_seed(0)
    sampler, weights = balance.sampler_and_weights("weighted", targets, pids, 16, generator)
    wanted = balance.expected_weights(targets, balance.sample_weights(targets, balance.class_weights(targets)))
    assert torch.equal(torch.cat(list(weights.values())), wanted) and len(list(sampler)) == len(targets)
    for kind in ("uniform", "identities"):
        sampler, weights = balance.sampler_and_weights(kind, targets, pids, 16, generator)
        assert torch.equal(torch.cat(list(weights.values())), balance.class_weights(targets))
    assert sorted(balance.sampler_and_weights("uniform", targets, pids, 16, generator)[0]) == list(range(len(targets)))
    sampler, weights = balance.sampler_and_weights("weighted", None, pids, 16, generator)
    assert weights is None and sorted(sampler) == list(range(len(targets)))
    with pytest.raises(ValueError, match="not 'rare'"):
        balance.sampler_and_weights("rare", targets, pids, 16, generator)
