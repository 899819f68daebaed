"""From images to embeddings and attribute probabilities, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.data.attributes import TASKS
from assignment_lib.progress import bar

Thing = TypeVar("Thing")


class Predictions(NamedTuple):
    """What a network says about N images, on the CPU in float32."""

    embeddings: Tensor  # (N, D), L2-normalised: a dot product is the cosine similarity
    probabilities: dict[str, Tensor]  # task -> (N, C), each row sums to 1

    def classes(self) -> Tensor:
        """The most probable class of each task, `(N, 12)` int64."""
        return torch.stack([self.probabilities[task].argmax(1) for task in TASKS], dim=1)


def each(look: Callable[[Tensor], Thing], stores: Mapping[str, Tensor]) -> dict[str, Thing]:
    """`look(images)` of every named store; two stores of the same images, as crowd and gallery may be, are looked at once."""
    seen: list[tuple[Tensor, Thing]] = []
    results = {}
    for name, images in stores.items():
        known = [result for others, result in seen if torch.equal(images, others)]
        results[name] = known[0] if known else look(images)
        seen += [] if known else [(images, results[name])]
    return results


def with_mirror(plain: Predictions, mirrored: Predictions) -> Predictions:
    """What `predict(..., flip=True)` says, from the predictions of images and of their mirror images."""
    embeddings = F.normalize(plain.embeddings + mirrored.embeddings)
    return Predictions(
        embeddings, {task: (values + mirrored.probabilities[task]) / 2 for task, values in plain.probabilities.items()}
    )


def join(*parts: Predictions) -> Predictions:
    """The predictions of several sets of images, one set after the other."""
    tasks = parts[0].probabilities
    return Predictions(
        torch.cat([part.embeddings for part in parts]),
        {task: torch.cat([part.probabilities[task] for part in parts]) for task in tasks},
    )


@torch.inference_mode()
def predict(
    model: nn.Module, images: Tensor, batch_size: int = 256, progress: bool = False, flip: bool = False
) -> Predictions:
    """Run `model` in evaluation mode over uint8 `images` `(N, 3, H, W)`; its training mode is restored afterwards.

    `flip` looks at each image's mirror image too: the normalised embeddings are added, the probabilities averaged.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    embeddings, probabilities = [], []
    for start in bar(range(0, len(images), batch_size), "images", show=progress):
        batch = images[start : start + batch_size].to(device).float().div_(255)
        views = [batch, batch.flip(3)] if flip else [batch]
        outputs = [model(view.contiguous(memory_format=torch.channels_last)) for view in views]
        embedding = sum((F.normalize(output.embedding.float()) for output in outputs), torch.zeros((), device=device))
        embeddings.append(F.normalize(embedding).cpu())
        tasks = outputs[0].attributes
        means = {task: sum(o.attributes[task].float().softmax(1) for o in outputs) / len(outputs) for task in tasks}
        probabilities.append({task: values.cpu() for task, values in means.items()})
    model.train(was_training)
    together = {task: torch.cat([part[task] for part in probabilities]) for task in probabilities[0]}
    return Predictions(torch.cat(embeddings), together)
