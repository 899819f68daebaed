import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.batches.loader import Batch
from assignment_lib.losses import attribute, identity, multitask
from assignment_lib.losses.objective import Objective, ObjectiveSettings
from assignment_lib.models.joint import Output


def make_objective(class_weights, n_pids=3, **settings):
    return Objective(ObjectiveSettings(**settings), class_weights, n_pids, 8)


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
    assert float(loss.detach()) == 0.0


@pytest.mark.parametrize("weight", [None, torch.tensor([0.2, 3.0, 1.0])])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_unknown_targets_are_left_out_of_the_focal_loss(weight, gamma):
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = torch.tensor([0, -1, 2, 1, -1, 1, 0, -1])
    loss = attribute.focal_loss(logits, target, weight, gamma)
    known = target >= 0
    assert torch.allclose(loss, attribute.focal_loss(logits[known], target[known], weight, gamma))
    loss.backward()
    assert torch.equal(logits.grad[~known], torch.zeros(3, 3)) and (logits.grad[known] != 0).any(1).all()


def test_a_batch_of_unknown_targets_alone_is_zero_without_a_gradient():
    logits = torch.tensor([[100.0, -100.0], [0.3, 0.1]], requires_grad=True)
    loss = attribute.focal_loss(logits, torch.tensor([-1, -1]), torch.tensor([1.0, 2.0]))
    loss.backward()
    assert float(loss.detach()) == 0 and torch.equal(logits.grad, torch.zeros(2, 2))


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_known_targets_give_the_same_to_the_last_bit_as_before_unknown_ones_were_allowed(gamma):
    generator = torch.Generator().manual_seed(1)
    logits, target = torch.randn(64, 9, generator=generator), torch.randint(9, (64,), generator=generator)
    weight = torch.rand(9, generator=generator)
    log_p = F.log_softmax(logits, dim=1).gather(1, target[:, None]).squeeze(1)
    loss = -((1 - log_p.exp()) ** gamma) * log_p
    weighted = (weight[target] * loss).sum() / weight[target].sum()
    assert torch.equal(attribute.focal_loss(logits, target, weight, gamma), weighted)
    assert torch.equal(attribute.focal_loss(logits, target, None, gamma), loss.mean())


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
    assert float(loss.detach()) == 0.0


def test_unknown_mining_is_named():
    with pytest.raises(ValueError, match="triplet_mining='easy'"):
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
    assert float(total.detach()) == pytest.approx(wanted, rel=1e-5)
    assert float(penalty.detach()) == pytest.approx(math.log(1 + variances[0]) + math.log(1 + variances[1]))
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
    assert float(wrapper.log_variance.detach().exp()) == pytest.approx(1.0, abs=0.02)


def test_uncertainty_weighting_refuses_other_losses():
    with pytest.raises(ValueError, match="a, c"):
        multitask.UncertaintyMultitask(["a", "b"])({"a": torch.tensor(1.0), "c": torch.tensor(1.0)})


def test_multitask_by_name():
    assert isinstance(multitask.multitask("uniform", ["a"]), multitask.UniformMultitask)
    with pytest.raises(ValueError, match="best"):
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
    objective = make_objective(weights, attribute_multitask="uniform", total_multitask="uniform")
    total, losses, _ = objective(output, batch)
    hat = attribute.focal_loss(output.attributes["hat"], batch.attributes[:, 0], weights["hat"])
    assert torch.allclose(losses["hat"], hat)
    assert torch.allclose(losses["attributes"], losses["hat"] + losses["age"])
    assert torch.allclose(total, losses["attributes"] + losses["pid"] + losses["triplet"])
    assert torch.allclose(losses["pid"], F.cross_entropy(output.pid, batch.pids))


@pytest.mark.parametrize("kind", multitask.MULTITASKS)
def test_objective_with_unknown_attributes(example, kind):
    """Rows of -1 are as if they were not there, for the attribute losses and for what their accuracies decide."""
    output, batch = example
    weights = {"hat": torch.tensor([1.0, 2.0]), "age": torch.ones(4)}
    kept = torch.tensor([0, 2, 3])
    targets = torch.full_like(batch.attributes, -1)
    targets[kept] = batch.attributes[kept]
    fewer = output._replace(attributes={task: logits[kept] for task, logits in output.attributes.items()})

    def found(output, targets, objective):
        _, losses, named = objective(output, batch._replace(attributes=targets))
        return torch.stack([losses["hat"], losses["age"], losses["attributes"], named["hat"], named["age"]]).detach()

    ours, wanted = (
        found(of, rows, make_objective(weights, attribute_multitask=kind))
        for of, rows in ((output, targets), (fewer, batch.attributes[kept]))
    )
    assert torch.allclose(ours, wanted)


@pytest.mark.parametrize("kind", multitask.MULTITASKS)
def test_objective_of_a_batch_without_any_attribute(example, kind):
    output, batch = example
    weights = {"hat": torch.tensor([1.0, 2.0]), "age": torch.ones(4)}
    objective = make_objective(weights, attribute_multitask=kind, total_multitask="priority")
    unknown = batch._replace(attributes=torch.full_like(batch.attributes, -1))
    for _ in range(2):  # first with nothing known so far, then with something
        total, losses, named = objective(output, unknown)
        assert all(value.isfinite() for value in (total, *losses.values(), *named.values()))
        assert float(losses["hat"].detach()) == float(losses["age"].detach()) == 0
        objective(output, batch)


def test_a_batch_without_labels_leaves_the_priorities_alone():
    wrapper = multitask.DynamicTaskPriority(["a", "b"])
    losses = {"a": torch.tensor(1.0), "b": torch.tensor(3.0)}
    wrapper(losses, {"a": torch.tensor(0.8), "b": torch.tensor(torch.nan)})
    assert wrapper.indicator[0] == pytest.approx(0.8) and wrapper.indicator[1].isnan()
    wrapper(losses, {"a": torch.tensor(torch.nan), "b": torch.tensor(0.4)})
    assert wrapper.indicator.tolist() == pytest.approx([0.8, 0.4])


def test_objective_with_smoothed_labels_a_mean_over_tasks_and_a_metric_feature(example):
    output, batch = example
    output = output._replace(metric=torch.randn(6, 8, generator=torch.Generator().manual_seed(1)))
    weights = {"hat": torch.ones(2), "age": torch.ones(4)}
    options = {"attribute_multitask": "uniform", "total_multitask": "uniform", "gamma": 0.0}
    objective = make_objective(weights, **options, label_smoothing=0.1, attribute_scale=0.5)
    total, losses, _ = objective(output, batch)
    entropies = [
        F.cross_entropy(output.attributes[task], batch.attributes[:, i]) for i, task in enumerate(("hat", "age"))
    ]
    assert torch.allclose(losses["attributes"], sum(entropies) / 2)
    # Szegedy et al. 2016, section 7: 0.9 of the truth and 0.1 of all classes alike
    log_p = output.pid.log_softmax(1)
    smoothed = -(0.9 * log_p.gather(1, batch.pids[:, None]).squeeze(1) + 0.1 * log_p.mean(1)).mean()
    assert torch.allclose(losses["pid"], smoothed)
    assert torch.allclose(losses["triplet"], identity.TripletMargin()(output.metric, batch.pids))
    assert torch.allclose(total, losses["attributes"] + losses["pid"] + losses["triplet"])


def test_objective_nests_the_two_wrappers(example):
    """total = sum over the outer losses of L/2 + ln 2, and ln 2 a task, while every log-variance is 0."""
    output, batch = example
    total, losses, _ = make_objective({"hat": torch.ones(2), "age": torch.ones(4)})(output, batch)
    assert torch.allclose(losses["attributes"], (losses["hat"] + losses["age"]) / 2)
    outer = (losses["attributes"] + losses["pid"] + losses["triplet"]) / 2
    assert torch.allclose(total, outer + (3 + 2) * math.log(2))


def test_objective_trains_its_own_weights(example):
    output, batch = example
    objective = make_objective({"hat": torch.ones(2), "age": torch.ones(4)})
    total, losses, weights = objective(output, batch)
    total.backward()
    assert all(parameter.grad is not None for parameter in objective.parameters())
    assert set(weights) == {"hat", "age", "attributes", "pid", "triplet"}
    assert set(losses) == set(weights)


def test_objective_without_attributes_or_identity(example):
    output, batch = example
    _, losses, _ = make_objective(None)(output._replace(attributes={}), batch)
    assert set(losses) == {"pid", "triplet"}
    attributes_only = make_objective({"hat": torch.ones(2), "age": torch.ones(4)}, n_pids=0)
    total, losses, _ = attributes_only(output, batch)
    assert set(losses) == {"hat", "age", "attributes"}
    assert torch.allclose(total, losses["attributes"] + 2 * math.log(2))  # one loss: nothing to weigh it against


def test_loss_balanced_weighting_against_the_paper():
    wrapper = multitask.LossBalancedMultitask(["a", "b"], alpha=0.5)
    total, weights, penalty = wrapper({"a": torch.tensor(4.0), "b": torch.tensor(9.0)})
    assert [float(w) for w in weights.values()] == [1, 1] and float(total) == 13 and float(penalty) == 0
    total, weights, _ = wrapper({"a": torch.tensor(1.0), "b": torch.tensor(9.0)})
    assert float(weights["a"]) == pytest.approx((1 / 4) ** 0.5) and float(weights["b"]) == 1
    assert float(total) == pytest.approx(0.5 * 1 + 9)
    wrapper.new_epoch()
    assert float(wrapper({"a": torch.tensor(0.5), "b": torch.tensor(1.0)}).weights["a"]) == 1


def test_dynamic_task_priority_against_the_paper():
    wrapper = multitask.DynamicTaskPriority(["a", "b"], gamma=2.0, discount=0.25)
    losses = {"a": torch.tensor(1.0), "b": torch.tensor(3.0)}
    _, weights, _ = wrapper(losses, {"a": torch.tensor(0.8)})
    kb = math.exp(-3)  # no score for b: the probability its loss stands for
    assert float(weights["a"]) == pytest.approx(-((1 - 0.8) ** 2) * math.log(0.8), rel=1e-4)
    assert float(weights["b"]) == pytest.approx(-((1 - kb) ** 2) * math.log(kb), rel=1e-4)
    total, weights, _ = wrapper(losses, {"a": torch.tensor(0.4), "b": torch.tensor(0.9)})
    ka, kb = 0.75 * 0.8 + 0.25 * 0.4, 0.75 * kb + 0.25 * 0.9
    assert float(weights["a"]) == pytest.approx(-((1 - ka) ** 2) * math.log(ka), rel=1e-4)
    assert float(total) == pytest.approx(float(weights["a"]) + 3 * float(weights["b"]), rel=1e-4)


@pytest.mark.parametrize("kind", multitask.MULTITASKS)
def test_no_gradient_through_weights_that_are_not_learned(kind):
    wrapper = multitask.multitask(kind, ["a", "b"])
    a = torch.tensor(2.0, requires_grad=True)
    total, weights, _ = wrapper({"a": a, "b": torch.tensor(1.0)})
    total.backward()
    assert float(a.grad) == pytest.approx(float(weights["a"]), rel=1e-5)


def test_a_loss_that_begins_at_zero_does_not_explode():
    """A batch without a positive pair gives a triplet loss of 0; the next one is its first."""
    wrapper = multitask.LossBalancedMultitask(["pid", "triplet"])
    weights = [
        wrapper({"pid": torch.tensor(pid), "triplet": torch.tensor(triplet)}).weights["triplet"]
        for pid, triplet in ((2.0, 0.0), (2.0, 0.2), (1.0, 0.05))
    ]
    assert [float(weight) for weight in weights] == pytest.approx([1.0, 1.0, 0.5])


def test_outside_training_nothing_is_remembered():
    for kind in ("balanced", "priority"):
        wrapper = multitask.multitask(kind, ["a"]).eval()
        wrapper({"a": torch.tensor(1.0)})
        assert all(value.isnan().all() for value in wrapper.state_dict().values())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 5))
def test_centroid_triplet_against_a_naive_loop(seed, persons):
    generator = torch.Generator().manual_seed(seed)
    embedding = torch.randn(9, 4, generator=generator)
    pids = torch.randint(persons, (9,), generator=generator)
    x, terms = F.normalize(embedding), []
    for a in range(9):
        mates = [x[i] for i in range(9) if i != a and pids[i] == pids[a]]
        for other in set(pids.tolist()) - {int(pids[a])} if mates else []:
            own = torch.stack(mates).mean(0)
            center = torch.stack([x[i] for i in range(9) if pids[i] == other]).mean(0)
            terms.append(float(((x[a] - own) ** 2).sum() - ((x[a] - center) ** 2).sum() + 0.3))
    positive = [t for t in terms if t > 0]
    wanted = sum(positive) / len(positive) if positive else 0.0
    assert float(identity.CentroidTripletMargin(0.3)(embedding, pids)) == pytest.approx(wanted, rel=1e-3, abs=1e-4)


def test_center_loss_and_its_own_update_against_the_paper():
    loss = identity.CenterLoss(3, 2, rate=0.5)
    loss.centers.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]))
    x, pids = torch.tensor([[0.0, 1.0], [0.6, 0.8], [1.0, 0.0]]), torch.tensor([0, 0, 1])
    value = loss(x * 3, pids)  # of any scale
    wanted = ((1 + 1) + (0.16 + 0.64) + (1 + 4)) / 2 / 3
    assert float(value) == pytest.approx(wanted, rel=1e-5)
    # person 0: (2, 2)... sum of c - x over its two images, divided by 1 + 2
    moved = torch.tensor([1.0, 0.0]) - 0.5 * (torch.tensor([1.0, -1.0]) + torch.tensor([0.4, -0.8])) / 3
    assert torch.allclose(loss.centers[0], moved)
    assert torch.allclose(loss.centers[1], torch.tensor([0.0, 2.0]) - 0.5 * torch.tensor([-1.0, 2.0]) / 2)
    assert torch.equal(loss.centers[2], torch.tensor([5.0, 5.0]))  # nobody came


def test_center_loss_draws_embeddings_to_their_centers():
    x = torch.randn(6, 4, requires_grad=True)
    loss = identity.CenterLoss(2, 4).eval()
    before = loss.centers.clone()
    value = loss(x, torch.tensor([0, 0, 0, 1, 1, 1]))
    value.backward()
    assert x.grad.abs().sum() > 0 and torch.equal(loss.centers, before)


def test_island_loss_against_a_naive_loop_and_its_update_against_autograd():
    torch.manual_seed(0)
    loss = identity.CenterLoss(4, 3, rate=0.5, island=0.7)
    centers = torch.randn(4, 3)
    loss.centers.copy_(centers)
    x, pids = F.normalize(torch.randn(5, 3)), torch.tensor([0, 1, 1, 2, 0])
    pairs = sum(
        float(F.cosine_similarity(centers[j], centers[k], dim=0)) + 1 for j in range(4) for k in range(4) if j != k
    )
    wanted = float((x - centers[pids]).square().sum(1).mean()) / 2 + 0.7 * pairs / 12
    assert float(loss(x, pids)) == pytest.approx(wanted, rel=1e-5)
    steps = []
    for j in range(4):
        own = centers[j].clone().requires_grad_()
        cosines = sum(F.cosine_similarity(centers[k], own, dim=0) for k in range(4) if k != j)
        cosines.backward()
        members = [i for i in range(5) if pids[i] == j]
        pull = sum((centers[j] - x[i] for i in members), torch.zeros(3)) / (1 + len(members))
        steps.append(pull + 0.7 * own.grad / 3)
    assert torch.allclose(loss.centers, centers - 0.5 * torch.stack(steps), atol=1e-5)


def test_islands_move_apart():
    loss = identity.CenterLoss(5, 8, island=1.0)
    torch.manual_seed(0)
    loss.centers.copy_(F.normalize(torch.ones(8) + 0.3 * torch.randn(5, 8)))

    def mean_cosine():
        directions = F.normalize(loss.centers)
        return float((directions @ directions.T).mean())

    before = mean_cosine()
    for _ in range(20):
        loss(torch.randn(1, 8), torch.tensor([0]))
    assert mean_cosine() < before - 0.2


def test_the_island_of_a_recipe_is_felt_among_many_persons():
    torch.manual_seed(0)
    losses = [identity.identity_loss(kind, 700, 16) for kind in ("center", "island")]
    start = F.normalize(torch.ones(16) + 0.3 * torch.randn(700, 16))
    pids, x = torch.randint(700, (200, 64)), F.normalize(torch.ones(16) + 0.3 * torch.randn(200, 64, 16), dim=2)
    cosines = []
    for loss in losses:
        loss.centers.copy_(start)
        for step in range(200):
            loss(x[step], pids[step])
        directions = F.normalize(loss.centers)
        cosines.append(float((directions @ directions.T).mean()))
    assert cosines[1] < cosines[0] - 0.1


@pytest.mark.parametrize("kind", identity.IDENTITY_LOSSES)
def test_identity_losses_by_name(kind):
    loss = identity.identity_loss(kind, 3, 8)
    if kind == "none":
        assert loss is None
    else:
        x = torch.randn(6, 8, requires_grad=True)
        value = loss(x, torch.tensor([0, 0, 1, 1, 2, 2]))
        value.backward()
        assert value.ndim == 0 and x.grad.isfinite().all()
    with pytest.raises(ValueError, match="contrastive"):
        identity.identity_loss("contrastive", 3, 8)
