"""Identity losses, which make embeddings of different people distinguishable.

`forward(embedding, pids)` takes embeddings `(B, D)` of any scale and identities `(B,)` int64; it returns a scalar float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner, TripletMarginMiner
from pytorch_metric_learning.reducers import AvgNonZeroReducer, MeanReducer
from torch import Tensor, nn

#: Lower bound of the length in the normalisation. The gradient grows with 1 / length; with torch's bound of 1e-12 that of a
#: zero embedding is infinite in float16 at any loss scale.
SHORTEST = 1e-4


def directions(embedding: Tensor) -> Tensor:
    """Embeddings `(B, D)` of any dtype, L2-normalised in float32: float16 overflows at the square of 256."""
    return F.normalize(embedding.float(), eps=SHORTEST)


class TripletMargin(nn.Module):
    """`max(0, d(a, p) - d(a, n) + margin)` with the Euclidean distance of L2-normalised embeddings (report, section 2.3.1).

    `mining` selects the triplets of the batch: "all" (the mean over those that violate the margin), "semihard" (a
    negative farther than the positive, but within the margin) or "hard" (each anchor's farthest positive and nearest
    negative, Hermans et al. 2017, equation 5). A batch without a positive pair gives 0.
    """

    def __init__(self, margin: float = 0.3, mining: str = "all"):
        super().__init__()
        distance = LpDistance(normalize_embeddings=False, p=2)  # `directions` normalises
        miners = {
            "all": None,
            "semihard": TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=distance),
            "hard": BatchHardMiner(distance=distance),
        }
        if mining not in miners:
            raise ValueError(f"triplet_mining={mining!r} is unknown; pass one of {', '.join(miners)}")
        self.miner = miners[mining]
        reducer = MeanReducer() if mining == "hard" else AvgNonZeroReducer()
        self.loss = TripletMarginLoss(margin=margin, distance=distance, reducer=reducer)

    def forward(self, embedding: Tensor, pids: Tensor) -> Tensor:
        embedding = directions(embedding)
        triplets = self.miner(embedding, pids) if self.miner is not None else None
        return self.loss(embedding, pids, triplets)


class CentroidTripletMargin(nn.Module):
    """`max(0, |a - c_p|^2 - |a - c_n|^2 + margin)`, Wieczorek et al. 2021, equation 2, on L2-normalised embeddings.

    c_p is the mean of the anchor's other images in the batch, c_n that of another person. The loss is the mean of the
    positive terms over all anchors with another image and all other people; 0 if there is none.
    """

    def __init__(self, margin: float = 0.3):
        super().__init__()
        self.margin = margin

    def forward(self, embedding: Tensor, pids: Tensor) -> Tensor:
        embedding = directions(embedding)
        same = pids[:, None] == pids  # (B, B)
        # The first image of each person represents the person; a list of people would make a GPU wait.
        first = same.byte().argmax(1) == torch.arange(len(pids), device=pids.device)
        sizes, sums = same.sum(1), same.float() @ embedding  # of each image's person
        positives = (sums - embedding) / (sizes - 1).clamp(min=1)[:, None]
        to_positives = (embedding - positives).square().sum(1)
        to_negatives = (embedding[:, None] - sums / sizes[:, None]).square().sum(2)  # (B, B)
        terms = (to_positives[:, None] - to_negatives + self.margin).clamp(min=0)
        counts = (sizes > 1)[:, None] & ~same & first & (terms > 0)
        return (terms * counts).sum() / counts.sum().clamp(min=1)


class CenterLoss(nn.Module):
    """`1/2 |x - c_y|^2` on L2-normalised embeddings, averaged over the batch (Wen et al. 2016, equation 2).

    There is one centre per training identity. Centres are not parameters of the optimiser: in training mode, each call moves
    them by the paper's rule (equation 4), `c_j -= rate * sum_{y_i = j} (c_j - x_i) / (1 + n_j)`. With `island` > 0 this is the
    island loss (Cai et al. 2017): it adds `island` times the mean of `cos(c_k, c_j) + 1` over the pairs of centres (equation 7
    has the sum) and pushes the centres apart as they move (equation 8). Since centres are not parameters, only that push has
    an effect.
    """

    def __init__(self, n_pids: int, size: int, rate: float = 0.5, island: float = 0.0):
        super().__init__()
        self.rate, self.island = rate, island
        self.centers: Tensor
        self.register_buffer("centers", F.normalize(torch.randn(n_pids, size)))

    def forward(self, embedding: Tensor, pids: Tensor) -> Tensor:
        embedding = directions(embedding)
        loss = 0.5 * (embedding - self.centers[pids]).square().sum(1).mean()
        if self.island:
            unit = F.normalize(self.centers)
            cosines = unit @ unit.T
            n = len(cosines)
            loss = loss + self.island * ((cosines.sum() - cosines.diagonal().sum()) / max(1, n * (n - 1)) + 1)
        if self.training:
            self._move(embedding.detach(), pids)
        return loss

    @torch.no_grad()
    def _move(self, embedding: Tensor, pids: Tensor) -> None:
        counts = torch.zeros(len(self.centers), device=pids.device).index_add_(0, pids, torch.ones_like(pids).float())
        pull = torch.zeros_like(self.centers).index_add_(0, pids, self.centers[pids] - embedding)
        step = pull / (1 + counts)[:, None]
        if self.island:
            lengths = self.centers.norm(dim=1, keepdim=True)
            unit = self.centers / lengths
            total = unit.sum(0, keepdim=True)
            # The sum over k != j of the gradient of cos(c_k, c_j) by c_j; the term k = j cancels.
            push = (total - (unit * total).sum(1, keepdim=True) * unit) / lengths
            step = step + self.island * push / max(1, len(self.centers) - 1)
        self.centers -= self.rate * step


#: The values of a recipe's `identity_loss`.
IDENTITY_LOSSES = ("triplet", "centroid", "center", "island", "none")


def identity_loss(kind: str, n_pids: int, size: int, mining: str = "all") -> nn.Module | None:
    """The identity loss called `kind`, for `n_pids` identities and embeddings of `size` dimensions; None for "none"."""
    if kind == "triplet":
        return TripletMargin(mining=mining)
    if kind == "centroid":
        return CentroidTripletMargin()
    if kind == "center":
        return CenterLoss(n_pids, size)
    if kind == "island":
        return CenterLoss(n_pids, size, island=1.0)
    if kind == "none":
        return None
    raise ValueError(f"identity_loss={kind!r} is unknown; pass one of {', '.join(IDENTITY_LOSSES)}")
