"""Compare a GPU with the CPU: training speed, mixed precision, evaluation and memory. Called by `make gpu-check`.

usage: RECIPE=strong make gpu-check     (or: python benchmarks/gpu_check.py [RECIPE])

Trains the recipe's network on random images, so it needs no data set, and prints a table: images per second of the training
loop and of the bare step, the difference of the loss between mixed precision and float32, the peak memory, the difference of
`reid_scores` between GPU and CPU. Exits with status 1 where a result differs by more than its tolerance.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assignment_lib import environment, metrics
from assignment_lib.batches.loader import Batch
from assignment_lib.losses.objective import Objective
from assignment_lib.models.joint import JointConvNet
from assignment_lib.training.recipes import Recipe, recipe

IDENTITIES, WARM_UP_STEPS, STEPS = 700, 10, 40


def random_batch(chosen: Recipe, device: torch.device) -> Batch:
    size = chosen.training.batch_size
    images = torch.rand(size, 3, *chosen.data.image_size, device=device).contiguous(memory_format=torch.channels_last)
    pids = (torch.arange(size, device=device) // 4) % IDENTITIES
    return Batch(
        images, torch.zeros(size, 12, dtype=torch.int64, device=device), pids, torch.arange(size, device=device)
    )


def build(chosen: Recipe, device: torch.device) -> tuple[JointConvNet, Objective]:
    torch.manual_seed(chosen.seed)
    network = JointConvNet(chosen.model, IDENTITIES, image_size=chosen.data.image_size)
    objective = Objective(chosen.objective, {}, IDENTITIES, network.embedding_size)
    return network.to(device, memory_format=torch.channels_last).train(), objective.to(device).train()


def train_steps(chosen: Recipe, device: torch.device, dtype: torch.dtype | None) -> tuple[float, float]:
    """Images per second of the training step, and the loss after the last step."""
    network, objective = build(chosen, device)
    batch = random_batch(chosen, device)
    optimizer = torch.optim.AdamW([*network.parameters(), *objective.parameters()], lr=1e-4)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    started = 0.0
    for step in range(WARM_UP_STEPS + STEPS):
        if step == WARM_UP_STEPS:
            synchronize(device)
            started = time.perf_counter()
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            output = network(batch.images)
        total = objective(output, batch)[0]
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(total).backward()
        scaler.step(optimizer)
        scaler.update()
    synchronize(device)
    return STEPS * len(batch.images) / (time.perf_counter() - started), float(total)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def evaluation_difference(device: torch.device) -> float:
    """The largest difference of mAP and rank-1 between `device` and the CPU on random embeddings."""
    generator = torch.Generator().manual_seed(0)
    query, gallery = (F.normalize(torch.randn(count, 256, generator=generator)) for count in (200, 2000))
    identities = [torch.randint(100, (count,), generator=generator).numpy() for count in (200, 2000)]
    cameras = [torch.randint(6, (count,), generator=generator).numpy() for count in (200, 2000)]
    ours = metrics.reid_scores(query.to(device), gallery.to(device), *identities, *cameras)
    reference = metrics.reid_scores(query, gallery, *identities, *cameras)
    return max(abs(ours.mAP - reference.mAP), abs(ours.rank1 - reference.rank1))


def main(name: str) -> int:
    print(environment.describe())
    device = environment.device()
    if device.type != "cuda":
        print("There is no CUDA device, so nothing was measured.")
        return 0
    chosen = recipe(name)
    dtype = environment.amp_dtype(device)
    torch.cuda.reset_peak_memory_stats(device)
    fast, mixed_loss = train_steps(chosen, device, dtype)
    memory = torch.cuda.max_memory_allocated(device) / 2**30
    slow, full_loss = train_steps(chosen, device, None)
    scores = evaluation_difference(device)
    print(f"recipe {name}, batches of {chosen.training.batch_size} at {chosen.data.image_size}, {dtype}")
    print(f"training: {fast:,.0f} images/s in mixed precision, {slow:,.0f} in float32, {memory:.1f} GiB")
    print(f"loss after {WARM_UP_STEPS + STEPS} steps: {mixed_loss:.4f} in mixed precision, {full_loss:.4f} in float32")
    print(f"evaluation: largest difference from the CPU {scores:.1e}")
    failures = []
    if not abs(mixed_loss - full_loss) < 0.05 * max(1.0, abs(full_loss)):
        failures.append('mixed precision changes the loss by more than 5 %; train with amp="off"')
    if scores > 1e-4:
        failures.append("the scores on the GPU differ from those on the CPU; evaluate on the CPU")
    for failure in failures:
        print(f"FAILED: {failure}.")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ASSIGNMENT_RECIPE") or "report"))
