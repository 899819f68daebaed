"""Several networks that answer as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.models.joint import JointConvNet, Output
from assignment_lib.models.logit_adjustment import LogitAdjustment


def one_of(network: nn.Module) -> nn.Module:
    """The network itself, or the first of those that answer `Together`: for what is asked of one alone, as its maps are."""
    return network.networks[0] if isinstance(network, Together) else network


class Together(nn.Module):
    """The ensemble of `networks`: embeddings side by side, attributes by their mean probability.

    Each embedding is L2-normalised and divided by the root of their number, so that the dot product of two joined ones is
    the mean of the networks' cosine similarities. The logits are the logarithm of the mean probabilities, whose softmax is
    those probabilities again (a deep ensemble: Lakshminarayanan et al. 2017, section 2.4). `forward(images)` takes float
    images `(B, 3, H, W)` in [0, 1] and returns an `Output` whose embedding is `(B, sum of D)`; there is no PID classifier.
    Answering takes as many times as long as there are networks.
    """

    def __init__(self, networks: Sequence[JointConvNet]):
        super().__init__()
        if not networks:
            raise ValueError("no network can answer together with none; give at least one")
        self.networks = nn.ModuleList(networks)

    def _members(self) -> list[JointConvNet]:
        return [cast(JointConvNet, network) for network in self.networks]

    @property
    def embedding_size(self) -> int:
        """Numbers in a joined embedding."""
        return sum(network.embedding_size for network in self._members())

    @property
    def logit_adjustment(self) -> LogitAdjustment | None:
        """That of the first network; all are trained on the same people."""
        return self._members()[0].logit_adjustment

    def forward(self, images: Tensor) -> Output:
        outputs: list[Output] = [network(images) for network in self._members()]
        embeddings = [F.normalize(output.embedding.float()) for output in outputs]
        attributes = {
            task: torch.stack([output.attributes[task].float().softmax(1) for output in outputs]).mean(0).log()
            for task in outputs[0].attributes
        }
        return Output(torch.cat(embeddings, 1) / len(outputs) ** 0.5, attributes, None)
