"""Samplers draw what they promise, and go on from the state of their generator."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.batches import balance, samplers


def test_expected_weights_match_what_the_sampler_draws(targets):
    samples = balance.sample_weights(targets, balance.class_weights(targets))
    expected = balance.expected_weights(targets, samples)
    generator = torch.Generator().manual_seed(0)
    drawn = [i for _ in range(400) for i in samplers.weighted_sampler(samples, generator)]
    measured = balance.class_weights(targets[drawn])
    present = balance.class_counts(targets) > 0
    assert torch.allclose(measured[present], expected[present], rtol=0.12)
    assert (expected[~present] == 0).all()
    # the sampler evens out: no class's weight ends farther from 1 than the rarest was before
    assert expected[present].max() < balance.class_weights(targets)[present].max()


def test_sampler_is_reproducible(targets):
    samples = balance.sample_weights(targets, balance.class_weights(targets))
    first = list(samplers.weighted_sampler(samples, torch.Generator().manual_seed(5)))
    assert first == list(samplers.weighted_sampler(samples, torch.Generator().manual_seed(5)))
    assert first != list(samplers.weighted_sampler(samples, torch.Generator().manual_seed(6)))
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
    sampler = samplers.IdentitySampler(pids, persons, of_each, torch.Generator().manual_seed(seed))
    for batch in draw_batches(sampler, persons * of_each):
        found, images = pids[batch].unique(return_counts=True)
        assert len(found) == persons and (images == of_each).all()
        for pid in found.tolist():
            of_person = [i for i in batch if pids[i] == pid]
            # nothing is repeated where there are enough images
            assert len(set(of_person)) == min(of_each, int((pids == pid).sum()))


def test_identities_are_drawn_equally_often_and_all_images_come_up():
    pids = torch.repeat_interleave(torch.arange(12), torch.tensor([1, 2, 3, 20] * 3))
    sampler = samplers.IdentitySampler(pids, 4, 2, torch.Generator().manual_seed(0))
    drawn = [i for _ in range(60) for i in sampler]
    times = torch.bincount(pids[drawn])
    assert times.max() < 1.25 * times.min()
    assert set(drawn) == set(range(len(pids)))


def test_identity_sampler_goes_on_from_the_state_of_its_generator():
    pids = torch.arange(40) // 4
    generator = torch.Generator().manual_seed(2)
    sampler = samplers.IdentitySampler(pids, 4, 3, generator)
    list(sampler)
    state = generator.get_state()
    second = list(sampler)
    other = torch.Generator().manual_seed(9)
    other.set_state(state)
    assert list(samplers.IdentitySampler(pids, 4, 3, other)) == second
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
    sampler = samplers.CameraPairSampler(pids, cameras, persons, torch.Generator().manual_seed(seed))
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
        sampler = samplers.CameraPairSampler(pids, cameras, 4, torch.Generator().manual_seed(0))
        drawn = [i for _ in range(60) for i in sampler]
        times = torch.bincount(pids[drawn])
        assert times.max() < 1.25 * times.min()
        assert set(drawn) == set(range(len(pids)))
        pairs = torch.tensor(drawn).view(-1, 2)
        assert (pairs[:, 0] != pairs[:, 1])[pids[pairs[:, 0]] % 4 > 0].all()


def test_pairs_go_on_from_the_state_of_their_generator():
    pids, generator = torch.arange(40) // 4, torch.Generator().manual_seed(2)
    sampler = samplers.CameraPairSampler(pids, torch.arange(40) % 3, 4, generator)
    list(sampler)
    state = generator.get_state()
    second = list(sampler)
    other = torch.Generator().manual_seed(9)
    other.set_state(state)
    assert list(samplers.CameraPairSampler(pids, torch.arange(40) % 3, 4, other)) == second
    assert second != list(sampler)


def test_too_few_identities_for_a_batch():
    with pytest.raises(ValueError, match="8 people cannot be drawn from 3 identities"):
        samplers.IdentitySampler(torch.tensor([0, 1, 2]), 8, 4, torch.Generator())
    with pytest.raises(ValueError, match="8 people cannot be drawn from 3 identities"):
        samplers.CameraPairSampler(torch.tensor([0, 1, 2]), None, 8, torch.Generator())


def test_samplers_by_name(targets):
    pids, generator = torch.arange(len(targets)) // 3, torch.Generator().manual_seed(0)
    sampler, weights = samplers.sampler_and_weights("weighted", targets, pids, 16, generator)
    wanted = balance.expected_weights(targets, balance.sample_weights(targets, balance.class_weights(targets)))
    assert torch.equal(torch.cat(list(weights.values())), wanted) and len(list(sampler)) == len(targets)
    for kind in ("uniform", "identities", "pairs"):
        sampler, weights = samplers.sampler_and_weights(kind, targets, pids, 16, generator)
        assert torch.equal(torch.cat(list(weights.values())), balance.class_weights(targets))
    assert sorted(samplers.sampler_and_weights("uniform", targets, pids, 16, generator)[0]) == list(range(len(targets)))
    cameras = torch.arange(len(pids)) % 3
    sampler, _ = samplers.sampler_and_weights("pairs", targets, pids, 16, generator, cameras)
    assert sampler.persons == 8 and torch.equal(sampler.cameras, cameras)
    sampler, weights = samplers.sampler_and_weights("weighted", None, pids, 16, generator)
    assert weights is None and sorted(sampler) == list(range(len(targets)))
    with pytest.raises(ValueError, match="not 'rare'"):
        samplers.sampler_and_weights("rare", targets, pids, 16, generator)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_places_of_identities_are_those_that_a_search_for_each_finds(pids):
    pids = torch.tensor(pids)
    wanted = [torch.nonzero(pids == pid).flatten().tolist() for pid in pids.unique()]
    assert [places.tolist() for places in samplers._places(pids, 1)] == wanted
