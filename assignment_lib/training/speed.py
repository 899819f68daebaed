"""How fast a recipe trains: images a second of `loop.fit`'s loop, beside the bare step on images that lie on the device.

python -m assignment_lib.training.speed --recipe report --backbone resnet18 --batches 60
torchrun --nproc-per-node 2 -m assignment_lib.training.speed --recipe report        # two GPUs

The bare step (forward, losses, backward, AdamW in the same precision) is the ceiling; what the loop loses to it goes into
drawing and augmenting batches, clipping gradients and keeping records. The two take turns, and the best round counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from assignment_lib import environment
from assignment_lib.batches.loader import Batch
from assignment_lib.progress import quiet
from assignment_lib.training import assembly, made_up, precision, processes
from assignment_lib.training.assembly import Training
from assignment_lib.training.loop import fit
from assignment_lib.training.optimizers import adamw
from assignment_lib.training.recipes import recipe


class Speed(NamedTuple):
    """Images a second, each the best of all rounds."""

    loop: float
    bare: float
    dtype: str  # what the forward pass computed in, as `precision.dtype_name` has it
    loss: float  # mean total loss of the first round

    @property
    def share(self) -> float:
        """The loop's share of the bare step; the rest of the time the device waits for the loop."""
        return self.loop / self.bare


def measure(training: Training, rounds: int = 3, amp: str | None = None) -> Speed:
    """Rounds of one epoch of `training` and as many bare steps, in turn. Changes the network.

    `amp`: what to compute in where it is not the recipe's. Of several processes all have to call this; what each of them
    could do without the others is not measured then, and `bare` is not a number.
    """
    loop, bare, losses = [], [float("nan")], []
    network, objective, batches = training.network, training.objective, training.batches
    options = training.options | ({} if amp is None else {"amp": amp})
    options |= {"schedule": "constant", "warmup_epochs": 0.0, "patience": rounds + 1}
    generators = [batches.generator] if batches.generator else []
    with tempfile.TemporaryDirectory() as here:
        folder = Path(processes.from_first(here))  # one folder, as in a training
        for number in range(rounds):
            history = fit(
                network, objective, batches, lambda model: {"score": 0.0}, folder=folder, fingerprint={},
                generators=generators, log=quiet, **options | {"epochs": number + 1},
            )  # fmt: skip
            row = history.iloc[-1]
            loop.append(float(row["images_per_second"]))
            losses.append(float(row["loss"]))
            if processes.processes() == 1:
                dtype = precision.DTYPES[row["amp"]]
                bare.append(bare_rate(network, objective, next(iter(batches)), dtype, len(batches)))
        processes.wait()
    known = [rate for rate in bare if rate == rate]
    return Speed(max(loop), max(known, default=float("nan")), row["amp"], losses[0])


def bare_rate(network: nn.Module, objective: nn.Module, batch: Batch, dtype: torch.dtype | None, steps: int) -> float:
    """Images a second of the step alone, again and again on `batch`, after three that prepare."""
    device = batch.images.device
    images = batch.images.contiguous(memory_format=torch.channels_last)
    optimizer = adamw(network, objective, 1e-4)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    network.train()
    started = 0.0
    for number in range(steps + 3):
        if number == 3:
            wait_for(device)
            started = time.perf_counter()
        step(network, objective, batch._replace(images=images), dtype, optimizer, scaler)
    wait_for(device)
    return steps * len(images) / (time.perf_counter() - started)


def step(
    network: nn.Module,
    objective: nn.Module,
    batch: Batch,
    dtype: torch.dtype | None,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> Tensor:
    """One training step without anything around it; returns the total loss, which stays on the device."""
    with torch.autocast(batch.images.device.type, dtype=dtype, enabled=dtype is not None):
        output = network(batch.images)
    total, _, _ = objective(output, batch)
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(total).backward()
    scaler.step(optimizer)
    scaler.update()
    return total.detach()


def wait_for(device: torch.device) -> None:
    """Until a GPU has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main(arguments: list[str] | None = None) -> int:
    """Print the speed of a recipe on images of noise."""
    parser = argparse.ArgumentParser(description="Images a second of the training loop and of the bare step.")
    parser.add_argument("--recipe", default="report")
    parser.add_argument("--backbone", default=None, help="instead of the recipe's")
    parser.add_argument("--batch-size", type=int, default=None, help="instead of the recipe's")
    parser.add_argument("--image-size", type=int, nargs=2, default=None, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--batches", type=int, default=20, help="a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--amp", default=None, help="auto, off, float16 or bfloat16 instead of the recipe's")
    parser.add_argument("--dropout", type=float, default=None, help="instead of the recipe's")
    given = parser.parse_args(arguments)
    size = tuple(given.image_size) if given.image_size else None
    changes = {
        "backbone": given.backbone, "batch_size": given.batch_size, "image_size": size, "dropout": given.dropout,
    }  # fmt: skip
    chosen = recipe(given.recipe, pretrained=False, **{name: to for name, to in changes.items() if to is not None})
    device = processes.start() or environment.device()
    split = made_up.noise_split(chosen, given.batches * chosen.training.batch_size)
    found = measure(assembly.joint(split, chosen, device), given.rounds, given.amp)
    if processes.rank() == 0:
        print(environment.describe())
        print(f"loop {found.loop:.1f} images/s ({found.dtype}), first loss {found.loss:.6f}")
        if processes.processes() == 1:
            print(f"bare step {found.bare:.1f} images/s; the loop reaches {found.share:.1%} of it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
