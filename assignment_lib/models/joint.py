"""One pretrained backbone for attribute recognition and re-identification: JointNet and JointConvNet (report, Figure 2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.models.backbones import backbone
from assignment_lib.models.embedding import RichEmbedding
from assignment_lib.models.heads import HEADS, SelfAttention


class Output(NamedTuple):
    """What a network of this project returns for a batch of B images."""

    embedding: Tensor  # (B, D), not normalised: the losses and the retrieval normalise where they need to
    attributes: dict[str, Tensor]  # task -> logits (B, C); empty for a re-ID-only network
    pid: Tensor | None  # logits over the training identities (B, P); None for a network without that classifier


class JointConvNet(nn.Module):
    """Shared backbone -> embedding -> PID classifier, and feature map -> one head a task.

    `head` is "conv" (the report's final network), "fc" (its first, JointNet) or "attention" (its last idea: self-attention
    in the attribute heads and before the embedding). `embedding` is "plain" (the report's best), "concatenated" or
    "reweighted" (`RichEmbedding`). `n_pids` is the number of training identities (0: no classifier), `attributes=False`
    leaves the heads out.
    `forward(images)` takes float images `(B, 3, H, W)` in [0, 1] and returns an `Output`; the normalisation that the
    backbone's weights ask for happens inside. The PID classifier only rewards embeddings that tell persons apart: it is
    not used after training (report, section 2.3).
    """

    def __init__(
        self,
        backbone_name: str,
        n_pids: int,
        pretrained: bool = True,
        attributes: bool = True,
        head: str = "conv",
        embedding: str = "plain",
        dropout: float = 0.5,
        hidden: int = 128,
    ):
        super().__init__()
        if head not in HEADS:
            raise ValueError(f"the head is {', '.join(HEADS)}, not {head!r}")
        if embedding != "plain" and not attributes:
            raise ValueError(f"a {embedding} embedding needs attributes, which this data does not have; take plain")
        base = backbone(backbone_name, pretrained)
        self.features = base.features
        self.attention = SelfAttention(base.channels) if head == "attention" else None
        self.pool = nn.AdaptiveAvgPool2d(1)
        tasks = TASKS if attributes else {}
        self.heads = nn.ModuleDict(
            {task: HEADS[head](base.channels, len(classes), hidden, dropout) for task, classes in tasks.items()}
        )
        self.rich_embedding = None if embedding == "plain" else RichEmbedding(embedding)
        self.embedding_size = base.channels + (N_CLASSES if self.rich_embedding is not None else 0)
        self.pid_classifier = nn.Linear(self.embedding_size, n_pids) if n_pids else None
        self.mean: Tensor
        self.std: Tensor
        # buffers, so that a checkpoint holds all it takes to run the network on raw images
        self.register_buffer("mean", torch.tensor(base.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(base.std).view(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Output:
        feature_map = self.features((images - self.mean) / self.std)
        attributes = {task: head(feature_map) for task, head in self.heads.items()}
        if self.attention is not None:
            feature_map = self.attention(feature_map)
        embedding = self.pool(feature_map).flatten(1)
        if self.rich_embedding is not None:
            embedding = self.rich_embedding(embedding, attributes)
        pid = self.pid_classifier(embedding) if self.pid_classifier is not None else None
        return Output(embedding, attributes, pid)


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Trainable parameters of each direct part of `model`, and their total."""
    counts = {
        name: sum(p.numel() for p in part.parameters() if p.requires_grad) for name, part in model.named_children()
    }
    counts = {name: count for name, count in counts.items() if count}
    return counts | {"total": sum(counts.values())}
