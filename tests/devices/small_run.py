"""A whole training of a very small network on a device: what `loop.train_epoch` is given."""

import threading
from pathlib import Path

import torch

from assignment_lib.batches.augmentation import Augmentation
from assignment_lib.batches.loader import Batches
from assignment_lib.data.attributes import TASKS
from assignment_lib.losses.identity import identity_loss
from assignment_lib.losses.objective import Objective
from assignment_lib.models.joint import JointConvNet
from assignment_lib.training import loop, optimizers
from assignment_lib.training.epoch import begin_epoch
from assignment_lib.training.run import Run

BACKBONE = "test_efficientnet"  # timm's, made for tests: 0.3 million weights
PEOPLE = 5


def made_up(count=40, size=(32, 16)):
    """uint8 images, attributes `(N, 12)` and PIDs, always the same."""
    generator = torch.Generator().manual_seed(7)
    images = torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=generator)
    columns = [torch.randint(len(classes), (count,), generator=generator) for classes in TASKS.values()]
    return images, torch.stack(columns, dim=1), torch.arange(count) % PEOPLE


def small_run(
    device,
    folder=Path("nowhere"),
    *,
    loss="triplet",
    mining="all",
    weighting="uncertainty",
    ema_decay=0.0,
    scaler=False,
    on_device=True,
    count=40,
    **network,
) -> tuple[Run, Batches]:
    """A `Run` and its `Batches` of 8 images on `device`, from the same seed each time."""
    torch.manual_seed(0)
    model = JointConvNet(BACKBONE, PEOPLE, pretrained=False, **network)
    identity = identity_loss(loss, PEOPLE, model.embedding_size, mining=mining)
    objective = Objective(
        {task: torch.ones(len(classes)) for task, classes in TASKS.items()},
        identity={} if identity is None else {loss: identity},
        attribute_multitask=weighting,
        total_multitask=weighting,
    )
    model, objective = model.to(device), objective.to(device)
    model.to(memory_format=torch.channels_last)
    images, attributes, pids = made_up(count)
    generator = torch.Generator().manual_seed(1)
    batches = Batches(
        images, range(count), 8, device, attributes=attributes, pids=pids, augmentation=Augmentation(),
        generator=generator, on_device=on_device,
    )  # fmt: skip
    run = Run(
        model=model,
        network=model,
        objective=objective,
        optimizer=optimizers.adamw(model, objective, 1e-3),
        scaler=torch.amp.GradScaler(device.type, enabled=scaler),
        average=optimizers.moving_average(model, ema_decay) if ema_decay else None,
        generators=[generator],
        dtype=None,
        max_gradient_norm=5.0,
        folder=folder,
        fingerprint={},
        files=[],
        checkpoint_minutes=60.0,
    )
    return run, batches


def one_epoch(run, batches):
    """The means of one epoch of `loop.train_epoch`."""
    return loop.train_epoch(run, batches, begin_epoch(run.objective, batches), [1.0] * len(batches), threading.Event())
