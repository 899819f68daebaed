"""A trained network whose PID classifier has room for people who were found later."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.models.joint import JointConvNet


def cluster_directions(embeddings: Tensor, labels: Tensor) -> Tensor:
    """The direction of the mean embedding of each cluster, `(C, D)`, of length 1.

    `embeddings` `(N, D)`, L2-normalised; `labels` `(N,)` int64, 0 to C - 1, or -1 for an image in no cluster.
    """
    chosen = labels >= 0
    sums = torch.zeros(int(labels.max()) + 1, embeddings.shape[1])
    return F.normalize(sums.index_add_(0, labels[chosen], embeddings[chosen]))


@torch.no_grad()
def take_over(network: JointConvNet, trained: JointConvNet, people: int, directions: Tensor) -> None:
    """Give `network`, made for more identities, the weights of `trained`.

    The rows of the PID classifier for the first `people` identities are those of `trained`; of the others each points
    along its cluster's row of `directions` `(C, D)`, as long as the labelled rows are on average, so that an image of a
    cluster is as likely its cluster's as one of a labelled person is that person's (imprinted weights, Qi et al. 2018).
    The biases of a classifier that has some are the mean of the labelled ones. Raises `ValueError` where the classifiers
    do not have so many rows.
    """
    weights = trained.state_dict()
    own = network.pid_classifier
    if own is not None:
        known, rows = weights["pid_classifier.weight"][:people], people + len(directions)
        if len(known) < people or own.out_features != rows:
            raise ValueError(
                f"the PID classifiers have {len(weights['pid_classifier.weight'])} and {own.out_features} rows, which does not "
                f"fit {people} labelled people and {len(directions)} clusters; train the network anew with this data"
            )
        scale = known.norm(dim=1).mean()
        weights["pid_classifier.weight"] = torch.cat([known, scale * directions.to(known)])
        if own.bias is not None:
            bias = weights["pid_classifier.bias"][:people]
            weights["pid_classifier.bias"] = torch.cat([bias, bias.mean().expand(len(directions))])
    network.load_state_dict(weights)
