"""One pretrained backbone for attribute recognition and re-identification: JointNet and JointConvNet (report, Figure 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.models.backbones import backbone
from assignment_lib.models.embedding import RichEmbedding
from assignment_lib.models.gradient import scale_gradient
from assignment_lib.models.heads import HEADS, SelfAttention
from assignment_lib.models.logit_adjustment import LogitAdjustment
from assignment_lib.models.neck import NECKS, bn_neck, unbiased_classifier
from assignment_lib.models.part_heads import PartHeads
from assignment_lib.models.pooling import pooling as pooling_named
from assignment_lib.models.stages import first_stages


class Output(NamedTuple):
    """What a network of this project returns for a batch of B images."""

    embedding: Tensor  # (B, D), not normalised: the losses and the retrieval normalise where they need to
    attributes: dict[str, Tensor]  # task -> logits (B, C); empty for a re-ID-only network
    pid: Tensor | None  # logits over the training identities (B, P); None for a network without that classifier
    metric: Tensor | None = None  # (B, D), what metric losses see; None where it is the embedding itself


class JointConvNet(nn.Module):
    """Shared backbone -> embedding -> PID classifier, and feature map -> one head a task.

    `head` is "conv" (the report's final network), "fc" (its first, JointNet), "attention" (its last idea: self-attention
    in the attribute heads and before the embedding) or "parts" (`PartHeads`). `embedding` is "plain" (the report's best),
    "concatenated" or "reweighted" (`RichEmbedding`), `pooling` "mean" or "gem" (`GeM`), `neck` "none" or "bn" (`bn_neck`).
    `n_pids` is the number of training identities (0: no classifier), `attributes=False` leaves the heads out.
    `frozen_stages` keeps the weights and the running statistics of the stem and that many stages (-1: of nothing),
    `last_stride=1` gives a last feature map twice as large. The backbone learns from `attribute_gradient` times the
    heads' gradient. `logit_adjustment` is the tau of `LogitAdjustment`, which the attribute logits go through in
    evaluation mode; 0 for none. `priors`, task -> `(C,)`, are the shares of the training classes that it needs.
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
        pooling: str = "mean",
        neck: str = "none",
        frozen_stages: int = -1,
        last_stride: int = 2,
        attribute_gradient: float = 1.0,
        logit_adjustment: float = 0.0,
        priors: Mapping[str, Tensor] | None = None,
    ):
        super().__init__()
        if head not in (*HEADS, "parts"):
            raise ValueError(f"the head is {', '.join(HEADS)}, parts, not {head!r}")
        if neck not in NECKS:
            raise ValueError(f"the neck is {', '.join(NECKS)}, not {neck!r}")
        if embedding != "plain" and not attributes:
            raise ValueError(f"a {embedding} embedding needs attributes, which this data does not have; take plain")
        base = backbone(backbone_name, pretrained, last_stride)
        self.features = base.features
        self.frozen_stages, self.attribute_gradient = frozen_stages, attribute_gradient
        for part in self._frozen():
            part.requires_grad_(False)
        self.attention = SelfAttention(base.channels) if head == "attention" else None
        self.pool = pooling_named(pooling)
        tasks = TASKS if attributes else {}
        self.heads: nn.Module
        if head == "parts" and tasks:
            self.heads = PartHeads(base.channels, tasks, hidden, dropout)
        else:
            self.heads = nn.ModuleDict(
                {task: HEADS[head](base.channels, len(classes), hidden, dropout) for task, classes in tasks.items()}
            )
        self.rich_embedding = None if embedding == "plain" else RichEmbedding(embedding)
        self.embedding_size = base.channels + (N_CLASSES if self.rich_embedding is not None else 0)
        self.neck = bn_neck(self.embedding_size) if neck == "bn" else None
        classifier = unbiased_classifier if self.neck is not None else nn.Linear
        self.pid_classifier = classifier(self.embedding_size, n_pids) if n_pids else None
        self.logit_adjustment = LogitAdjustment(tasks, logit_adjustment) if tasks and logit_adjustment else None
        if self.logit_adjustment is not None and priors is not None:
            self.logit_adjustment.set_priors(priors)
        self.mean: Tensor
        self.std: Tensor
        # buffers, so that a checkpoint holds all it takes to run the network on raw images
        self.register_buffer("mean", torch.tensor(base.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(base.std).view(1, 3, 1, 1))

    def train(self, mode: bool = True) -> Self:
        """As every module's; what is frozen stays in evaluation mode, its batch norms with their statistics."""
        super().train(mode)
        for part in self._frozen():
            part.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        if self.frozen_stages < 0:
            return []
        return first_stages(self.features.network, self.frozen_stages)

    def forward(self, images: Tensor) -> Output:
        feature_map = self.feature_map(images)
        attributes = self.attribute_logits(scale_gradient(feature_map, self.attribute_gradient))
        if self.attention is not None:
            feature_map = self.attention(feature_map)
        embedding = self.pool(feature_map).flatten(1)
        if self.rich_embedding is not None:
            embedding = self.rich_embedding(embedding, attributes)
        metric = None
        if self.neck is not None:
            metric, embedding = embedding, self.neck(embedding)
        pid = self.pid_classifier(embedding) if self.pid_classifier is not None else None
        if self.logit_adjustment is not None and not self.training:
            attributes = self.logit_adjustment(attributes)
        return Output(embedding, attributes, pid, metric)

    def feature_map(self, images: Tensor) -> Tensor:
        """What the backbone makes of images as `forward` takes them: `(B, channels, h, w)`."""
        return self.features((images - self.mean) / self.std)

    def attribute_logits(self, feature_map: Tensor) -> dict[str, Tensor]:
        """What the heads say of a feature map: task -> logits `(B, C)`, before any `LogitAdjustment`."""
        if isinstance(self.heads, nn.ModuleDict):
            return {task: head(feature_map) for task, head in self.heads.items()}
        return self.heads(feature_map)


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Trainable parameters of each direct part of `model`, and their total."""
    counts = {
        name: sum(p.numel() for p in part.parameters() if p.requires_grad) for name, part in model.named_children()
    }
    counts = {name: count for name, count in counts.items() if count}
    return counts | {"total": sum(counts.values())}
