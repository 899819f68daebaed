import pytest
import torch

from assignment_lib.models import gradient, joint


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_values_stay_and_the_gradient_is_a_share(share):
    x = torch.randn(3, requires_grad=True)
    scaled = gradient.scale_gradient(x, share)
    assert torch.allclose(scaled, x)
    (3 * scaled).sum().backward()
    assert torch.allclose(x.grad if x.grad is not None else torch.zeros(3), torch.full((3,), 3 * share))


def test_heads_learn_where_the_backbone_hears_nothing_of_them():
    network = joint.JointConvNet("resnet18", 3, pretrained=False, attribute_gradient=0.0, head="parts")
    sum(logits.square().sum() for logits in network(torch.rand(2, 3, 64, 32)).attributes.values()).backward()
    assert all(p.grad is not None for p in network.heads.parameters())
    assert all(p.grad is None or not p.grad.any() for p in network.features.parameters())
