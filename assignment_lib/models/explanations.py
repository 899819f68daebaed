"""Explanations: which positions of the feature map support an attribute, and which support a match."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.models.joint import JointConvNet


def grad_cam(network: JointConvNet, images: Tensor, task: str, classes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Grad-CAM of a class of `task` (Selvaraju et al. 2017, equations 1 and 2).

    `images` are uint8 `(N, 3, H, W)`; `classes` int64 `(N,)`, by default the predicted ones. The weight of a channel is the
    mean gradient of the class's logit over the positions. The map is the weighted sum of the channels, clipped at 0 and
    divided by its maximum. Returns maps float32 `(N, h, w)` in [0, 1] (all 0 where no position supports the class) and the
    classes, both on the CPU. Raises `ValueError` for a task without a head.
    """
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            features = network.feature_map(_floats(network, images)).float()
        with torch.enable_grad():
            features = features.requires_grad_()
            logits = network.attribute_logits(features)
            if task not in logits:
                raise ValueError(f"this network has no head for {task!r}; pass one of {', '.join(logits) or 'none'}")
            if classes is None:
                adjusted = logits if network.logit_adjustment is None else network.logit_adjustment(logits)
                classes = adjusted[task].argmax(1)
            chosen = logits[task].gather(1, classes.to(features.device)[:, None]).sum()
            (gradient,) = torch.autograd.grad(chosen, features)
    finally:
        network.train(was_training)
    with torch.no_grad():
        maps = (gradient.mean((2, 3), keepdim=True) * features).sum(1).relu()
        return (maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-12)).cpu(), classes.cpu()


@torch.no_grad()
def match_map(network: JointConvNet, images: Tensor, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """The contribution of each position of the feature map of `images` to the cosine similarity with `embeddings`.

    `images` are uint8 `(N, 3, H, W)`; `embeddings` float32 `(N, D)`. Returns float32 maps `(N, h, w)` and cosine similarities
    `(N,)`, on the CPU. The mean of a map is exactly the similarity: the embedding is a mean over the positions of the feature
    map (a BN neck in evaluation mode is affine), and for a given length the similarity is linear in it. Raises `ValueError`
    for a network whose embedding contains attribute predictions, and for `embeddings` of another size.
    """
    if network.rich_embedding is not None:
        raise ValueError(
            'this embedding contains attribute predictions, which have no position; train with embedding="plain"'
        )
    if embeddings.shape != (len(images), network.embedding_size):
        raise ValueError(
            f"embeddings have shape {tuple(embeddings.shape)}; pass one per image, {(len(images), network.embedding_size)}"
        )
    was_training = network.training
    network.eval()
    try:
        features = network.feature_map(_floats(network, images))
        if network.attention is not None:
            features = network.attention(features)
        positions = features.float().permute(0, 2, 3, 1)  # (N, h, w, D)
        if network.neck is not None:
            positions = network.neck(positions.flatten(0, 2)).view_as(positions)
    finally:
        network.train(was_training)
    embedding = positions.mean((1, 2))
    length = embedding.norm(dim=1, keepdim=True).clamp(min=1e-12)
    direction = F.normalize(embeddings.to(embedding.device).float()) / length
    maps = torch.einsum("nhwd,nd->nhw", positions, direction)
    return maps.cpu(), maps.mean((1, 2)).cpu()


def _floats(network: JointConvNet, images: Tensor) -> Tensor:
    return images.to(network.mean.device).float() / 255
