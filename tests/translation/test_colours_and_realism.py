"""Plain colour matching, and the distance between sets of features."""

import numpy as np
import pytest
import torch
from scipy import linalg

from assignment_lib.translation import colours, realism


def noise(count, mean, deviation, seed):
    values = torch.randn(count, 3, 16, 8, generator=torch.Generator().manual_seed(seed))
    return (
        (values * torch.tensor(deviation)[:, None, None] + torch.tensor(mean)[:, None, None])
        .clamp(0, 255)
        .to(torch.uint8)
    )


def test_colours_become_those_of_the_camera():
    images = noise(30, (100.0, 120.0, 90.0), (15.0, 20.0, 10.0), 0)
    target = torch.cat(
        [noise(20, (60.0, 150.0, 110.0), (10.0, 10.0, 20.0), 1), noise(20, (130.0,) * 3, (25.0,) * 3, 2)]
    )
    cameras, wanted = torch.arange(2).repeat_interleave(20), torch.arange(30) % 2
    matched = colours.match_colours(images, target, wanted, cameras)
    for camera in (0, 1):
        found = colours.colour_statistics(matched[wanted == camera])
        for ours, theirs in zip(found, colours.colour_statistics(target[cameras == camera]), strict=True):
            torch.testing.assert_close(ours, theirs, atol=0.01, rtol=0.02)


def test_one_pixel_by_hand():
    """Mean 100 and deviation 50 become mean 60 and deviation 10: 150 becomes 70."""
    images = torch.tensor([50, 150], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    target = torch.tensor([50, 70], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    zero = torch.zeros(2, dtype=torch.int64)
    assert colours.match_colours(images, target, zero, zero)[:, 0].flatten().tolist() == [50, 70]


def test_frechet_distance_is_the_formula_with_scipys_root():
    torch.manual_seed(0)
    one, other = torch.randn(60, 5) @ torch.randn(5, 5), torch.randn(50, 5) @ torch.randn(5, 5) + 0.5
    cov = [np.cov(x.double().numpy().T) for x in (one, other)]
    apart = float((one.double().mean(0) - other.double().mean(0)).square().sum())
    wanted = apart + np.trace(cov[0] + cov[1] - 2 * linalg.sqrtm(cov[0] @ cov[1]).real)
    assert realism.frechet_distance(one, other) == pytest.approx(wanted, rel=1e-8)


def test_frechet_distance_by_hand():
    """In one dimension `(m1 - m2)^2 + (s1 - s2)^2`."""
    one, other = torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [7.0]])  # means 1, 5; deviations sqrt 2, sqrt 8
    assert realism.frechet_distance(one, other) == pytest.approx(16 + 2)
    with pytest.raises(ValueError, match="at least two"):
        realism.frechet_distance(one[:1], other)


def test_fewer_images_are_farther_away():
    """The bias that makes sets of different sizes incomparable."""
    real = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    few, many = realism.distance_to(real, real, 20)[0], realism.distance_to(real, real, 200)[0]
    assert few > 3 * many > 0
    with pytest.raises(ValueError, match="too few for sets of 300"):
        realism.distance_to(real, real, 300)
