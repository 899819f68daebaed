"""Losses that teach the embedding to tell persons apart."""

from __future__ import annotations

import torch.nn.functional as F
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner
from pytorch_metric_learning.reducers import AvgNonZeroReducer, MeanReducer
from torch import Tensor, nn


def pid_cross_entropy(logits: Tensor, pids: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy over the training identities (report, section 2.3.1).

    `logits` `(B, P)`, `pids` `(B,)` int64 in [0, P): positions in the sorted list of training identities.
    """
    return F.cross_entropy(logits.float(), pids, label_smoothing=label_smoothing)


class TripletMargin(nn.Module):
    """`max(0, d(a, p) - d(a, n) + margin)` on L2-normalised embeddings, classes = PIDs (report, section 2.3.1).

    d is the Euclidean distance of normalised embeddings, so distances lie in [0, 2] and one margin fits every network.
    `mining` says which triplets of the batch count: "all" (the mean of those not yet solved), "semihard" (a negative
    farther than the positive, but inside the margin) or "hard" (each anchor's farthest positive and nearest negative,
    Hermans et al. 2017, equation 5). A batch without a positive pair gives 0.
    """

    def __init__(self, margin: float = 0.3, mining: str = "all"):
        super().__init__()
        distance = LpDistance(normalize_embeddings=True, p=2)
        miners = {
            "all": None,
            "semihard": TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=distance),
            "hard": BatchHardMiner(distance=distance),
        }
        if mining not in miners:
            raise ValueError(f"mining is one of {', '.join(miners)}, not {mining!r}")
        self.miner = miners[mining]
        reducer = MeanReducer() if mining == "hard" else AvgNonZeroReducer()
        self.loss = TripletMarginLoss(margin=margin, distance=distance, reducer=reducer)

    def forward(self, embedding: Tensor, pids: Tensor) -> Tensor:
        """`embedding` `(B, D)` of any scale, `pids` `(B,)` int64; returns a scalar, float32."""
        embedding = embedding.float()
        triplets = self.miner(embedding, pids) if self.miner is not None else None
        return self.loss(embedding, pids, triplets)
