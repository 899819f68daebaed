"""Several processes, one a GPU, that train one network together: torchrun and DistributedDataParallel do the work.

Every process draws the same batch and computes its own slice of it; the outputs are gathered before the losses, so that a
triplet finds its positives and negatives in the whole batch, as it would in one process. With one process all functions
here pass on what they are given.
"""

from __future__ import annotations

import os
from typing import TypeVar

import torch
import torch.distributed as dist
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from assignment_lib.models.joint import Output

Thing = TypeVar("Thing")


def start() -> torch.device | None:
    """Join the group of processes that torchrun started; returns this process's device, None where there is no group."""
    if "LOCAL_RANK" not in os.environ or int(os.environ["WORLD_SIZE"]) == 1:
        return None
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    if cuda:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo")
    return device


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0; the first one validates, writes and prints."""
    return dist.get_rank() if dist.is_initialized() else 0


def wrap(model: nn.Module) -> nn.Module:
    """`model` for training: with several processes in DistributedDataParallel, which averages their gradients.

    On GPUs batch norms are made to see the whole batch (SyncBatchNorm); on CPUs, where torch has no such, each process
    normalises its own slice. Parameters and buffers stay those of `model`.
    """
    if processes() == 1:
        return model
    if next(model.parameters()).device.type == "cuda":
        synchronised(model)
    return DistributedDataParallel(model)


def synchronised(model: nn.Module) -> nn.Module:
    """`model`, changed in place: each batch norm sees the batches of all processes.

    timm's function keeps the activations that timm's own batch norms hold; torch's would drop them.
    """
    return convert_sync_batchnorm(model)


def anywhere(happened: bool) -> bool:
    """Whether something happened in any of the processes; all of them have to ask."""
    if processes() == 1:
        return happened
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    flag = torch.tensor(float(happened), device=device)
    dist.all_reduce(flag, dist.ReduceOp.MAX)
    return bool(flag)


def share(batch: Tensor) -> Tensor:
    """This process's slice of a batch `(B, ...)` that every process holds whole."""
    return batch.tensor_split(processes())[rank()]


def gather(output: Output, size: int) -> Output:
    """The outputs of all processes for a batch of `size`, in its order, so that every process has the whole batch's loss.

    Gradients flow into this process's own slice. They are multiplied by the number of processes, since each slice has a
    part of the loss and DistributedDataParallel takes the mean where the sum is wanted.
    """
    if processes() == 1:
        return output
    return Output(
        _gather(output.embedding, size),
        {task: _gather(logits, size) for task, logits in output.attributes.items()},
        None if output.pid is None else _gather(output.pid, size),
        None if output.metric is None else _gather(output.metric, size),
    )


def _gather(own: Tensor, size: int) -> Tensor:
    world = processes()
    lengths = [len(part) for part in torch.arange(size).tensor_split(world)]
    # all_gather wants equal shapes: the shorter slices of an uneven batch are filled up, and cut again
    padded = torch.zeros(max(lengths), *own.shape[1:], dtype=own.dtype, device=own.device)
    padded[: len(own)] = own.detach()
    parts = [torch.empty_like(padded) for _ in range(world)]
    dist.all_gather(parts, padded)
    slices = [part[:length] for part, length in zip(parts, lengths, strict=True)]
    if own.requires_grad:
        own = own.view_as(
            own
        )  # a new edge: what comes back from elsewhere, as the embedding's from the heads, is not scaled
        own.register_hook(lambda gradient: gradient * world)
    slices[rank()] = own
    return torch.cat(slices)


def from_first(thing: Thing) -> Thing:
    """What the first process has (plain types), in every process."""
    if processes() == 1:
        return thing
    box = [thing]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def wait() -> None:
    """Until every process has come here."""
    if processes() > 1:
        dist.barrier()
