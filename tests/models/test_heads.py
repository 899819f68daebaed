"""Attribute heads, richer embeddings and logit adjustment."""

import math

import pytest
import torch
import torch.nn.functional as F

from assignment_lib.data.attributes import TASKS
from assignment_lib.models import heads

HAT = {"hat": ("no", "yes"), "age": ("young", "adult", "old")}


def test_attention_against_its_equation():
    """softmax(Q K^T / sqrt(d)) V with one head, position by position."""
    torch.manual_seed(0)
    block = heads.SelfAttention(6, heads=1, width=4).eval()
    features = torch.randn(1, 6, 8, 4)  # the size of the learned positions: no resizing
    assert torch.equal(block(features), features), "untrained"
    torch.nn.init.normal_(block.out.weight)
    tokens = (block.into(features) + block.position).flatten(2).transpose(1, 2)[0]
    tokens = block.norm(tokens)
    weight, bias = block.attention.in_proj_weight, block.attention.in_proj_bias
    q, k, v = ((tokens @ w.T + b) for w, b in zip(weight.chunk(3), bias.chunk(3), strict=True))
    attended = torch.stack([sum(p * v[j] for j, p in enumerate((q[i] @ k.T / 2).softmax(0))) for i in range(32)])
    attended = block.attention.out_proj(attended)
    expected = features + block.out(attended.T.reshape(1, 4, 8, 4))
    assert torch.allclose(block(features), expected, atol=1e-5)


def test_part_heads_against_a_naive_loop():
    torch.manual_seed(0)
    module = heads.PartHeads(6, HAT, hidden=3).eval()
    features = torch.randn(2, 6, 8, 5)
    reduced = module.reduce(features).detach()
    logits = module(features)
    for image in range(2):
        whole = [features[image].mean((1, 2)), features[image].amax((1, 2))]
        # channel by channel, each from the top stripe to the lowest
        stripes = [[reduced[image, c, 2 * i : 2 * i + 2].mean() for i in range(4)] for c in range(3)]
        pooled = torch.cat([*whole, torch.tensor(stripes).flatten()])
        pooled = F.batch_norm(pooled[None], module.norm.running_mean, module.norm.running_var)
        expected = (pooled @ module.linear.weight.T + module.linear.bias)[0]
        assert torch.allclose(logits["hat"][image], expected[:2], atol=1e-5)
        assert torch.allclose(logits["age"][image], expected[2:], atol=1e-5)


def test_reweighting_against_its_equation():
    torch.manual_seed(0)
    module = heads.RichEmbedding("reweighted")
    logits = {task: torch.randn(3, len(classes)) for task, classes in TASKS.items()}
    a = torch.cat([values.softmax(1) for values in logits.values()], dim=1)
    c = torch.sigmoid(a @ module.confidence.weight.T + module.confidence.bias)
    expected = torch.cat([torch.ones(3, 2), a * c], dim=1)
    assert torch.allclose(module(torch.ones(3, 2), logits), expected, atol=1e-6)
    assert torch.allclose(heads.RichEmbedding("concatenated")(torch.ones(3, 2), logits)[:, 2:], a)


def test_logit_adjustment_by_hand():
    priors = {"hat": torch.tensor([0.9, 0.1]), "age": torch.tensor([0.25, 0.75, 0.0])}
    module = heads.LogitAdjustment(HAT, 0.5, priors)
    adjusted = module({"hat": torch.tensor([[2.0, 1.0]]), "age": torch.tensor([[1.0, 2.0, 3.0]])})
    assert adjusted["hat"][0].tolist() == pytest.approx([2 - 0.5 * math.log(0.9), 1 - 0.5 * math.log(0.1)])
    # a class without training images keeps its logit instead of winning by log 0
    assert adjusted["age"][0].tolist() == pytest.approx([1 - 0.5 * math.log(0.25), 2 - 0.5 * math.log(0.75), 3])


def test_adjustment_without_priors_keeps_the_probabilities():
    logits = {"hat": torch.randn(4, 2), "age": torch.randn(4, 3)}
    adjusted = heads.LogitAdjustment(HAT, tau=0.7)(logits)
    for task in HAT:
        assert torch.allclose(adjusted[task].softmax(1), logits[task].softmax(1), atol=1e-6)
