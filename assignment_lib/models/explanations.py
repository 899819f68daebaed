"""Explanations: which positions of the feature map support an attribute, and which support a match."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.models.joint import JointConvNet


def grad_cam(
    network: JointConvNet, images: Tensor, task: str, classes: Tensor | None = None, finer: int = 1
) -> tuple[Tensor, Tensor]:
    """Grad-CAM of a class of `task` (Selvaraju et al. 2017, equations 1 and 2).

    `images` are uint8 `(N, 3, H, W)`; `classes` int64 `(N,)`, by default the predicted ones. The weight of a channel is the
    mean gradient of the class's logit over the positions. The map is the weighted sum of the channels, clipped at 0 and
    divided by its maximum. Returns maps float32 `(N, h, w)` in [0, 1] (all 0 where no position supports the class) and the
    classes, both on the CPU. `finer` multiplies height and width of the maps (`_stitched`). Raises `ValueError` for a task
    without a head.
    """
    maps, classes = _grad_cam(network, images, task, classes)
    if finer > 1:
        maps = _stitched(lambda shifted: _grad_cam(network, shifted, task, classes)[0], images, maps, finer)
    return maps / maps.amax((1, 2), keepdim=True).clamp(min=1e-12), classes


def _grad_cam(network: JointConvNet, images: Tensor, task: str, classes: Tensor | None) -> tuple[Tensor, Tensor]:
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
        return (gradient.mean((2, 3), keepdim=True) * features).sum(1).relu().cpu(), classes.cpu()


@torch.no_grad()
def match_map(network: JointConvNet, images: Tensor, embeddings: Tensor, finer: int = 1) -> tuple[Tensor, Tensor]:
    """The contribution of each position of the feature map of `images` to the cosine similarity with `embeddings`.

    `images` are uint8 `(N, 3, H, W)`; `embeddings` float32 `(N, D)`. Returns float32 maps `(N, h, w)` and cosine similarities
    `(N,)`, on the CPU. The mean of a map is exactly the similarity: the embedding is a mean over the positions of the feature
    map (a BN neck in evaluation mode is affine), and for a given length the similarity is linear in it. `finer` multiplies
    height and width of the maps (`_stitched`); their mean is then that of the similarities of shifted images. Raises
    `ValueError` for a network whose embedding contains attribute predictions, and for `embeddings` of another size.
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
    maps = torch.einsum("nhwd,nd->nhw", positions, direction).cpu()
    similarities = maps.mean((1, 2))
    if finer > 1:
        maps = _stitched(lambda shifted: match_map(network, shifted, embeddings)[0], images, maps, finer)
    return maps, similarities


def _stitched(map_of: Callable[[Tensor], Tensor], images: Tensor, maps: Tensor, finer: int) -> Tensor:
    """Maps `(N, finer h, finer w)` by shift-and-stitch (Long et al. 2015, section 3.2).

    `maps` `(N, h, w)` are those of `images`, one value per stride of the network. The images are shifted by fractions of the
    stride, with their border repeated, and the maps of all shifts are interleaved.
    """
    height, width = images.shape[2:]
    stride = height // maps.shape[1]
    padded = F.pad(images.float(), [stride] * 4, mode="replicate").to(torch.uint8)
    result = maps.new_empty(len(maps), finer * maps.shape[1], finer * maps.shape[2])
    # pixels from the centre of a position to the centres of its parts, plus the padding
    starts = [round(stride * ((part + 0.5) / finer - 0.5)) + stride for part in range(finer)]
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            shifted = padded[:, :, top : top + height, left : left + width]
            result[:, row::finer, column::finer] = map_of(shifted)
    return result


def _floats(network: JointConvNet, images: Tensor) -> Tensor:
    return images.to(network.mean.device).float() / 255
