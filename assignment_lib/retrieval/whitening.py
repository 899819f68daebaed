"""Whitening of embeddings by their principal axes, learned without labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.decomposition import PCA
from torch import Tensor

#: An axis with less than this share of the first one's variance is rounding.
_NOTHING = 1e-6


class Whitening(NamedTuple):
    """`normalize((x - mean) @ axes)` for each embedding `x`."""

    mean: Tensor  # (D,) float32
    axes: Tensor  # (D, dimensions) float32, each principal axis divided by its standard deviation to a power

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Embeddings `(N, D)` whitened and L2-normalised: `(N, dimensions)` float32."""
        return F.normalize((embeddings - self.mean) @ self.axes)


def fit_whitening(*embeddings: Tensor, dimensions: int = 512, power: float = 0.5) -> Whitening:
    """The first principal axes of all `embeddings` `(N, D)` together, axis i divided by lambda_i ** (power / 2).

    lambda_i is the variance along axis i (Jegou & Chum 2012, section 3): power 0 only rotates and leaves dimensions out,
    1 whitens fully, so that each axis has variance 1, 0.5 goes half of the way. Fewer axes than `dimensions` where the
    embeddings span fewer. The same embeddings always give the same axes; they stand where the embeddings are.

    Fit on gallery and training embeddings, or on gallery and validation ones. Where the validation images are not among
    those it is fitted on, but the distractors they are searched in are, validation looks 1 to 1.5 mAP points better than
    it is.

    Raises ValueError for fewer than two embeddings, a power outside 0 to 1, and fewer than one dimension.
    """
    together = torch.cat(embeddings)
    if len(together) < 2:
        raise ValueError(f"whitening is learned from at least two embeddings, not {len(together)}")
    if not 0 <= power <= 1:
        raise ValueError(f"a power of {power} is not between 0 (only rotate) and 1 (whiten fully)")
    if dimensions < 1:
        raise ValueError(f"{dimensions} dimensions; there must be at least 1")
    # for 6,900 embeddings of 1,280 numbers 1.8 s; svd_solver="full" finds the same axes in 5.6 s
    with np.errstate(invalid="ignore"):  # all embeddings may be the same
        pca = PCA(min(dimensions, *together.shape), svd_solver="covariance_eigh").fit(together.cpu().numpy())
    variance = torch.from_numpy(pca.explained_variance_)
    spanned = max(1, int((variance > _NOTHING * variance[0]).sum()))
    axes = torch.from_numpy(pca.components_[:spanned].T) * variance[:spanned].clamp(min=1e-12).pow(-power / 2)
    mean = torch.from_numpy(pca.mean_)
    return Whitening(mean.float().to(together.device), axes.float().to(together.device))
