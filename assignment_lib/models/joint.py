"""One backbone for attribute recognition and re-identification: JointNet and JointConvNet (report, Figure 2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.models.backbones import backbone, first_stages
from assignment_lib.models.heads import HEADS, LogitAdjustment, PartHeads, RichEmbedding, SelfAttention

NECKS = ("none", "bn")


@dataclass(frozen=True)
class ModelSettings:
    """The JointConvNet of a recipe (notebook 04)."""

    backbone: str = "efficientnet_lite0"
    pretrained: bool = True  # start from ImageNet weights
    head: str = "conv"  # or "fc", "attention", "parts" (heads.py)
    embedding: str = "plain"  # or "concatenated", "reweighted" (heads.RichEmbedding)
    head_hidden: int = 128  # channels inside a head
    dropout: float = 0.5  # in the heads
    neck: str = "none"  # or "bn": batch norm between embedding and PID classifier
    frozen_stages: int = -1  # the stem and this many stages keep their weights; -1: all train
    last_stride: int = 2  # 1 doubles height and width of the last feature map
    logit_adjustment: float = 0.0  # tau (heads.LogitAdjustment); 0 for none


class Output(NamedTuple):
    """The output of a network for a batch of B images."""

    embedding: Tensor  # (B, D), not normalised: losses and retrieval normalise where they need to
    attributes: dict[str, Tensor]  # task -> logits (B, C); empty for re-identification only
    pid: Tensor | None  # (B, P) logits over the training identities; None without that classifier
    metric: Tensor | None = None  # (B, D) input of the metric losses, where it is not the embedding


class JointConvNet(nn.Module):
    """Backbone -> embedding -> PID classifier, and feature map -> one head per task.

    `settings.head` is "conv" (the report's final network), "fc" (its first, JointNet), "attention" (its last idea:
    self-attention in the heads and before the embedding) or "parts" (`PartHeads`). `n_pids` is the number of training
    identities (0: no PID classifier, which is not used after training; report, section 2.3). `attributes=False` omits the
    heads. Evaluation mode applies `LogitAdjustment` with `priors`. `image_size` (height, width) is the size of the training
    images; the state dict carries it.

    `forward(images)` takes float images `(B, 3, H, W)` in [0, 1], normalises them for the backbone, and returns an `Output`.
    Raises `ValueError` for an unknown head, neck or embedding, and for a richer embedding without attributes.
    """

    def __init__(
        self,
        settings: ModelSettings,
        n_pids: int,
        attributes: bool = True,
        priors: Mapping[str, Tensor] | None = None,
        image_size: tuple[int, int] = (128, 64),
    ):
        super().__init__()
        if settings.head not in (*HEADS, "parts"):
            raise ValueError(f"head={settings.head!r} is unknown; pass one of {', '.join(HEADS)}, parts")
        if settings.neck not in NECKS:
            raise ValueError(f"neck={settings.neck!r} is unknown; pass one of {', '.join(NECKS)}")
        if settings.embedding != "plain" and not attributes:
            raise ValueError(f'embedding={settings.embedding!r} needs attributes, which this data lacks; pass "plain"')
        base = backbone(settings.backbone, settings.pretrained, settings.last_stride)
        self.features = base.features
        self.frozen_stages = settings.frozen_stages
        for part in self._frozen():
            part.requires_grad_(False)
        self.attention = SelfAttention(base.channels) if settings.head == "attention" else None
        tasks = TASKS if attributes else {}
        hidden, dropout = settings.head_hidden, settings.dropout
        self.heads: nn.Module = nn.ModuleDict()
        if settings.head == "parts" and tasks:
            self.heads = PartHeads(base.channels, tasks, hidden, dropout)
        else:
            for task, classes in tasks.items():
                self.heads[task] = HEADS[settings.head](base.channels, len(classes), hidden, dropout)
        self.rich_embedding = None if settings.embedding == "plain" else RichEmbedding(settings.embedding)
        self.embedding_size = base.channels + (N_CLASSES if self.rich_embedding is not None else 0)
        self.neck = bn_neck(self.embedding_size) if settings.neck == "bn" else None
        self.pid_classifier = nn.Linear(self.embedding_size, n_pids, bias=self.neck is None) if n_pids else None
        if self.pid_classifier is not None and self.neck is not None:
            nn.init.normal_(self.pid_classifier.weight, std=0.001)
        adjusted = bool(tasks) and settings.logit_adjustment != 0
        self.logit_adjustment = LogitAdjustment(tasks, settings.logit_adjustment, priors) if adjusted else None
        # Buffers, so that a checkpoint holds everything needed to run the network on images.
        self.mean: Tensor
        self.std: Tensor
        self.input_size: Tensor
        self.register_buffer("mean", torch.tensor(base.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(base.std).view(1, 3, 1, 1))
        self.register_buffer("input_size", torch.tensor(image_size))

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images that the network was trained on."""
        height, width = self.input_size.tolist()
        return height, width

    def train(self, mode: bool = True) -> Self:
        """Set training mode; frozen parts stay in evaluation mode, so their batch norms keep their statistics."""
        super().train(mode)
        for part in self._frozen():
            part.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        return first_stages(getattr(self.features, "network", self.features), self.frozen_stages)

    def forward(self, images: Tensor) -> Output:
        feature_map = self.feature_map(images)
        attributes = self.attribute_logits(feature_map)
        if self.attention is not None:
            feature_map = self.attention(feature_map)
        embedding = feature_map.mean((2, 3))
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
        """The backbone's feature map `(B, channels, h, w)` of images as `forward` takes them."""
        return self.features((images - self.mean) / self.std)

    def attribute_logits(self, feature_map: Tensor) -> dict[str, Tensor]:
        """The heads' logits of a feature map, task -> `(B, C)`, before any `LogitAdjustment`."""
        if isinstance(self.heads, nn.ModuleDict):
            return {task: head(feature_map) for task, head in self.heads.items()}
        return self.heads(feature_map)


def bn_neck(size: int) -> nn.BatchNorm1d:
    """The BNNeck of Luo et al. 2019 (section 3.5): a batch norm without learned shift, `(B, size)` -> `(B, size)`.

    Metric losses use the feature before the neck, the PID classifier and retrieval the one after it. Without shift and
    classifier bias the boundaries between identities pass through the origin, as the cosine similarity requires.
    """
    neck = nn.BatchNorm1d(size)
    neck.bias.requires_grad_(False)
    return neck


def count_parameters(model: nn.Module) -> dict[str, int]:
    """Number of trainable parameters of each direct part of `model` that has any, and their total."""
    counts: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            counts[name.partition(".")[0]] += parameter.numel()
    return dict(counts) | {"total": counts.total()}
