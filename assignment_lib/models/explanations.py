"""Which places of an image speak for an attribute, and which for a match: maps of the size of the last feature map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from assignment_lib.models.joint import JointConvNet
from assignment_lib.models.pooling import GeM


def grad_cam(network: JointConvNet, images: Tensor, task: str, classes: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Where `network` looks for a class of `task`: Grad-CAM (Selvaraju et al. 2017, equations 1 and 2).

    `images` uint8 `(N, 3, H, W)`; `classes` int64 `(N,)`, the most probable ones where None. A channel's weight is the mean
    gradient of the class's logit over the places; the map is the weighted sum of the channels, negative values cut off,
    divided by its maximum. Returns the maps float32 `(N, h, w)` in [0, 1] (all 0 where no place speaks for the class) and
    the classes, both on the CPU. The network is looked at in evaluation mode and gets no gradient. Of networks that answer
    `Together`, give one. Raises ValueError for a task without a head.
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
                raise ValueError(f"this network has no head for {task!r}; it has {', '.join(logits) or 'none at all'}")
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
def match_map(network: JointConvNet, images: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Which places of `images` make them similar to `others`, and how similar they are.

    `images` uint8 `(N, 3, H, W)`; `others` float32 `(N, D)`, the embeddings that they are compared with. Returns float32 maps
    `(N, h, w)` and cosine similarities `(N,)`, on the CPU: the mean of a map is the similarity, so that a place's value is what
    it contributes, negative where it speaks against the match.

    That is exact, not an approximation. The embedding is a mean over the places of the feature map (each place once, by itself;
    a BN neck in evaluation mode is affine and goes through each place), and the similarity a linear function of it once its
    length is known. The generalized mean too is a mean over places, of `x^p m^(1 - p)` where m is the mean itself. Of
    networks that answer `Together`, give one. Raises ValueError for an embedding that holds attribute predictions, which have
    no place, and for `others` of another size.
    """
    if network.rich_embedding is not None:
        raise ValueError(
            "this embedding holds attribute predictions, which have no place; take a network with a plain one"
        )
    if others.shape != (len(images), network.embedding_size):
        raise ValueError(
            f"others are {tuple(others.shape)}; give one embedding an image, {(len(images), network.embedding_size)}"
        )
    was_training = network.training
    network.eval()
    try:
        features = network.feature_map(_floats(network, images))
        if network.attention is not None:
            features = network.attention(features)
        places = features.float()
        if isinstance(network.pool, GeM):
            p = network.pool.p
            places = places.clamp(min=network.pool.eps).pow(p) * network.pool(features) ** (1 - p)
        places = places.permute(0, 2, 3, 1)  # (N, h, w, D)
        if network.neck is not None:
            places = network.neck(places.flatten(0, 2)).view_as(places)
    finally:
        network.train(was_training)
    embedding = places.mean((1, 2))
    direction = F.normalize(others.to(embedding.device).float()) / embedding.norm(dim=1, keepdim=True).clamp(min=1e-12)
    maps = torch.einsum("nhwd,nd->nhw", places, direction)
    return maps.cpu(), maps.mean((1, 2)).cpu()


def _floats(network: JointConvNet, images: Tensor) -> Tensor:
    return images.to(network.mean.device).float() / 255
