import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.retrieval.whitening import fit_whitening


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 40), st.integers(2, 8), st.floats(0, 1), st.integers(1, 10))
def test_axes_have_the_variance_that_the_power_leaves(seed, images, size, power, dimensions):
    x = torch.randn(images, size, generator=torch.Generator().manual_seed(seed)) * torch.linspace(3, 1, size)
    whiten = fit_whitening(x, dimensions=dimensions, power=power)
    assert whiten.axes.shape == (size, min(dimensions, size, images - 1)) or images <= size
    variances, vectors = torch.linalg.eigh(torch.cov(x.T.double()))
    kept = whiten.axes.shape[1]
    variances, vectors = variances.flip(0)[:kept], vectors.flip(1)[:, :kept]
    projected = ((x - whiten.mean) @ whiten.axes).double()
    torch.testing.assert_close(projected.var(0), variances ** (1 - power), rtol=2e-2, atol=1e-3)
    # the axes are those of the covariance, up to their sign
    naive = ((x.double() - x.double().mean(0)) @ vectors) * variances ** (-power / 2)
    gaps = (variances[:-1] / variances[1:]).min() if kept > 1 else 2
    if gaps > 1.05 and variances[-1] > 1e-3 * variances[0]:
        torch.testing.assert_close(projected.abs(), naive.abs(), rtol=1e-2, atol=2e-3)


def test_whitened_embeddings_by_hand():
    x = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]])  # variances 8/3 and 2/3
    full, half, rotated = (fit_whitening(x, power=power) for power in (1, 0.5, 0))
    assert full(torch.tensor([[2.0, 1.0]])).abs()[0].tolist() == pytest.approx([0.5**0.5] * 2)
    ratio = half(torch.tensor([[2.0, 1.0]])).abs()[0]
    assert float(ratio[0] / ratio[1]) == pytest.approx(2**0.5)
    assert rotated(x).abs().tolist() == F.normalize(x).abs().tolist()


def test_the_same_embeddings_give_the_same_axes():
    gallery, training = torch.randn(50, 20), torch.randn(40, 20)
    first, again = fit_whitening(gallery, training), fit_whitening(torch.cat([gallery, training]))
    assert torch.equal(first.axes, again.axes) and first.axes.dtype == torch.float32
    assert first(gallery).norm(dim=1).tolist() == pytest.approx([1] * 50)


def test_what_cannot_be_whitened():
    with pytest.raises(ValueError, match="at least two embeddings, not 1"):
        fit_whitening(torch.ones(1, 3))
    with pytest.raises(ValueError, match="a power of 2 is not between"):
        fit_whitening(torch.randn(4, 3), power=2)
    with pytest.raises(ValueError, match="0 dimensions"):
        fit_whitening(torch.randn(4, 3), dimensions=0)
    same = fit_whitening(torch.ones(4, 3))(torch.ones(2, 3))
    assert same.isfinite().all()
