"""Stages of a backbone."""

import pytest
import timm
import torch
from small_networks import joint_network

from assignment_lib.models import backbones
from assignment_lib.models.backbones import backbone


@pytest.mark.parametrize(
    ("name", "stage"), [("resnet18", "layer"), ("efficientnet_lite0", "blocks."), ("mobilenetv3_small_050", "blocks.")]
)
def test_frozen_stages_do_not_move_and_the_others_do(name, stage):
    torch.manual_seed(0)
    network = joint_network(name, 4, pretrained=False, frozen_stages=2, neck="bn")
    first = 1 if stage == "layer" else 0
    frozen = ("conv1.", "conv_stem.", "bn1.", f"{stage}{first}.", f"{stage}{first + 1}.")
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.eval().train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    output = network(torch.rand(4, 3, 64, 32))
    (output.pid.square().sum() + sum(logits.square().sum() for logits in output.attributes.values())).backward()
    optimizer.step()
    moved = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    prefix = "features.network."
    assert not {key for key in moved if key.startswith(tuple(prefix + part for part in frozen))}
    later = f"{prefix}{stage}{first + 2}."
    assert any(key.startswith(later) and key.endswith("running_mean") for key in moved)
    assert any(key.startswith(later) and key.endswith("weight") for key in moved)


def test_the_stem_alone_nothing_and_too_much():
    network = timm.create_model("resnet18")
    assert backbones.first_stages(network, -1) == []
    assert backbones.first_stages(network, 0) == [network.conv1, network.bn1]
    with pytest.raises(ValueError, match="frozen_stages=5, but a ResNet has 4 stages"):
        backbones.first_stages(network, 5)


def test_an_unknown_architecture_is_one_sentence():
    for options in ({"frozen_stages": 1}, {"last_stride": 1}):
        with pytest.raises(ValueError, match=r"EfficientNets and ResNets.*DenseNet"):
            joint_network("densenet121", 2, pretrained=False, **options)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_lite0", "efficientnet_b0"])
def test_a_last_stride_of_one_doubles_the_map_and_keeps_the_weights(name):
    two, one = (backbone(name, False, last_stride).features.eval() for last_stride in (2, 1))
    one.load_state_dict(two.state_dict())
    with torch.inference_mode():
        halved, kept = two(torch.zeros(1, 3, 128, 64)), one(torch.zeros(1, 3, 128, 64))
    assert halved.shape[2:] == (4, 2) and kept.shape[2:] == (8, 4)
    assert halved.shape[1] == kept.shape[1]


def test_a_map_halved_by_pooling_is_refused():
    with pytest.raises(ValueError, match="whose convolutions alone halve the map"):
        backbone("resnet18d", False, 1)
