"""Multi-task weightings against their papers."""

import math

import pytest
import torch

from assignment_lib.losses import multitask


def scalars(**values):
    return {name: torch.tensor(value) for name, value in values.items()}


def test_uncertainty_weighting_by_hand():
    wrapper = multitask.UncertaintyMultitask(["a", "b"])
    with torch.no_grad():
        wrapper.log_variance.copy_(torch.tensor([0.3, -1.2]))
    variances = [math.exp(0.3), math.exp(-1.2)]
    total, weights, penalty = wrapper(scalars(a=2.0, b=5.0))
    expected = sum(loss / (2 * s2) + math.log(1 + s2) for loss, s2 in zip((2.0, 5.0), variances, strict=True))
    assert float(total.detach()) == pytest.approx(expected, rel=1e-5)
    assert float(penalty.detach()) == pytest.approx(sum(math.log(1 + s2) for s2 in variances))
    assert [float(weight) for weight in weights.values()] == pytest.approx([0.5 / s2 for s2 in variances])


def test_uncertainty_weighting_has_its_minimum_where_the_derivative_is_zero():
    """The derivative of L/(2 s2) + ln(1 + s2) is 0 at L = 2 s2^2/(1 + s2): for L = 1, s2 = 1."""
    wrapper = multitask.UncertaintyMultitask(["a"])
    wrapper(scalars(a=1.0)).total.backward()
    assert float(wrapper.log_variance.grad) == pytest.approx(0, abs=1e-6)


def test_loss_balanced_weighting_by_hand():
    wrapper = multitask.LossBalancedMultitask(["a", "b"], alpha=0.5)
    total, weights, penalty = wrapper(scalars(a=4.0, b=9.0))
    assert [float(w) for w in weights.values()] == [1, 1] and float(total) == 13 and float(penalty) == 0
    total, weights, _ = wrapper(scalars(a=1.0, b=9.0))
    assert float(weights["a"]) == pytest.approx((1 / 4) ** 0.5) and float(weights["b"]) == 1
    assert float(total) == pytest.approx(0.5 * 1 + 9)
    wrapper.new_epoch()
    assert float(wrapper(scalars(a=0.5, b=1.0)).weights["a"]) == 1


def test_a_first_loss_of_zero_is_no_reference():
    """A batch without a positive pair gives a triplet loss of 0; the next one is the first."""
    wrapper = multitask.LossBalancedMultitask(["pid", "triplet"])
    weights = [
        float(wrapper(scalars(pid=pid, triplet=triplet)).weights["triplet"])
        for pid, triplet in ((2.0, 0.0), (2.0, 0.2), (1.0, 0.05))
    ]
    assert weights == pytest.approx([1.0, 1.0, 0.5])


def test_dynamic_task_priority_by_hand():
    wrapper = multitask.DynamicTaskPriority(["a", "b"], gamma=2.0, discount=0.25)
    losses = scalars(a=1.0, b=3.0)
    _, weights, _ = wrapper(losses, scalars(a=0.8))
    kb = math.exp(-3)  # no score for b: the probability of the true class
    assert float(weights["a"]) == pytest.approx(-((1 - 0.8) ** 2) * math.log(0.8), rel=1e-4)
    assert float(weights["b"]) == pytest.approx(-((1 - kb) ** 2) * math.log(kb), rel=1e-4)
    total, weights, _ = wrapper(losses, scalars(a=0.4, b=0.9))
    ka, kb = 0.75 * 0.8 + 0.25 * 0.4, 0.75 * kb + 0.25 * 0.9
    assert float(weights["a"]) == pytest.approx(-((1 - ka) ** 2) * math.log(ka), rel=1e-4)
    assert float(total) == pytest.approx(float(weights["a"]) + 3 * float(weights["b"]), rel=1e-4)


def test_a_batch_without_labels_does_not_change_the_priorities():
    wrapper = multitask.DynamicTaskPriority(["a", "b"])
    losses = scalars(a=1.0, b=3.0)
    wrapper(losses, scalars(a=0.8, b=torch.nan))
    assert wrapper.indicator[0] == pytest.approx(0.8) and wrapper.indicator[1].isnan()
    wrapper(losses, scalars(a=torch.nan, b=0.4))
    assert wrapper.indicator.tolist() == pytest.approx([0.8, 0.4])


@pytest.mark.parametrize("kind", multitask.MULTITASKS)
def test_no_gradient_through_the_weights(kind):
    wrapper = multitask.multitask(kind, ["a", "b"])
    a = torch.tensor(2.0, requires_grad=True)
    total, weights, _ = wrapper({"a": a, "b": torch.tensor(1.0)})
    total.backward()
    assert float(a.grad) == pytest.approx(float(weights["a"]), rel=1e-5)


@pytest.mark.parametrize("kind", ["balanced", "priority"])
def test_evaluation_mode_stores_nothing(kind):
    wrapper = multitask.multitask(kind, ["a"]).eval()
    wrapper(scalars(a=1.0))
    assert all(value.isnan().all() for value in wrapper.state_dict().values())


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="multitask='best'"):
        multitask.multitask("best", ["a"])
    with pytest.raises(ValueError, match="a, c"):
        multitask.UncertaintyMultitask(["a", "b"])(scalars(a=1.0, c=1.0))
