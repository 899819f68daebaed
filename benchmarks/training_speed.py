"""Images a second of `loop.fit`'s loop, beside the bare step on random data that already lies on the device.

    python benchmarks/training_speed.py --recipe report --backbone resnet18 --batches 60

The bare step (forward, losses, backward, AdamW in the same precision) is the ceiling; what the loop loses to it goes into
drawing and augmenting batches, clipping gradients and keeping records. The two take turns, and the best round of each counts.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assignment_lib import environment
from assignment_lib.batches import loader
from assignment_lib.batches.augmentation import Augmentation
from assignment_lib.data.attributes import TASKS
from assignment_lib.training import loop, parts, recipes
from assignment_lib.training.optimizers import adamw
from assignment_lib.training.precision import DTYPES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="report")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--batches", type=int, default=20, help="a round")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--amp", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    device = environment.device()
    settings = recipes.recipe(given.recipe, backbone=given.backbone, pretrained=False, batch_size=given.batch_size)
    count, persons = given.batches * given.batch_size, 500
    weights = {task: torch.ones(len(classes)) for task, classes in TASKS.items()}

    store = torch.randint(0, 256, (count, 3, *settings.data.image_size), dtype=torch.uint8)
    targets = torch.stack([torch.randint(0, len(classes), (count,)) for classes in TASKS.values()], dim=1)
    pids = torch.randint(0, persons, (count,))
    generator = torch.Generator().manual_seed(0)
    batches = loader.Batches(
        store, torch.utils.data.RandomSampler(range(count), generator=generator), given.batch_size, device,
        attributes=targets, pids=pids, augmentation=Augmentation(), generator=generator,
    )  # fmt: skip
    network = parts.joint_network(settings, persons).to(device)
    objective = parts.joint_objective(settings, weights, network, persons).to(device)
    best = {"loop": 0.0, "bare step": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.rounds):
            history = loop.fit(
                network, objective, batches, lambda model: {"score": 0.0}, folder=Path(folder), fingerprint={},
                epochs=number + 1, patience=given.rounds + 1, amp=given.amp, generators=[generator], log=lambda line: None,
            )  # fmt: skip
            dtype = DTYPES[history["amp"].iloc[-1]]
            best["loop"] = max(best["loop"], history["images_per_second"].iloc[-1])
            batch = next(iter(batches))
            rate = bare_step(network, objective, batch, dtype, given.batches)
            best["bare step"] = max(best["bare step"], rate)
            print(f"round {number + 1}: loop {best['loop']:.0f}, bare step {best['bare step']:.0f} images/s ({dtype})")
    print(environment.describe())
    print(f"the loop reaches {best['loop'] / best['bare step']:.1%} of the bare step")


def bare_step(network, objective, batch, dtype, steps: int) -> float:
    """Images a second of the step alone, on one batch of random images on the device."""
    device = batch.images.device
    pictures = torch.rand_like(batch.images).contiguous(memory_format=torch.channels_last)
    optimizer = adamw(network, objective, 1e-4)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    network.train()
    for step in range(steps + 3):
        if step == 3:  # the first ones prepare
            wait(device)
            started = time.perf_counter()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            output = network(pictures)
        total, _, _ = objective(output, batch)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(total).backward()
        scaler.step(optimizer)
        scaler.update()
    wait(device)
    return steps * len(pictures) / (time.perf_counter() - started)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
