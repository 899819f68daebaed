"""Class weights and samplers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from assignment_lib.batches import sampling
from assignment_lib.batches.loader import Batches
from assignment_lib.data.attributes import TASKS, class_slices


@pytest.fixture
def targets(make_table):
    return torch.from_numpy(make_table(40, 3)[list(TASKS)].to_numpy())


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_class_weights_equal_a_naive_loop_and_scikit_learn(targets):
    weights = sampling.class_weights(targets)
    assert weights.shape == (41,)
    for column, (task, classes) in enumerate(TASKS.items()):
        values = targets[:, column].tolist()
        expected = [len(values) / (len(classes) * values.count(c)) if c in values else 0.0 for c in range(len(classes))]
        ours = sampling.by_task(weights)[task]
        assert ours.tolist() == pytest.approx(expected)
        present = np.unique(values)
        theirs = compute_class_weight("balanced", classes=present, y=values) * len(present) / len(classes)
        assert ours[present].tolist() == pytest.approx(theirs)
        shares = [values.count(c) / len(values) for c in range(len(classes))]
        assert sampling.by_task(sampling.class_shares(targets))[task].tolist() == pytest.approx(shares)


def test_sample_weight_is_the_mean_over_the_tasks(targets):
    weights = sampling.class_weights(targets)
    by_task = sampling.by_task(weights)
    for row, weight in zip(targets[:10], sampling.sample_weights(targets, weights), strict=False):
        mean = np.mean([by_task[task][value] for task, value in zip(TASKS, row, strict=True)])
        assert float(weight) == pytest.approx(mean, rel=1e-5)


def test_images_of_unknown_classes_do_not_count(targets):
    mixed = torch.cat([targets[:50], torch.full((7, 12), -1), targets[50:]])
    labelled = torch.cat([torch.arange(50), torch.arange(57, len(mixed))])
    weights = sampling.class_weights(mixed)
    assert torch.equal(weights, sampling.class_weights(targets))
    assert torch.equal(sampling.class_shares(mixed), sampling.class_shares(targets))
    samples = sampling.sample_weights(mixed, weights)
    assert torch.equal(samples[labelled], sampling.sample_weights(targets, weights))
    assert torch.equal(samples[50:57], torch.ones(7))
    assert torch.equal(sampling.expected_weights(mixed, samples), sampling.expected_weights(targets, samples[labelled]))


def test_an_unknown_class_of_one_task_does_not_affect_the_others(targets):
    partly = targets.clone()
    partly[:10, 3] = -1
    counts, handbag = sampling.class_counts(partly), class_slices()["handbag"]
    assert counts[:8].tolist() == sampling.class_counts(targets)[:8].tolist()
    assert counts[handbag].sum() == len(targets) - 10
    assert sampling.class_shares(partly)[handbag].sum() == pytest.approx(1.0)


def test_expected_weights_match_the_draws(targets):
    weights = sampling.class_weights(targets)
    assert torch.allclose(sampling.expected_weights(targets, torch.ones(len(targets))), weights)
    samples = sampling.sample_weights(targets, weights)
    expected, rng = sampling.expected_weights(targets, samples), generator()
    drawn = [i for _ in range(400) for i in sampling.weighted_sampler(samples, rng)]
    present = sampling.class_counts(targets) > 0
    assert torch.allclose(sampling.class_weights(targets[drawn])[present], expected[present], rtol=0.12)
    assert (expected[~present] == 0).all()
    assert expected[present].max() < weights[present].max()  # the sampler reduces the imbalance


def batches_of(sampler):
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    return torch.tensor(drawn).split(sampler.batch_size)


@settings(max_examples=50, deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=3, max_size=15),
    persons=st.integers(2, 3),
    images=st.integers(2, 5),
    seed=st.integers(0, 10**6),
)
def test_every_batch_has_p_people_with_k_images_each(counts, persons, images, seed):
    pids = torch.repeat_interleave(torch.arange(len(counts)) * 7, torch.tensor(counts))
    for batch in batches_of(sampling.IdentitySampler(pids, persons, images, generator(seed))):
        identities, repeats = pids[batch].unique(return_counts=True)
        assert len(identities) == persons and (repeats == images).all()
        for pid in identities:
            # no repetition where there are enough images
            assert len(batch[pids[batch] == pid].unique()) == min(images, int((pids == pid).sum()))


def test_all_people_are_drawn_equally_often_and_draws_can_be_repeated():
    pids = torch.repeat_interleave(torch.arange(12), torch.tensor([1, 2, 3, 20] * 3))
    rng = generator(2)
    sampler = sampling.IdentitySampler(pids, 4, 2, rng)
    state = rng.get_state()
    epochs = [list(sampler) for _ in range(60)]
    times = torch.bincount(pids[epochs].flatten())
    assert times.max() < 1.25 * times.min()
    assert {image for epoch in epochs for image in epoch} == set(range(len(pids)))
    assert epochs[0] != epochs[1]
    other = generator(9)
    other.set_state(state)  # a resumed training repeats the draws
    resumed = sampling.IdentitySampler(pids, 4, 2, other)
    assert [list(resumed), list(resumed)] == epochs[:2]


def test_batches_of_few_people_hold_all_of_them():
    pids = torch.tensor([0, 7, 0, 3])  # in any order
    sampler = sampling.IdentitySampler(pids, 8, 2, generator())
    assert sampler.batch_size == 6 == len(list(sampler)) and set(pids[list(sampler)].tolist()) == {0, 3, 7}
    with pytest.raises(ValueError, match='sampler="uniform"'):
        sampling.IdentitySampler(torch.zeros(5, dtype=torch.int64), 8, 2, generator())


@pytest.mark.parametrize(("size", "valid"), [(50, 48), (4, 8), (2, 8)])
def test_batch_sizes_that_cut_people_apart_are_refused(targets, size, valid):
    pids = torch.arange(len(targets)) // 3
    with pytest.raises(ValueError, match=f"batch_size={valid} "):
        sampling.sampler_and_weights("identities", targets, pids, size, generator())
    sampler, _ = sampling.sampler_and_weights("identities", targets, pids, valid, generator())
    for batch in Batches(torch.zeros(len(targets), 3, 4, 4, dtype=torch.uint8), sampler, valid, pids=pids):
        assert set(batch.pids.unique(return_counts=True)[1].tolist()) == {4}


@pytest.mark.parametrize("kind", sampling.SAMPLERS)
def test_added_people_take_their_share_of_each_batch(kind):
    pids = torch.arange(56) // 4
    added, targets = pids >= 10, torch.zeros(56, 12, dtype=torch.int64)
    targets[added] = 1
    sampler, weights = sampling.sampler_and_weights(kind, targets, pids, 16, generator(), added)
    batches = torch.stack(batches_of(sampler))
    assert batches.shape == (40 // 16, 16)  # as many as the labelled images fill
    assert (added[batches].sum(1) == 4).all()
    expected = sampling.by_task(sampling.class_weights(targets[~added]))
    assert all(torch.equal(weights[task], values) for task, values in expected.items())


def test_mixed_batches_of_few_people_are_not_cut_apart():
    """Three labelled people fill 12 of 48 places: the batch shrinks instead of showing them in two groups."""
    pids = torch.cat([torch.arange(60) % 3, 3 + torch.arange(80) // 4])
    sampler, _ = sampling.sampler_and_weights("identities", None, pids, 64, generator(), pids >= 3)
    assert sampler.batch_size == 3 * 4 + 4 * 4
    for batch in Batches(torch.zeros(140, 3, 4, 4, dtype=torch.uint8), sampler, 64, pids=pids):
        assert batch.pids.unique(return_counts=True)[1].tolist() == [4] * 7


def test_sampler_and_weights_by_name(targets):
    pids, class_weights = torch.arange(len(targets)) // 3, sampling.class_weights(targets)

    def make(kind, targets=targets):
        return sampling.sampler_and_weights(kind, targets, pids, 16, generator())

    sampler, weights = make("weighted")
    expected = sampling.expected_weights(targets, sampling.sample_weights(targets, class_weights))
    assert torch.equal(torch.cat(list(weights.values())), expected)
    drawn = list(sampler)
    assert len(drawn) == len(targets) and len(set(drawn)) < len(drawn)
    for kind in ("uniform", "identities"):
        assert torch.equal(torch.cat(list(make(kind)[1].values())), class_weights)
    assert sorted(make("uniform")[0]) == list(range(len(targets)))
    assert (make("identities")[0].persons, make("identities")[0].images) == (4, 4)
    sampler, weights = make("weighted", targets=None)
    assert weights is None and sorted(sampler) == list(range(len(targets)))
    with pytest.raises(ValueError, match="sampler='rare'"):
        make("rare")
