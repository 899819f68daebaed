"""What stands between the pooled feature and the PID classifier."""

from __future__ import annotations

from torch import nn

NECKS = ("none", "bn")


def bn_neck(size: int) -> nn.BatchNorm1d:
    """The BNNeck of Luo et al. 2019, section 3.5: a batch norm without a learned shift, `(B, size)` -> `(B, size)`.

    Metric losses want distances, the classifier wants directions: the ones see the feature before the neck, the other
    the feature after it, which is also what retrieval compares. Without a shift, and with a classifier without bias, the
    planes between identities go through the origin, as cosine similarity asks for.
    """
    neck = nn.BatchNorm1d(size)
    neck.bias.requires_grad_(False)
    return neck


def unbiased_classifier(size: int, n_pids: int) -> nn.Linear:
    """The PID classifier after a BNNeck: no bias, small weights to begin with (standard deviation 0.001)."""
    classifier = nn.Linear(size, n_pids, bias=False)
    nn.init.normal_(classifier.weight, std=0.001)
    return classifier
