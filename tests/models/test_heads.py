"""Part heads and logit adjustment."""

import math

import pytest
import torch
import torch.nn.functional as F
from small_networks import joint_network

from assignment_lib.data.attributes import TASKS
from assignment_lib.models import heads

PARTS = {"hat": ("no", "yes"), "shoes": ("black", "white", "red")}


def test_part_heads_against_a_naive_loop():
    torch.manual_seed(0)
    module = heads.PartHeads(6, PARTS, hidden=3, stripes=4).eval()
    features = torch.randn(2, 6, 8, 5)
    reduced = module.reduce(features).detach()
    logits = module(features)
    for image in range(2):
        parts = [features[image].mean((1, 2)), features[image].amax((1, 2))]
        # channel by channel, each from the top stripe to the lowest
        stripes = [[reduced[image, c, 2 * i : 2 * i + 2].mean() for i in range(4)] for c in range(3)]
        pooled = torch.cat([*parts, torch.tensor(stripes).flatten()])
        pooled = F.batch_norm(pooled[None], module.norm.running_mean, module.norm.running_var)
        wanted = (pooled @ module.linear.weight.T + module.linear.bias)[0]
        assert torch.allclose(logits["hat"][image], wanted[:2], atol=1e-5)
        assert torch.allclose(logits["shoes"][image], wanted[2:], atol=1e-5)


def test_a_map_of_any_height_will_do():
    module = heads.PartHeads(6, PARTS, hidden=3)
    for height in (2, 4, 7, 12):
        assert {task: tuple(v.shape) for task, v in module(torch.randn(2, 6, height, 3)).items()} == {
            "hat": (2, 2),
            "shoes": (2, 3),
        }


HAT = {"hat": ("no", "yes"), "age": ("young", "adult", "old")}


def test_logit_adjustment_against_the_paper():
    module = heads.LogitAdjustment(HAT, tau=0.5)
    module.set_priors({"hat": torch.tensor([0.9, 0.1]), "age": torch.tensor([0.25, 0.75, 0.0])})
    adjusted = module({"hat": torch.tensor([[2.0, 1.0]]), "age": torch.tensor([[1.0, 2.0, 3.0]])})
    assert adjusted["hat"][0].tolist() == pytest.approx([2 - 0.5 * math.log(0.9), 1 - 0.5 * math.log(0.1)])
    # a class without a training image stays where it is, and does not win by log 0
    assert adjusted["age"][0].tolist() == pytest.approx([1 - 0.5 * math.log(0.25), 2 - 0.5 * math.log(0.75), 3])


def test_full_adjustment_of_the_true_posterior_is_the_balanced_one():
    """With tau = 1 the classes are weighed as if each were equally common: p(x|c), Menon et al. 2021, section 3.2."""
    prior, likelihood = torch.tensor([0.95, 0.05]), torch.tensor([[0.2, 0.6], [0.3, 0.1]])
    posterior = prior * likelihood / (prior * likelihood).sum(1, keepdim=True)
    module = heads.LogitAdjustment({"hat": HAT["hat"]}, tau=1.0)
    module.set_priors({"hat": prior})
    balanced = module({"hat": posterior.log()})["hat"].softmax(1)
    assert torch.allclose(balanced, likelihood / likelihood.sum(1, keepdim=True))


def test_before_priors_are_known_probabilities_stay():
    logits = {"hat": torch.randn(4, 2), "age": torch.randn(4, 3)}
    adjusted = heads.LogitAdjustment(HAT, tau=0.7)(logits)
    for task in HAT:
        assert torch.allclose(adjusted[task].softmax(1), logits[task].softmax(1), atol=1e-6)


def test_a_network_adjusts_in_evaluation_only_and_its_checkpoint_knows_how():
    torch.manual_seed(0)
    priors = {task: torch.rand(len(classes)) + 0.1 for task, classes in TASKS.items()}
    priors = {task: values / values.sum() for task, values in priors.items()}
    options = {"pretrained": False, "embedding": "concatenated"}
    network = joint_network("resnet18", 3, **options, logit_adjustment=0.5, priors=priors).eval()
    pictures = torch.rand(2, 3, 64, 32)
    plain = joint_network("resnet18", 3, **options).eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    again = joint_network("resnet18", 3, **options, logit_adjustment=0.9).eval()
    again.load_state_dict(network.state_dict())
    with torch.inference_mode():
        ours, without, loaded = network(pictures), plain(pictures), again(pictures)
        assert torch.equal(ours.embedding, without.embedding)  # the embedding sees what it saw in training
        for task, prior in priors.items():
            assert torch.allclose(ours.attributes[task], without.attributes[task] - 0.5 * prior.log(), atol=1e-5)
            assert torch.equal(ours.attributes[task], loaded.attributes[task])
    in_training = []
    for module in (network, plain):
        torch.manual_seed(1)  # of the dropout
        in_training.append(module.train()(pictures).attributes)
    assert all(torch.equal(in_training[0][task], in_training[1][task]) for task in TASKS)
    assert plain.logit_adjustment is None and not any("prior" in name for name in plain.state_dict())
