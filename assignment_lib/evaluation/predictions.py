"""Images to embeddings and attribute probabilities, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.data.attributes import TASKS
from assignment_lib.files import bar

#: Largest activation of one batch on the CPU, in bytes. glibc maps blocks above 32 MiB anew at each use and returns free
#: memory above 64 MiB to the system; page faults would then take more time than the network
#: (`benchmarks/inference_batch.py`).
_CPU_ACTIVATION = 16 * 2**20
#: Bytes of the largest activation per pixel: EfficientNet-Lite has 96 float32 channels at a quarter of the pixels.
_ACTIVATION_PER_PIXEL = 96
_CUDA_BATCH = 256

Adjustment = Callable[[dict[str, Tensor]], dict[str, Tensor]] | None  # `LogitAdjustment` of a network


class Predictions(NamedTuple):
    """The predictions of a network for N images, float32 on the CPU."""

    embeddings: Tensor  # (N, D), L2-normalised: a dot product is the cosine similarity
    probabilities: dict[str, Tensor]  # task -> (N, C), each row sums to 1

    def classes(self) -> Tensor:
        """The most probable class of each task, `(N, 12)` int64."""
        return torch.stack([self.probabilities[task].argmax(1) for task in TASKS], dim=1)

    def rows(self, rows: Tensor) -> Predictions:
        """The predictions of the images at `rows`, int64 positions or bool `(N,)`."""
        return Predictions(self.embeddings[rows], {task: values[rows] for task, values in self.probabilities.items()})


def inference_batch_size(height: int, width: int, device: torch.device | str = "cpu") -> int:
    """Images per batch without gradients: 256 on a GPU; on the CPU as many as keep activations in reusable memory."""
    if torch.device(device).type != "cpu":
        return _CUDA_BATCH
    return max(1, _CPU_ACTIVATION // (_ACTIVATION_PER_PIXEL * height * width))


@torch.inference_mode()
def predict(
    model: nn.Module, images: Tensor, batch_size: int | None = None, progress: bool = False, flip: bool = False
) -> Predictions:
    """Run `model` in evaluation mode over uint8 `images` `(N, 3, H, W)`, then restore its mode.

    `batch_size=None` takes `inference_batch_size`. `flip` also predicts each mirror image: the normalised embeddings are
    added, the probabilities averaged. Raises `ValueError` for other types and shapes of images, and for another size than
    the network's `image_size` (height, width) if it has that attribute.
    """
    size = tuple(images.shape[-2:])
    wanted = tuple(int(side) for side in getattr(model, "image_size", size))
    if size != wanted:
        raise ValueError(
            f"images have the size {size}, but the network was built for {wanted}. Decode them with that size."
        )
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    embeddings, probabilities = [], []
    try:
        for batch in image_batches(images, device, batch_size, progress):
            views = [batch, batch.flip(3)] if flip else [batch]
            outputs = [model(view.contiguous(memory_format=torch.channels_last)) for view in views]
            embedding = sum((F.normalize(o.embedding.float()) for o in outputs), torch.zeros((), device=device))
            embeddings.append(F.normalize(embedding).cpu())
            tasks = outputs[0].attributes
            means = {task: sum(o.attributes[task].float().softmax(1) for o in outputs) / len(outputs) for task in tasks}
            probabilities.append({task: values.cpu() for task, values in means.items()})
    finally:
        model.train(was_training)
    joined = {task: torch.cat([part[task] for part in probabilities])[: len(images)] for task in probabilities[0]}
    return Predictions(torch.cat(embeddings)[: len(images)], joined)


@torch.inference_mode()
def untrained_embeddings(
    backbone_name: str,
    images: Tensor,
    *,
    pretrained: bool = True,
    device: torch.device | str = "cpu",
    batch_size: int | None = None,
    progress: bool = False,
) -> Tensor:
    """The ImageNet features of a backbone before any training on people, averaged over the image.

    `images` and `batch_size` as in `predict`; returns `(N, channels)` float32 on the CPU, L2-normalised.
    `pretrained=False` keeps the weights random. Raises the errors of `models.backbones.backbone`.
    """
    from assignment_lib.models.backbones import backbone  # imports timm, which scoring files does not need

    network = backbone(backbone_name, pretrained)
    features = network.features.eval().to(device)
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) for values in (network.mean, network.std))
    pooled = []
    for batch in image_batches(images, torch.device(device), batch_size, progress):
        maps = features(batch.sub_(mean).div_(std).contiguous(memory_format=torch.channels_last))
        pooled.append(F.normalize(maps.float().mean((2, 3))).cpu())
    return torch.cat(pooled)[: len(images)]


def image_batches(images: Tensor, device: torch.device, batch_size: int | None, progress: bool) -> Iterator[Tensor]:
    """Batches of float images in [0, 1] on `device`. Without images one black image, so that outputs have their shapes."""
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise ValueError(
            f"images have dtype {images.dtype} and shape {tuple(images.shape)}. Pass uint8 images (N, 3, H, W)."
        )
    size = batch_size or inference_batch_size(images.shape[2], images.shape[3], device)
    if device.type == "cpu":
        torch.empty(2**25 - 2**16, dtype=torch.uint8)  # glibc keeps blocks up to the largest one ever freed (32 MiB)
    if not len(images):
        images = images.new_zeros(1, *images.shape[1:])
    for start in bar(range(0, len(images), size), "images", show=progress):
        yield images[start : start + size].to(device).float().div_(255)


def join(*parts: Predictions) -> Predictions:
    """The predictions of several sets of images, one set after the other."""
    tasks = parts[0].probabilities
    return Predictions(
        torch.cat([part.embeddings for part in parts]),
        {task: torch.cat([part.probabilities[task] for part in parts]) for task in tasks},
    )


def without_adjustment(probabilities: dict[str, Tensor], adjustment: Adjustment) -> dict[str, Tensor]:
    """`probabilities`, task -> `(N, C)`, as they were before the network's `LogitAdjustment`; unchanged without one."""
    if adjustment is None:
        return probabilities
    offsets = adjustment({task: torch.zeros_like(values) for task, values in probabilities.items()})  # -tau log prior
    raw = {task: values * (-offsets[task]).exp() for task, values in probabilities.items()}
    return {task: values / values.sum(1, keepdim=True) for task, values in raw.items()}
