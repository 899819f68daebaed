"""Richer embeddings: the backbone's, with what the attribute heads say beside it (report, section 2.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from assignment_lib.data.attributes import N_CLASSES

EMBEDDINGS = ("plain", "concatenated", "reweighted")


class RichEmbedding(nn.Module):
    """`(B, D)` embedding and the attribute logits -> `(B, D + 41)`.

    "concatenated" appends the 41 attribute probabilities. "reweighted" is the Attribute Re-weighting Module of Lin et al.
    2019 (section 3.3): the probabilities a are multiplied by confidence scores c = sigmoid(V a + b) before that, so that
    an attribute can trust another one that is easier to see.
    """

    def __init__(self, kind: str):
        super().__init__()
        if kind not in EMBEDDINGS[1:]:
            raise ValueError(f"the embedding is {', '.join(EMBEDDINGS)}, not {kind!r}")
        self.confidence = nn.Linear(N_CLASSES, N_CLASSES) if kind == "reweighted" else None

    def forward(self, embedding: Tensor, attributes: dict[str, Tensor]) -> Tensor:
        probabilities = torch.cat([logits.float().softmax(1) for logits in attributes.values()], dim=1)
        if self.confidence is not None:
            probabilities = probabilities * self.confidence(probabilities).sigmoid()
        return torch.cat([embedding, probabilities.to(embedding.dtype)], dim=1)
