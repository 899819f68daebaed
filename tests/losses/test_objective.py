"""The objective: losses, and how they are combined."""

import math

import pytest
import torch
import torch.nn.functional as F

from assignment_lib.batches.loader import Batch
from assignment_lib.losses import attribute, multitask
from assignment_lib.losses.objective import Objective, ObjectiveSettings
from assignment_lib.models.joint import Output

WEIGHTS = {"hat": torch.tensor([1.0, 2.0]), "age": torch.ones(4)}
UNIFORM = {"multitask": "uniform"}


def make_objective(class_weights=WEIGHTS, n_pids=3, **settings):
    return Objective(ObjectiveSettings(**settings), class_weights, n_pids, 8)


@pytest.fixture
def example():
    generator = torch.Generator().manual_seed(0)
    attributes = {"hat": torch.randn(6, 2, generator=generator), "age": torch.randn(6, 4, generator=generator)}
    output = Output(torch.randn(6, 8, generator=generator), attributes, torch.randn(6, 3, generator=generator))
    targets = torch.stack([torch.arange(6) % 2, torch.arange(6) % 4], dim=1)
    return output, Batch(torch.zeros(6, 3, 4, 4), targets, torch.arange(6) // 2, torch.arange(6))


@pytest.mark.parametrize(("gamma", "power"), [(2.0, 1.0), (0.0, 1.0), (2.0, 0.5)])
def test_total_is_the_weighted_sum_of_its_parts(example, gamma, power):
    output, batch = example
    total, losses, weights = make_objective(gamma=gamma, class_weighting=power, **UNIFORM)(output, batch)
    hat = attribute.focal_loss(output.attributes["hat"], batch.attributes[:, 0], WEIGHTS["hat"] ** power, gamma)
    assert torch.allclose(losses["hat"], hat)
    assert torch.allclose(losses["attributes"], losses["hat"] + losses["age"])
    assert torch.allclose(losses["pid"], F.cross_entropy(output.pid, batch.pids))
    assert torch.allclose(total, losses["attributes"] + losses["pid"] + losses["triplet"])
    assert list(losses) == list(weights) == ["hat", "age", "attributes", "pid", "triplet"]


def test_label_smoothing_and_attribute_scale(example):
    output, batch = example
    _, losses, _ = make_objective(label_smoothing=0.1, attribute_scale=0.5, **UNIFORM)(output, batch)
    assert torch.allclose(losses["attributes"], (losses["hat"] + losses["age"]) / 2)
    # Szegedy et al. 2016, section 7: 0.9 of the true class and 0.1 of all classes alike
    log_p = output.pid.log_softmax(1)
    smoothed = -(0.9 * log_p.gather(1, batch.pids[:, None]).squeeze(1) + 0.1 * log_p.mean(1)).mean()
    assert torch.allclose(losses["pid"], smoothed)


@pytest.mark.parametrize("kind", multitask.MULTITASKS)
def test_images_of_unknown_attributes_are_excluded(example, kind):
    """Rows of -1 count neither in the losses nor in the accuracies that decide on weights."""
    output, batch = example
    kept = torch.tensor([0, 2, 3])
    targets = torch.full_like(batch.attributes, -1)
    targets[kept] = batch.attributes[kept]
    fewer = output._replace(attributes={task: logits[kept] for task, logits in output.attributes.items()})

    def attribute_terms(output, targets):
        _, losses, weights = make_objective(multitask=kind)(output, batch._replace(attributes=targets))
        return torch.stack([losses["hat"], losses["age"], losses["attributes"], weights["hat"], weights["age"]])

    assert torch.allclose(attribute_terms(output, targets), attribute_terms(fewer, batch.attributes[kept]))


@pytest.mark.parametrize("kind", multitask.MULTITASKS)
def test_a_batch_without_any_attribute(example, kind):
    output, batch = example
    objective = make_objective(multitask=kind)
    unknown = batch._replace(attributes=torch.full_like(batch.attributes, -1))
    for _ in range(2):  # before and after a batch with attributes
        total, losses, weights = objective(output, unknown)
        assert all(value.isfinite() for value in (total, *losses.values(), *weights.values()))
        assert float(losses["hat"].detach()) == float(losses["age"].detach()) == 0
        objective(output, batch)


def test_uncertainty_weightings_are_nested_and_learned(example):
    """While all log-variances are 0: half the sum of the outer losses, and ln 2 per task and per outer loss."""
    output, batch = example
    objective = make_objective()
    total, losses, _ = objective(output, batch)
    assert torch.allclose(losses["attributes"], (losses["hat"] + losses["age"]) / 2)
    outer = (losses["attributes"] + losses["pid"] + losses["triplet"]) / 2
    assert torch.allclose(total, outer + (3 + 2) * math.log(2))
    total.backward()
    assert all(parameter.grad is not None for parameter in objective.parameters())


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"class_weights": None}, {"pid", "triplet"}),
        ({"attribute_losses": False}, {"pid", "triplet"}),
        ({"pid_loss": False}, {"hat", "age", "attributes", "triplet"}),
        ({"identity_loss": "none"}, {"hat", "age", "attributes", "pid"}),
        ({"n_pids": 0}, {"hat", "age", "attributes"}),
    ],
)
def test_parts_can_be_omitted(example, options, names):
    total, losses, weights = make_objective(**options)(*example)
    assert set(losses) == set(weights) == names
    if options == {"n_pids": 0}:  # a single loss has no outer weight
        assert torch.allclose(total, losses["attributes"] + 2 * math.log(2))


def test_new_epoch_resets_both_weightings(example):
    objective = make_objective(multitask="balanced")
    objective(*example)
    assert not objective.attribute_weighting.first.isnan().any() and not objective.total_weighting.first.isnan().any()
    objective.new_epoch()
    assert objective.attribute_weighting.first.isnan().all() and objective.total_weighting.first.isnan().all()


def test_missing_predictions_are_named(example):
    output, batch = example
    with pytest.raises(ValueError, match="PID logits"):
        make_objective()(output._replace(pid=None), batch)
    with pytest.raises(ValueError, match="attributes"):
        make_objective()(output, batch._replace(attributes=None))
