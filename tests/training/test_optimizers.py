import math

import pytest
import torch
from tiny_training import Tiny, tiny_objective
from torch import nn

from assignment_lib.training import optimizers


def test_decay_shrinks_weights_but_not_norms_biases_and_the_objective():
    model, objective = Tiny(), tiny_objective()
    optimizer = optimizers.adamw(model, objective, 0.1, weight_decay=0.5)
    trained = [*model.parameters(), *objective.parameters()]
    assert sorted(id(p) for g in optimizer.param_groups for p in g["params"]) == sorted(id(p) for p in trained)
    for p in trained:
        p.grad = torch.zeros_like(p)
        nn.init.ones_(p)
    optimizer.step()
    # decoupled: p <- p - lr * decay * p
    assert all(torch.allclose(p, torch.tensor(0.95)) for p in model.parameters() if p.ndim > 1)
    assert all((p == 1).all() for p in trained if p.ndim < 2)


def test_frozen_parameters_are_excluded():
    model = Tiny().requires_grad_(False)
    model.hat.requires_grad_(True)
    optimizer = optimizers.adamw(model, nn.Identity(), 0.1)
    assert [p.shape for group in optimizer.param_groups for p in group["params"]] == [(2, 4), (2,)]


def test_warm_up_and_cosine_by_hand():
    factors = [optimizers.rate_factor("cosine", step, steps=7, warmup_steps=3) for step in range(8)]
    assert factors[:4] == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1])
    assert factors[4:] == pytest.approx([0.5 * (1 + math.cos(math.pi * k / 4)) for k in (1, 2, 3, 4)])
    assert [optimizers.rate_factor("constant", step, 5, 1) for step in (0, 1, 4)] == [0.5, 1, 1]
    with pytest.raises(ValueError, match="'linear'"):
        optimizers.rate_factor("linear", 0, 1)


def test_the_cpu_trains_in_float32_unless_another_type_is_chosen():
    cpu = torch.device("cpu")
    assert optimizers.amp_dtype("auto", cpu) is None and optimizers.amp_dtype("off", cpu) is None
    assert optimizers.amp_dtype("bfloat16", cpu) is torch.bfloat16
    for name in ("float32", "bfloat16", "float16"):
        assert optimizers.dtype_name(optimizers.amp_dtype(name, cpu)) == name
    with pytest.raises(ValueError, match="'half'"):
        optimizers.amp_dtype("half", cpu)
