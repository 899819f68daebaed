import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_training import TASK, Tiny
from torch import nn

from assignment_lib.losses.objective import Objective
from assignment_lib.training import optimizers


def test_groups_hold_every_parameter_once():
    model = Tiny()
    groups = {g["name"]: g for g in optimizers.parameter_groups(model, 0.1, 0.01, backbone_rate=0.5)}
    assert set(groups) == {"backbone", "backbone (norms, biases)", "heads", "heads (norms, biases)"}
    assert sorted(id(p) for g in groups.values() for p in g["params"]) == sorted(id(p) for p in model.parameters())
    assert all(p.ndim > 1 for name in ("backbone", "heads") for p in groups[name]["params"])
    assert [groups[name]["lr"] for name in ("backbone", "heads")] == [0.05, 0.1]
    assert [g["weight_decay"] for g in groups.values()] == [0.01 if "(" not in name else 0 for name in groups]


def test_frozen_parameters_are_left_out():
    model = Tiny().requires_grad_(False)
    model.hat.requires_grad_(True)
    assert [p.shape for g in optimizers.parameter_groups(model, 0.1, 0.01) for p in g["params"]] == [(2, 4), (2,)]


def test_decay_shrinks_weights_and_spares_norms_biases_and_the_objective():
    model, objective = Tiny(), Objective(TASK)
    optimizer = optimizers.adamw(model, objective, 0.1, weight_decay=0.5)
    for p in (*model.parameters(), *objective.parameters()):
        p.grad = torch.zeros_like(p)
        nn.init.ones_(p)
    optimizer.step()
    # decoupled: p <- p - lr * decay * p
    assert all(torch.allclose(p, torch.tensor(0.95)) for p in model.parameters() if p.ndim > 1)
    assert all((p == 1).all() for p in (*model.parameters(), *objective.parameters()) if p.ndim < 2)


def test_an_objective_without_parameters_gets_no_group():
    assert len(optimizers.adamw(nn.Linear(2, 2), nn.Identity(), 0.1).param_groups) == 2


def test_warm_up_and_cosine_by_hand():
    factors = [optimizers.rate_factor("cosine", step, steps=7, warmup_steps=3) for step in range(8)]
    assert factors[:4] == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1])
    assert factors[4:] == pytest.approx([0.5 * (1 + math.cos(math.pi * k / 4)) for k in (1, 2, 3, 4)])
    assert [optimizers.rate_factor("constant", step, 5, 1) for step in (0, 1, 4)] == [0.5, 1, 1]


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(0, 3))
def test_plateaus_as_torch_counts_them(scores, patience):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.1, patience=patience, threshold=0.0, eps=0.0
    )
    for score in scores:
        scheduler.step(score)
    factor = optimizers.rate_factor("plateau", 0, 1, scores=scores, patience=patience)
    assert factor == pytest.approx(optimizer.param_groups[0]["lr"])


def test_an_unknown_schedule_is_named():
    with pytest.raises(ValueError, match="constant, cosine, plateau, not 'linear'"):
        optimizers.rate_factor("linear", 0, 1)


def test_every_group_moves_by_the_same_factor():
    optimizer = optimizers.adamw(Tiny(), nn.Identity(), 0.2, backbone_rate=0.5)
    optimizers.set_learning_rate(optimizer, 0.5)
    optimizers.set_learning_rate(optimizer, 0.1)  # of the first rate, not of the last one
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.01, 0.01, 0.02, 0.02])


def test_the_moving_average_by_hand():
    model = nn.BatchNorm1d(1)
    average = optimizers.moving_average(model, 0.9)
    for value in (1.0, 2.0, 4.0):
        nn.init.constant_(model.weight, value)
        model.running_mean.fill_(value)
        average.update_parameters(model)
    wanted = 0.9 * (0.9 * 1 + 0.1 * 2) + 0.1 * 4
    assert float(average.module.weight.detach()) == pytest.approx(wanted)
    assert float(average.module.running_mean) == pytest.approx(wanted)
