"""Pseudo-labels against average linkage written down in loops, their quality against every pair counted."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.evaluation.as_test import UNKNOWN_ID
from assignment_lib.training.pseudo_labels import pair_quality, pseudo_labels


def drawn(images, people, seed, spread=0.4):
    generator = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(people, 6, generator=generator))
    who = torch.randint(people, (images,), generator=generator)
    return F.normalize(centres[who] + spread * torch.randn(images, 6, generator=generator)), who


def naive(embeddings, similarity, largest):
    cosines = (embeddings @ embeddings.T).double().numpy()
    clusters = [[i] for i in range(len(embeddings))]
    while len(clusters) > 1:
        pairs = [(a, b) for a in range(len(clusters)) for b in range(a)]
        means = {(a, b): cosines[np.ix_(clusters[a], clusters[b])].mean() for a, b in pairs}
        a, b = max(means, key=means.get)
        if means[a, b] < similarity:
            break
        clusters[b] += clusters.pop(a)
    labels, number = np.full(len(embeddings), -1), 0
    for cluster in sorted(clusters, key=min):
        if 1 < len(cluster) <= largest:
            labels[cluster], number = number, number + 1
    return labels


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 25), st.integers(1, 8), st.floats(-0.5, 0.95), st.integers(1, 6), st.integers(0, 2**31))
def test_average_linkage_as_written_down_in_loops(images, people, similarity, largest, seed):
    embeddings, _ = drawn(images, people, seed)
    found = pseudo_labels(embeddings, similarity, largest)
    assert found.dtype == np.int64
    assert found.tolist() == naive(embeddings, similarity, largest).tolist()


def test_clusters_by_hand():
    """Three at one place, two at right angles, one alone, and a crowd that is too large."""
    directions = torch.eye(4)[[3, 0, 1, 0, 1, 0, 2, 3, 3, 3]]
    assert pseudo_labels(directions, 0.5, largest=3).tolist() == [-1, 0, 1, 0, 1, 0, -1, -1, -1, -1]
    assert pseudo_labels(directions, 0.5, largest=4).tolist() == [0, 1, 2, 1, 2, 1, -1, 0, 0, 0]


def test_a_similarity_of_exactly_the_threshold_is_enough():
    assert pseudo_labels(torch.tensor([[1.0, 0.0], [0.6, 0.8]]), 0.6).tolist() == [0, 0]
    assert pseudo_labels(torch.tensor([[1.0, 0.0], [0.6, 0.8]]), 0.61).tolist() == [-1, -1]


def test_what_cannot_be_clustered_is_refused():
    with pytest.raises(ValueError, match="embeddings is not normalised"):
        pseudo_labels(torch.ones(3, 4))
    with pytest.raises(ValueError, match="one image cannot be clustered"):
        pseudo_labels(torch.eye(3)[:1])
    with pytest.raises(ValueError, match="a similarity of 55 is no cosine"):
        pseudo_labels(torch.eye(3), 55)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(-1, 4), st.sampled_from([UNKNOWN_ID, 0, 3, 7, 9])), min_size=1, max_size=20))
def test_the_quality_is_that_of_every_pair_counted(images):
    labels, truth = (np.array(column) for column in zip(*images, strict=True))
    clustered = right = true = 0
    for i in range(len(images)):
        for j in range(i):
            known = [truth[k] != UNKNOWN_ID for k in (i, j)]
            together = labels[i] == labels[j] and labels[i] >= 0
            same = all(known) and truth[i] == truth[j]
            clustered += together and any(known)
            right += together and same
            true += same
    found = pair_quality(labels, truth)
    assert (found.clustered, found.true) == (clustered, true)
    for share, whole in ((found.precision, clustered), (found.recall, true)):
        assert share == pytest.approx(right / whole) if whole else math.isnan(share)


def test_labels_of_other_images_are_refused():
    with pytest.raises(ValueError, match="labels has 2 entries for 3 images"):
        pair_quality(np.array([0, 0]), np.array([1, 1, 2]))
