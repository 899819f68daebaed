import pytest
import torch

from assignment_lib.models import pooling


def test_gem_against_its_equation():
    features = torch.randn(2, 3, 4, 5)
    pooled = pooling.GeM(p=2.5, eps=1e-6)(features).detach()
    assert pooled.shape == (2, 3, 1, 1)
    for image in range(2):
        for channel in range(3):
            values = [max(float(x), 1e-6) for x in features[image, channel].flatten()]
            wanted = (sum(x**2.5 for x in values) / 20) ** (1 / 2.5)
            assert float(pooled[image, channel]) == pytest.approx(wanted, rel=1e-4)


def test_gem_lies_between_mean_and_maximum():
    features = torch.rand(2, 3, 4, 5)
    assert torch.allclose(pooling.GeM(p=1.0)(features), pooling.pooling("mean")(features), atol=1e-5)
    assert torch.allclose(pooling.GeM(p=200.0)(features + 0.5), (features + 0.5).amax((2, 3), keepdim=True), rtol=0.03)


def test_the_power_is_learned_and_a_dead_channel_does_no_harm():
    gem = pooling.GeM()
    gem(torch.stack([torch.zeros(3, 2), torch.rand(3, 2)])[None]).sum().backward()
    assert gem.p.grad.isfinite() and gem.p.grad != 0
