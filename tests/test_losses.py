import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.images import Batch
from assignment_lib.losses import attribute, identity, multitask
from assignment_lib.losses.objective import Objective
from assignment_lib.models.joint import Output


@given(st.integers(0, 10**6), st.integers(2, 10), st.integers(1, 20), st.floats(0, 5))
def test_focal_loss_against_a_naive_loop(seed, classes, size, gamma):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(size, classes, generator=generator) * 3
    target = torch.randint(classes, (size,), generator=generator)
    weight = torch.rand(classes, generator=generator) + 0.1
    total, weights = 0.0, 0.0
    for row, t in zip(logits.tolist(), target.tolist(), strict=True):
        p = math.exp(row[t]) / sum(math.exp(x) for x in row)
        total += float(weight[t]) * (1 - p) ** gamma * -math.log(p)
        weights += float(weight[t])
    assert float(attribute.focal_loss(logits, target, weight, gamma)) == pytest.approx(
        total / weights, rel=1e-3, abs=1e-6
    )


def test_focal_loss_without_focus_is_the_weighted_cross_entropy():
    logits, target, weight = torch.randn(16, 4), torch.randint(4, (16,)), torch.tensor([0.2, 3.0, 1.0, 7.0])
    assert torch.allclose(attribute.focal_loss(logits, target, weight, 0.0), F.cross_entropy(logits, target, weight))


def test_focal_loss_by_hand():
    # two classes, p = 1/2 each: (1/2)^2 * ln 2
    assert float(attribute.focal_loss(torch.zeros(1, 2), torch.tensor([0]))) == pytest.approx(0.25 * math.log(2))


def test_focal_loss_of_a_batch_with_no_weight_is_zero():
    loss = attribute.focal_loss(torch.randn(3, 2), torch.tensor([1, 1, 1]), torch.tensor([1.0, 0.0]))
    assert float(loss) == 0.0


def _naive_triplet(embedding, pids, margin, mining):
    embedding = F.normalize(embedding)
    distance = [[float((a - b).norm()) for b in embedding] for a in embedding]
    n, losses = len(pids), []
    for a in range(n):
        positives = [p for p in range(n) if p != a and pids[p] == pids[a]]
        negatives = [x for x in range(n) if pids[x] != pids[a]]
        if mining == "hard" and positives and negatives:
            worst, nearest = max(distance[a][p] for p in positives), min(distance[a][x] for x in negatives)
            losses.append(max(0.0, worst - nearest + margin))
        for p in positives if mining != "hard" else []:
            for x in negatives:
                gap = distance[a][x] - distance[a][p]
                if mining == "all" or 0 < gap <= margin:
                    losses.append(max(0.0, margin - gap))
    kept = losses if mining == "hard" else [value for value in losses if value > 0]
    return sum(kept) / len(kept) if kept else 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["all", "semihard", "hard"]), st.integers(2, 5))
def test_triplet_margin_against_a_naive_loop(seed, mining, persons):
    generator = torch.Generator().manual_seed(seed)
    embedding = torch.randn(10, 6, generator=generator)
    pids = torch.randint(persons, (10,), generator=generator)
    loss = identity.TripletMargin(0.3, mining)(embedding, pids)
    assert float(loss) == pytest.approx(_naive_triplet(embedding, pids.tolist(), 0.3, mining), rel=1e-3, abs=1e-5)


def test_triplet_margin_ignores_the_scale_of_embeddings():
    embedding, pids = torch.randn(8, 5), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    loss = identity.TripletMargin(0.3)
    assert torch.allclose(loss(embedding, pids), loss(embedding * 50, pids), atol=1e-5)


def test_triplet_margin_without_a_positive_pair_is_zero_and_differentiable():
    embedding = torch.randn(4, 5, requires_grad=True)
    loss = identity.TripletMargin(0.3)(embedding, torch.arange(4))
    loss.backward()
    assert float(loss) == 0.0


def test_unknown_mining_is_named():
    with pytest.raises(ValueError, match="mining is one of all, semihard, hard"):
        identity.TripletMargin(0.3, "easy")


def test_uniform_sum():
    total, weights, _ = multitask.UniformMultitask()({"a": torch.tensor(2.0), "b": torch.tensor(3.0)})
    assert float(total) == 5.0 and [float(w) for w in weights.values()] == [1, 1]


def test_uncertainty_weighting_against_the_paper():
    wrapper = multitask.UncertaintyMultitask(["a", "b"])
    with torch.no_grad():
        wrapper.log_variance.copy_(torch.tensor([0.7, -1.2]))
    total, weights, penalty = wrapper({"b": torch.tensor(3.0), "a": torch.tensor(2.0)})
    variances = [math.exp(0.7), math.exp(-1.2)]
    wanted = 2 / (2 * variances[0]) + math.log(1 + variances[0]) + 3 / (2 * variances[1]) + math.log(1 + variances[1])
    assert float(total) == pytest.approx(wanted, rel=1e-5)
    assert float(penalty) == pytest.approx(math.log(1 + variances[0]) + math.log(1 + variances[1]))
    assert float(weights["a"]) == pytest.approx(0.5 / variances[0])
    assert float(weights["b"]) == pytest.approx(0.5 / variances[1])


def test_uncertainty_weighting_settles_where_calculus_says():
    """d/ds2 of L/(2 s2) + ln(1 + s2) = 0 at L = 2 s2^2/(1 + s2): for L = 1, s2 = 1."""
    wrapper = multitask.UncertaintyMultitask(["a"])
    with torch.no_grad():
        wrapper.log_variance.fill_(1.5)
    optimizer = torch.optim.Adam(wrapper.parameters(), lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        wrapper({"a": torch.tensor(1.0)}).total.backward()
        optimizer.step()
    assert float(wrapper.log_variance.exp()) == pytest.approx(1.0, abs=0.02)


def test_uncertainty_weighting_refuses_other_losses():
    with pytest.raises(ValueError, match="made for the losses a, b, given a, c"):
        multitask.UncertaintyMultitask(["a", "b"])({"a": torch.tensor(1.0), "c": torch.tensor(1.0)})


def test_multitask_by_name():
    assert isinstance(multitask.multitask("uniform", ["a"]), multitask.UniformMultitask)
    with pytest.raises(ValueError, match="uniform or uncertainty"):
        multitask.multitask("best", ["a"])


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    attributes = {"hat": torch.randn(6, 2, generator=generator), "age": torch.randn(6, 4, generator=generator)}
    output = Output(torch.randn(6, 8, generator=generator), attributes, torch.randn(6, 3, generator=generator))
    targets = torch.stack([torch.arange(6) % 2, torch.arange(6) % 4], dim=1)
    return output, Batch(torch.zeros(6, 3, 4, 4), targets, torch.arange(6) // 2, torch.arange(6))


def test_objective_is_the_weighted_sum_of_its_parts(example):
    output, batch = example
    weights = {"hat": torch.tensor([1.0, 2.0]), "age": torch.ones(4)}
    objective = Objective(weights, attribute_multitask="uniform", total_multitask="uniform")
    total, losses, _ = objective(output, batch)
    hat = attribute.focal_loss(output.attributes["hat"], batch.attributes[:, 0], weights["hat"])
    assert torch.allclose(losses["hat"], hat)
    assert torch.allclose(losses["attributes"], losses["hat"] + losses["age"])
    assert torch.allclose(total, losses["attributes"] + losses["pid"] + losses["triplet"])
    assert torch.allclose(losses["pid"], F.cross_entropy(output.pid, batch.pids))


def test_objective_nests_the_two_wrappers(example):
    """total = sum over the outer losses of L/2 + ln 2, and ln 2 a task, while every log-variance is 0."""
    output, batch = example
    total, losses, _ = Objective({"hat": torch.ones(2), "age": torch.ones(4)})(output, batch)
    assert torch.allclose(losses["attributes"], (losses["hat"] + losses["age"]) / 2)
    outer = (losses["attributes"] + losses["pid"] + losses["triplet"]) / 2
    assert torch.allclose(total, outer + (3 + 2) * math.log(2))


def test_objective_trains_its_own_weights(example):
    output, batch = example
    objective = Objective({"hat": torch.ones(2), "age": torch.ones(4)})
    total, losses, weights = objective(output, batch)
    total.backward()
    assert all(parameter.grad is not None for parameter in objective.parameters())
    assert set(weights) == {"hat", "age", "attributes", "pid", "triplet"}
    assert set(losses) == set(weights)


def test_objective_without_attributes_or_identity(example):
    output, batch = example
    _, losses, _ = Objective(None)(output._replace(attributes={}), batch)
    assert set(losses) == {"pid", "triplet"}
    total, losses, _ = Objective({"hat": torch.ones(2), "age": torch.ones(4)}, identity=False)(output, batch)
    assert set(losses) == {"hat", "age", "attributes"}
    assert torch.allclose(total, losses["attributes"] + 2 * math.log(2))  # one loss: nothing to weigh it against
