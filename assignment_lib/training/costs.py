"""What a recipe's network costs an image: FLOPs, bytes moved and bytes kept, counted while it computes on the CPU.

Counted are real steps of two sizes; a straight line through them parts what grows with the batch from what does not.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from assignment_lib.training import assembly, made_up
from assignment_lib.training.optimizers import adamw
from assignment_lib.training.recipes import Recipe, changed
from assignment_lib.training.speed import step


class Cost(NamedTuple):
    """Of some work."""

    flops: float  # of convolutions and matrix products; a multiplication and an addition are two
    traffic: float  # bytes that all operations together read and write, as if each fetched its operands from memory
    kept: float  # bytes that the forward pass keeps for the backward pass, without the weights
    operations: float  # that a GPU is told to do, one after the other; views are none


class Costs(NamedTuple):
    """Of a recipe."""

    image: Cost  # of a training step, an image
    step: Cost  # of a training step, whatever its batch: the optimiser's and the weights' part
    predicted: Cost  # of a prediction in float32, an image
    prediction: Cost  # of a prediction, whatever its batch
    state: float  # bytes of weights, buffers, gradients, AdamW's two moments, and the average where there is one


class Traffic(TorchDispatchMode):
    """Counts the bytes of the tensors that operations read and write; views move nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.operations = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        results = func(*args, **(kwargs or {}))
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        made = [leaf for leaf in tree_leaves(results) if isinstance(leaf, Tensor)]
        here = {tensor.untyped_storage().data_ptr() for tensor in given}
        new = [tensor for tensor in made if tensor.untyped_storage().data_ptr() not in here]
        written_in_place = func._schema.is_mutable
        if new or written_in_place or not made:
            self.operations += 1
            self.bytes += sum(tensor.nbytes for tensor in given + new)
            self.bytes += sum(tensor.nbytes for tensor in made if written_in_place)
        return results


def convolution_backward(
    grad: Any, images: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, transposed: bool,
    output_padding: Any, groups: int, output_mask: Any, out_shape: Any = None, **_: Any,
) -> int:  # fmt: skip
    """FLOPs of a convolution's two gradients from the shapes: each has as many products as the forward pass.

    torch's own counter takes a grouped convolution's gradient of the weights for that of a full one, which is wrong by
    the number of groups: a hundredfold in an EfficientNet.
    """
    places = prod(images[2:] if transposed else grad[2:])
    return (bool(output_mask[0]) + bool(output_mask[1])) * 2 * images[0] * places * prod(weight)


def count(work: Callable[[], object]) -> Cost:
    """What `work()` costs, forward and backward alike."""
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept.append(tensor)  # held, so that no other storage gets its address
        return tensor

    own = {torch.ops.aten.convolution_backward: convolution_backward}
    counter, traffic = FlopCounterMode(display=False, custom_mapping=own), Traffic()
    with counter, traffic, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        work()
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in kept}
    return Cost(counter.get_total_flops(), traffic.bytes, sum(storages.values()), traffic.operations)


def line(small: Cost, large: Cost, images: tuple[int, int]) -> tuple[Cost, Cost]:
    """An image's cost and the rest, from the costs of two batches of so many `images`."""
    slope = Cost(*((b - a) / (images[1] - images[0]) for a, b in zip(small, large, strict=True)))
    rest = Cost(*(a - images[0] * s for a, s in zip(small, slope, strict=True)))
    return slope, rest


def costs(recipe: Recipe, identities: int = 751, dtype: torch.dtype = torch.bfloat16) -> Costs:
    """What the JointConvNet of `recipe` costs, for `identities` training people and autocast to `dtype`.

    The network's weights are random, which changes nothing.
    """
    sizes = (8, 16)
    counted, predicted = [], []
    state = 0.0
    for size in sizes:
        small = changed(recipe, batch_size=size, pretrained=False)
        training = assembly.joint(made_up.noise_split(small, 2 * identities, identities), small, torch.device("cpu"))
        network, objective, batch = training.network, training.objective, next(iter(training.batches))
        network.to(memory_format=torch.channels_last).train()
        optimizer, scaler = adamw(network, objective, 1e-4), torch.amp.GradScaler("cpu", enabled=False)
        step(network, objective, batch, dtype, optimizer, scaler)  # the first one makes AdamW's moments
        counted.append(count(lambda: step(network, objective, batch, dtype, optimizer, scaler)))  # noqa: B023
        network.eval()
        with torch.no_grad():
            predicted.append(count(lambda: network(batch.images)))  # noqa: B023
        learned = sum(p.nbytes for p in network.parameters() if p.requires_grad)
        whole = sum(value.nbytes for value in network.state_dict().values())
        state = whole + 3 * learned + (whole if recipe.training.ema_decay else 0)
    image, rest = line(counted[0], counted[1], sizes)
    return Costs(image, rest, *line(predicted[0], predicted[1], sizes), state)
