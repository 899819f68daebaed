"""Class weights and sampling."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from assignment_lib.batches import sampling
from assignment_lib.batches.loader import Batches
from assignment_lib.data.attributes import TASKS, class_slices


def test_weights_against_a_naive_loop(targets):
    weights = sampling.class_weights(targets)
    place = 0
    for column, classes in enumerate(TASKS.values()):
        for value in range(len(classes)):
            images = sum(int(row[column]) == value for row in targets)
            wanted = len(targets) / (len(classes) * images) if images else 0.0
            assert weights[place] == pytest.approx(wanted)
            place += 1
    assert place == len(weights) == 41


def test_weights_are_scikit_learns_where_a_class_has_images(targets):
    weights = sampling.class_weights(targets)
    for column, classes in enumerate(class_slices().values()):
        present = targets[:, column].unique().numpy()
        theirs = compute_class_weight("balanced", classes=present, y=targets[:, column].numpy())
        here = weights[classes][present] * len(weights[classes]) / len(present)
        assert here.tolist() == pytest.approx(theirs)


def test_weights_by_hand():
    targets = torch.zeros(8, 12, dtype=torch.long)
    targets[:2, 8] = 1  # two of eight wear a hat
    weights = sampling.by_task(sampling.class_weights(targets))
    assert weights["hat"].tolist() == pytest.approx([8 / (2 * 6), 8 / (2 * 2)])
    assert weights["age"].tolist() == [0.25, 0, 0, 0]


def test_sample_weight_is_the_mean_over_the_tasks(targets):
    weights = sampling.class_weights(targets)
    by_task = sampling.by_task(weights)
    samples = sampling.sample_weights(targets, weights)
    for row, value in zip(targets[:10], samples, strict=False):
        assert float(value) == pytest.approx(
            np.mean([by_task[t][c] for t, c in zip(TASKS, row, strict=True)]), rel=1e-5
        )


def test_uniform_sampling_changes_nothing(targets):
    assert torch.allclose(sampling.expected_weights(targets, torch.ones(len(targets))), sampling.class_weights(targets))


def test_table_has_a_row_a_class(targets):
    table = sampling.weights_table(before=sampling.class_weights(targets))
    assert isinstance(table, pd.DataFrame) and len(table) == 41
    assert table.loc[10, "task"] == "clothes" and table.loc[10, "class"] == "dress"


def test_powers_of_class_weights():
    weights = {"hat": torch.tensor([0.25, 4.0]), "age": torch.tensor([0.0, 9.0, 1.0, 1.0])}
    assert all(torch.equal(values, weights[task]) for task, values in sampling.to_power(weights, 1.0).items())
    assert sampling.to_power(weights, 0.5)["hat"].tolist() == pytest.approx([0.5, 2.0])
    assert all((values == 1).all() for values in sampling.to_power(weights, 0.0).values())


def test_images_whose_classes_are_unknown_count_nowhere(targets):
    mixed = torch.cat([targets[:50], torch.full((7, 12), -1), targets[50:]])
    labelled = torch.cat([torch.arange(50), torch.arange(57, len(mixed))])
    weights = sampling.class_weights(mixed)
    assert torch.equal(weights, sampling.class_weights(targets))
    assert torch.equal(sampling.class_shares(mixed), sampling.class_shares(targets))
    samples = sampling.sample_weights(mixed, weights)
    assert torch.equal(samples[labelled], sampling.sample_weights(targets, weights))
    assert torch.equal(samples[50:57], torch.ones(7))
    assert torch.equal(sampling.expected_weights(mixed, samples), sampling.expected_weights(targets, samples[labelled]))


def test_one_unknown_task_leaves_the_others(targets):
    partly = targets.clone()
    partly[:10, 3] = -1
    counts = sampling.class_counts(partly)
    assert counts[:8].tolist() == sampling.class_counts(targets)[:8].tolist()
    handbag = class_slices()["handbag"]
    assert counts[handbag].sum() == len(targets) - 10
    assert sampling.class_shares(partly)[handbag].sum() == pytest.approx(1.0)


def test_shares_are_counts_over_images(targets):
    assert torch.equal(sampling.class_shares(targets), (sampling.class_counts(targets) / len(targets)).float())


def test_expected_weights_match_what_the_sampler_draws(targets):
    samples = sampling.sample_weights(targets, sampling.class_weights(targets))
    expected = sampling.expected_weights(targets, samples)
    generator = torch.Generator().manual_seed(0)
    drawn = [i for _ in range(400) for i in sampling.weighted_sampler(samples, generator)]
    measured = sampling.class_weights(targets[drawn])
    present = sampling.class_counts(targets) > 0
    assert torch.allclose(measured[present], expected[present], rtol=0.12)
    assert (expected[~present] == 0).all()
    # the sampler evens out: no class's weight ends farther from 1 than the rarest was before
    assert expected[present].max() < sampling.class_weights(targets)[present].max()


def test_sampler_is_reproducible(targets):
    samples = sampling.sample_weights(targets, sampling.class_weights(targets))
    first = list(sampling.weighted_sampler(samples, torch.Generator().manual_seed(5)))
    assert first == list(sampling.weighted_sampler(samples, torch.Generator().manual_seed(5)))
    assert first != list(sampling.weighted_sampler(samples, torch.Generator().manual_seed(6)))
    assert len(first) == len(targets)


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
def test_every_batch_has_p_people_and_k_images_of_each(counts, persons, of_each, seed):
    pids = torch.repeat_interleave(torch.arange(len(counts)) * 7, torch.tensor(counts))
    sampler = sampling.IdentitySampler(pids, persons, of_each, torch.Generator().manual_seed(seed))
    for batch in draw_batches(sampler, persons * of_each):
        found, images = pids[batch].unique(return_counts=True)
        assert len(found) == persons and (images == of_each).all()
        for pid in found.tolist():
            of_person = [i for i in batch if pids[i] == pid]
            # nothing is repeated where there are enough images
            assert len(set(of_person)) == min(of_each, int((pids == pid).sum()))


def test_identities_are_drawn_equally_often_and_all_images_come_up():
    pids = torch.repeat_interleave(torch.arange(12), torch.tensor([1, 2, 3, 20] * 3))
    sampler = sampling.IdentitySampler(pids, 4, 2, torch.Generator().manual_seed(0))
    drawn = [i for _ in range(60) for i in sampler]
    times = torch.bincount(pids[drawn])
    assert times.max() < 1.25 * times.min()
    assert set(drawn) == set(range(len(pids)))


def test_identity_sampler_goes_on_from_the_state_of_its_generator():
    pids = torch.arange(40) // 4
    generator = torch.Generator().manual_seed(2)
    sampler = sampling.IdentitySampler(pids, 4, 3, generator)
    list(sampler)
    state = generator.get_state()
    second = list(sampler)
    other = torch.Generator().manual_seed(9)
    other.set_state(state)
    assert list(sampling.IdentitySampler(pids, 4, 3, other)) == second
    assert second != list(sampler)


@settings(max_examples=50, deadline=None)
@given(
    people=st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=3, max_size=15),
    persons=st.integers(2, 3),
    seed=st.integers(0, 10**6),
)
def test_every_pair_is_of_one_person_and_of_two_cameras_where_it_can_be(people, persons, seed):
    pids = torch.repeat_interleave(torch.arange(len(people)) * 7, torch.tensor([len(cameras) for cameras in people]))
    cameras = torch.tensor([camera for of_person in people for camera in of_person])
    sampler = sampling.CameraPairSampler(pids, cameras, persons, torch.Generator().manual_seed(seed))
    for batch in draw_batches(sampler, 2 * persons):
        firsts, seconds = batch[::2], batch[1::2]
        assert len(set(pids[firsts].tolist())) == persons
        for first, second in zip(firsts, seconds, strict=True):
            assert pids[first] == pids[second]
            of_person = people[int(pids[first]) // 7]
            assert (cameras[first] != cameras[second]) == (len(set(of_person)) > 1)
            assert (first != second) == (len(of_person) > 1)


def test_pairs_draw_all_people_equally_often_all_images_and_need_no_cameras():
    pids = torch.repeat_interleave(torch.arange(12), torch.tensor([1, 2, 3, 20] * 3))
    for cameras in (None, torch.full((len(pids),), -1), torch.arange(len(pids)) % 3):
        sampler = sampling.CameraPairSampler(pids, cameras, 4, torch.Generator().manual_seed(0))
        drawn = [i for _ in range(60) for i in sampler]
        times = torch.bincount(pids[drawn])
        assert times.max() < 1.25 * times.min()
        assert set(drawn) == set(range(len(pids)))
        pairs = torch.tensor(drawn).view(-1, 2)
        assert (pairs[:, 0] != pairs[:, 1])[pids[pairs[:, 0]] % 4 > 0].all()


def test_pairs_go_on_from_the_state_of_their_generator():
    pids, generator = torch.arange(40) // 4, torch.Generator().manual_seed(2)
    sampler = sampling.CameraPairSampler(pids, torch.arange(40) % 3, 4, generator)
    list(sampler)
    state = generator.get_state()
    second = list(sampler)
    other = torch.Generator().manual_seed(9)
    other.set_state(state)
    assert list(sampling.CameraPairSampler(pids, torch.arange(40) % 3, 4, other)) == second
    assert second != list(sampler)


def test_with_few_identities_a_batch_has_all_of_them_and_one_is_refused():
    pids = torch.tensor([0, 0, 1, 2])
    for make in (
        lambda pids: sampling.IdentitySampler(pids, 8, 4, torch.Generator()),
        lambda pids: sampling.CameraPairSampler(pids, None, 8, torch.Generator()),
    ):
        sampler = make(pids)
        assert sampler.persons == 3 and len(list(sampler)) == sampler.batch_size
        assert set(pids[list(sampler)].tolist()) == {0, 1, 2}
        with pytest.raises(ValueError, match="1 identity"):
            make(torch.zeros(5, dtype=torch.int64))


@pytest.mark.parametrize(
    ("kind", "size", "valid"), [("identities", 50, 48), ("identities", 2, 8), ("pairs", 9, 8), ("pairs", 1, 4)]
)
def test_a_batch_size_that_cuts_people_apart_is_refused(targets, kind, size, valid):
    pids = torch.arange(len(targets)) // 3
    with pytest.raises(ValueError, match=f"batch_size={valid} "):
        sampling.sampler_and_weights(kind, targets, pids, size, torch.Generator())
    sampler, _ = sampling.sampler_and_weights(kind, targets, pids, valid, torch.Generator())
    batches = Batches(torch.zeros(len(targets), 3, 4, 4, dtype=torch.uint8), sampler, valid, pids=pids)
    each = 4 if kind == "identities" else 2
    for batch in batches:
        assert set(batch.pids.unique(return_counts=True)[1].tolist()) == {each}


@pytest.mark.parametrize("kind", sampling.SAMPLERS)
def test_added_people_take_a_fixed_part_of_each_batch(kind):
    pids = torch.arange(56) // 4
    added = pids >= 10
    targets = torch.zeros(56, 12, dtype=torch.int64)
    targets[added] = 1
    generator = torch.Generator().manual_seed(0)
    sampler, weights = sampling.sampler_and_weights(kind, targets, pids, 16, generator, None, added, 0.25)
    batches = torch.tensor(list(sampler)).view(-1, 16)
    assert len(batches) == 40 // 16  # as many as the labelled images fill
    assert (added[batches].sum(1) == 4).all()
    assert all(
        torch.equal(weights[task], part)
        for task, part in sampling.by_task(sampling.class_weights(targets[~added])).items()
    )
    with pytest.raises(ValueError, match="leaves no room"):
        sampling.sampler_and_weights(kind, targets, pids, 16, generator, None, added, 0.99)
    with pytest.raises(ValueError, match="at least 0"):
        sampling.sampler_and_weights(kind, targets, pids, 16, generator, None, added, 1.5)


def test_without_added_people_nothing_changes(targets):
    pids, none = torch.arange(len(targets)) // 3, torch.zeros(len(targets), dtype=torch.bool)
    drawn = [
        list(
            sampling.sampler_and_weights("weighted", targets, pids, 16, torch.Generator().manual_seed(0), None, added)[
                0
            ]
        )
        for added in (None, none)
    ]
    assert drawn[0] == drawn[1]


def test_samplers_by_name(targets):
    pids, generator = torch.arange(len(targets)) // 3, torch.Generator().manual_seed(0)
    sampler, weights = sampling.sampler_and_weights("weighted", targets, pids, 16, generator)
    wanted = sampling.expected_weights(targets, sampling.sample_weights(targets, sampling.class_weights(targets)))
    assert torch.equal(torch.cat(list(weights.values())), wanted) and len(list(sampler)) == len(targets)
    for kind in ("uniform", "identities", "pairs"):
        sampler, weights = sampling.sampler_and_weights(kind, targets, pids, 16, generator)
        assert torch.equal(torch.cat(list(weights.values())), sampling.class_weights(targets))
    assert sorted(sampling.sampler_and_weights("uniform", targets, pids, 16, generator)[0]) == list(range(len(targets)))
    cameras = torch.arange(len(pids)) % 3
    sampler, _ = sampling.sampler_and_weights("pairs", targets, pids, 16, generator, cameras)
    assert sampler.persons == 8 and torch.equal(sampler.cameras, cameras)
    sampler, weights = sampling.sampler_and_weights("weighted", None, pids, 16, generator)
    assert weights is None and sorted(sampler) == list(range(len(targets)))
    with pytest.raises(ValueError, match="sampler='rare'"):
        sampling.sampler_and_weights("rare", targets, pids, 16, generator)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40).filter(lambda pids: len(set(pids)) > 1))
def test_positions_of_identities_are_those_that_a_search_for_each_finds(pids):
    pids = torch.tensor(pids)
    expected = [torch.nonzero(pids == pid).flatten().tolist() for pid in pids.unique()]
    assert [positions.tolist() for positions in sampling._positions(pids, 1)[0]] == expected
