"""The focal loss and the weighted cross-entropy."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.losses import attribute


@settings(deadline=None)
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
    loss = float(attribute.focal_loss(logits, target, weight, gamma))
    assert loss == pytest.approx(total / weights, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("weight", [None, torch.tensor([0.2, 3.0, 1.0])])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_unknown_targets_are_excluded(weight, gamma):
    logits = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    target = torch.tensor([0, -1, 2, 1, -1, 1, 0, -1])
    loss = attribute.focal_loss(logits, target, weight, gamma)
    assert attribute.focal_loss(logits.half(), target, weight, gamma).dtype == torch.float32
    known = target >= 0
    assert torch.allclose(loss, attribute.focal_loss(logits[known], target[known], weight, gamma))
    loss.backward()
    assert torch.equal(logits.grad[~known], torch.zeros(3, 3)) and (logits.grad[known] != 0).any(1).all()


@pytest.mark.parametrize("target", [[-1, -1], [1, 1]])
def test_a_batch_without_weight_has_no_loss_and_no_gradient(target):
    logits = torch.tensor([[100.0, -100.0], [0.3, 0.1]], requires_grad=True)
    loss = attribute.focal_loss(logits, torch.tensor(target), torch.tensor([1.0, 0.0]))
    loss.backward()
    assert float(loss.detach()) == 0 and torch.equal(logits.grad, torch.zeros(2, 2))
