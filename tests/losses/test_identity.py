"""Identity losses against naive loops and their papers."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.losses import identity


def naive_triplet(embeddings, pids, margin, mining):
    embeddings = F.normalize(embeddings)
    distance = [[float((a - b).norm()) for b in embeddings] for a in embeddings]
    n, losses = len(pids), []
    for a in range(n):
        positives = [p for p in range(n) if p != a and pids[p] == pids[a]]
        negatives = [x for x in range(n) if pids[x] != pids[a]]
        if mining == "hard" and positives and negatives:
            farthest, nearest = max(distance[a][p] for p in positives), min(distance[a][x] for x in negatives)
            losses.append(max(0.0, farthest - nearest + margin))
        for p in positives if mining != "hard" else []:
            for x in negatives:
                gap = distance[a][x] - distance[a][p]
                if mining == "all" or 0 < gap <= margin:
                    losses.append(max(0.0, margin - gap))
    kept = losses if mining == "hard" else [value for value in losses if value > 0]
    return sum(kept) / len(kept) if kept else 0.0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.sampled_from(["all", "semihard", "hard"]), st.integers(2, 5), st.sampled_from([0.3, 0.6])
)
def test_triplet_margin_against_a_naive_loop(seed, mining, persons, margin):
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(10, 6, generator=generator)
    pids = torch.randint(persons, (10,), generator=generator)
    loss = identity.TripletMargin(margin, mining)(embeddings * 50, pids)  # of any scale
    assert float(loss) == pytest.approx(naive_triplet(embeddings, pids.tolist(), margin, mining), rel=1e-3, abs=1e-5)


def test_triplet_margin_without_a_positive_pair_is_zero_and_differentiable():
    embeddings = torch.randn(4, 5, requires_grad=True)
    loss = identity.TripletMargin(0.3)(embeddings, torch.arange(4))
    loss.backward()
    assert float(loss.detach()) == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_centroid_triplet_against_a_naive_loop(seed, persons):
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(9, 4, generator=generator)
    pids = torch.randint(persons, (9,), generator=generator)
    x, terms = F.normalize(embeddings), []
    for a in range(9):
        mates = [x[i] for i in range(9) if i != a and pids[i] == pids[a]]
        for other in set(pids.tolist()) - {int(pids[a])} if mates else []:
            positive = torch.stack(mates).mean(0)
            negative = torch.stack([x[i] for i in range(9) if pids[i] == other]).mean(0)
            terms.append(float(((x[a] - positive) ** 2).sum() - ((x[a] - negative) ** 2).sum() + 0.3))
    violated = [t for t in terms if t > 0]
    expected = sum(violated) / len(violated) if violated else 0.0
    assert float(identity.CentroidTripletMargin(0.3)(embeddings, pids)) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_center_loss_and_its_update_by_hand():
    loss = identity.CenterLoss(3, 2, rate=0.5)
    loss.centers.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]))
    x, pids = torch.tensor([[0.0, 1.0], [0.6, 0.8], [1.0, 0.0]]), torch.tensor([0, 0, 1])
    before = loss.centers.clone()
    assert loss.eval()(x, pids) == loss(x, pids) and torch.equal(loss.centers, before), "moved in training only"
    value = loss.train()(x * 3, pids)  # of any scale
    assert float(value) == pytest.approx(((1 + 1) + (0.16 + 0.64) + (1 + 4)) / 2 / 3, rel=1e-5)
    # person 0: the sum of c - x over its two images, divided by 1 + 2
    moved = torch.tensor([1.0, 0.0]) - 0.5 * (torch.tensor([1.0, -1.0]) + torch.tensor([0.4, -0.8])) / 3
    assert torch.allclose(loss.centers[0], moved)
    assert torch.allclose(loss.centers[1], torch.tensor([0.0, 2.0]) - 0.5 * torch.tensor([-1.0, 2.0]) / 2)
    assert torch.equal(loss.centers[2], torch.tensor([5.0, 5.0]))  # not in the batch


def test_island_loss_against_a_naive_loop_and_its_update_against_autograd():
    torch.manual_seed(0)
    loss = identity.CenterLoss(4, 3, rate=0.5, island=0.7)
    centers = torch.randn(4, 3)
    loss.centers.copy_(centers)
    x, pids = F.normalize(torch.randn(5, 3)), torch.tensor([0, 1, 1, 2, 0])
    pairs = sum(
        float(F.cosine_similarity(centers[j], centers[k], dim=0)) + 1 for j in range(4) for k in range(4) if j != k
    )
    expected = float((x - centers[pids]).square().sum(1).mean()) / 2 + 0.7 * pairs / 12
    assert float(loss(x, pids)) == pytest.approx(expected, rel=1e-5)
    steps = []
    for j in range(4):
        center = centers[j].clone().requires_grad_()
        sum(F.cosine_similarity(centers[k], center, dim=0) for k in range(4) if k != j).backward()
        members = [i for i in range(5) if pids[i] == j]
        pull = sum((centers[j] - x[i] for i in members), torch.zeros(3)) / (1 + len(members))
        steps.append(pull + 0.7 * center.grad / 3)
    assert torch.allclose(loss.centers, centers - 0.5 * torch.stack(steps), atol=1e-5)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="contrastive"):
        identity.identity_loss("contrastive", 3, 8)
    with pytest.raises(ValueError, match="triplet_mining='easy'"):
        identity.TripletMargin(0.3, "easy")
