"""JointNet and JointConvNet."""

import pytest
import torch
import torch.nn.functional as F
from small_networks import joint_network

from assignment_lib.data.attributes import TASKS
from assignment_lib.models import heads, joint
from assignment_lib.models.backbones import Backbone


@pytest.mark.parametrize("head", [*heads.HEADS, "parts"])
@pytest.mark.parametrize("embedding", heads.EMBEDDINGS)
def test_every_head_and_embedding(head, embedding):
    network = joint_network("resnet18", 5, head=head, embedding=embedding)
    output = network(torch.rand(2, 3, 64, 32))
    assert network.embedding_size == (512 if embedding == "plain" else 553)
    assert output.embedding.shape == (2, network.embedding_size) and output.pid.shape == (2, 5)
    assert {task: len(logits[0]) for task, logits in output.attributes.items()} == {t: len(c) for t, c in TASKS.items()}
    (output.pid.sum() + sum(logits.sum() for logits in output.attributes.values())).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_embedding_is_the_averaged_feature_map():
    network, images = joint_network("efficientnet_lite0", 7).eval(), torch.rand(2, 3, 128, 64)
    with torch.inference_mode():
        expected = network.features((images - 0.5) / 0.5).mean(dim=(2, 3))
        assert torch.allclose(network(images).embedding, expected, atol=1e-5)


@pytest.mark.parametrize("head", ["conv", "parts"])
def test_settings_reach_the_heads(head):
    network = joint_network("resnet18", 7, head=head, head_hidden=24, dropout=0.25)
    probabilities = [module.p for module in network.heads.modules() if isinstance(module, torch.nn.Dropout)]
    assert probabilities == [0.25] * (1 if head == "parts" else 12)
    convolutions = [module for module in network.heads.modules() if isinstance(module, torch.nn.Conv2d)]
    assert {module.out_channels for module in convolutions} == {24}


def test_parameters_are_counted_by_part():
    network = joint_network("resnet18", 7, frozen_stages=0)
    counts = joint.count_parameters(network)
    assert counts["pid_classifier"] == 7 * 512 + 7
    assert counts["total"] == sum(count for name, count in counts.items() if name != "total")
    stem = 3 * 64 * 7 * 7 + 2 * 64  # frozen
    assert counts["total"] == sum(p.numel() for p in network.parameters()) - stem


def test_a_backbone_of_ones_own(monkeypatch):
    """CONTRIBUTING.md: any module that returns a feature map."""
    own = Backbone(torch.nn.Conv2d(3, 8, 3, stride=16), 8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    monkeypatch.setattr(joint, "backbone", lambda *_: own)
    network = joint_network("my own", 5)
    assert network.train()(torch.rand(2, 3, 64, 32)).embedding.shape == (2, 8)
    with pytest.raises(ValueError, match="frozen_stages=-1"):
        joint_network("my own", 5, frozen_stages=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "deep"}, "head='deep'"),
        ({"neck": "long"}, "neck='long'"),
        ({"last_stride": 3}, "last_stride"),
        ({"embedding": "large"}, "large"),
        ({"embedding": "reweighted", "attributes": False}, "attributes"),
    ],
)
def test_unknown_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        joint_network("resnet18", 5, **options)


def test_state_dict_carries_the_image_size():
    trained = joint_network("resnet18", 3, image_size=(256, 128))
    loaded = joint_network("resnet18", 3)
    assert loaded.image_size == (128, 64)
    loaded.load_state_dict(trained.state_dict())
    assert loaded.image_size == (256, 128)


def test_metric_losses_before_the_neck_and_classifier_after_it():
    torch.manual_seed(0)
    network = joint_network("resnet18", 5, neck="bn")
    output = network(torch.rand(4, 3, 64, 32))
    normalised = F.batch_norm(output.metric, None, None, network.neck.weight, training=True)
    assert torch.allclose(output.embedding, normalised)
    assert [name for name, p in network.neck.named_parameters() if p.requires_grad] == ["weight"], "no shift"
    assert network.pid_classifier.bias is None
    assert torch.allclose(output.pid, output.embedding @ network.pid_classifier.weight.T)


def test_logits_are_adjusted_in_evaluation_only_and_the_state_dict_carries_the_priors():
    torch.manual_seed(0)
    priors = {task: torch.rand(len(classes)).softmax(0) for task, classes in TASKS.items()}
    options = {"embedding": "concatenated", "dropout": 0.0}
    network = joint_network("resnet18", 3, **options, logit_adjustment=0.5, priors=priors).eval()
    plain = joint_network("resnet18", 3, **options).eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    again = joint_network("resnet18", 3, **options, logit_adjustment=0.9).eval()
    again.load_state_dict(network.state_dict())
    images = torch.rand(2, 3, 64, 32)
    with torch.inference_mode():
        adjusted, unadjusted, loaded = network(images), plain(images), again(images)
        assert torch.equal(adjusted.embedding, unadjusted.embedding)  # as in training
        for task, prior in priors.items():
            expected = unadjusted.attributes[task] - 0.5 * prior.log()
            assert torch.allclose(adjusted.attributes[task], expected, atol=1e-5)
            assert torch.equal(adjusted.attributes[task], loaded.attributes[task])
    training = [module.train()(images).attributes for module in (network, plain)]
    assert all(torch.equal(training[0][task], training[1][task]) for task in TASKS)
    assert plain.logit_adjustment is None and not any("prior" in name for name in plain.state_dict())
