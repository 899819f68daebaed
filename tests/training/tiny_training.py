"""A network of two layers and a dozen made-up images, whose epochs take milliseconds; `python tiny_training.py` kills it.

Run as a program it is the victim of the kill -9 test: `tiny_training.py folder epochs kills seed` trains in forked
processes, kills the first `kills` of them at random moments, lets the last one finish and writes `final.pt`.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import RandomSampler

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
    os.environ["TQDM_DISABLE"] = "1"

from assignment_lib import environment
from assignment_lib.batches import augmentation, loader
from assignment_lib.losses.objective import Objective
from assignment_lib.models.joint import Output
from assignment_lib.training import loop

TASK = {"hat": torch.tensor([1.0, 1.0])}


class Tiny(nn.Module):
    """A convolution, a batch norm and two linear layers: attribute "hat" and three persons."""

    def __init__(self, dropout=0.1, norm=True):
        super().__init__()
        norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.ReLU(), nn.Dropout(dropout))
        self.hat, self.pid = nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, pictures):
        embedding = self.features(pictures).mean(dim=(2, 3))
        return Output(embedding, {"hat": self.hat(embedding)}, self.pid(embedding))


class Steep(torch.autograd.Function):
    """Its value is finite and its gradient is not."""

    @staticmethod
    def forward(ctx, values):
        return values.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * torch.inf


def batches_of(generator, size=4, count=12):
    """Images of three persons: 0 is red, 1 green, 2 blue."""
    store = torch.randint(0, 128, (count, 3, 16, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    store[torch.arange(count), torch.arange(count) % 3] += 100
    return loader.Batches(
        store,
        RandomSampler(range(count), generator=generator),
        size,
        attributes=(torch.arange(count) % 2)[:, None],
        pids=torch.arange(count) % 3,
        augmentation=augmentation.Augmentation(),
        generator=generator,
    )


def train(folder, epochs, scores=None, fingerprint=None, model=None, objective=None, batches=None, **options):
    """One call of fit from the same seed; returns model, history and log."""
    environment.seed_everything(0)
    batches = batches_of(torch.Generator().manual_seed(1)) if batches is None else batches
    model, lines = Tiny() if model is None else model, []
    objective = Objective(TASK) if objective is None else objective
    given = iter(scores or [])
    history = loop.fit(
        model,
        objective,
        batches,
        lambda model: {"score": next(given) if scores else float(model.hat.weight.detach().sum() * 1000 % 1)},
        folder=folder,
        fingerprint=fingerprint or {"seed": 0},
        epochs=epochs,
        log=lines.append,
        **{"amp": "off", "generators": [batches.generator]} | options,
    )
    return model, history, lines


def be_killed(folder: Path, epochs: int, kills: int, seed: int) -> int:
    """Train in forked processes; the first `kills` end by SIGKILL at random moments. Returns how many were killed."""
    moments, killed = random.Random(seed), 0
    while True:
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)
            model, history, _ = train(
                folder, epochs, patience=epochs, checkpoint_minutes=0, ema_decay=0.9, schedule="cosine"
            )
            timeless = history[[column for column in history if "second" not in column]]
            torch.save({"model": model.state_dict(), "history": timeless.to_dict("list")}, folder / "final.pt")
            os._exit(0)
        if killed < kills:
            # counted in checkpoints, not in seconds: on a fast machine the training would end before the last kill
            wait_for_checkpoints(folder / "last.pt", moments.randrange(6))
            time.sleep(moments.uniform(0, 0.02))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
            continue
        assert status == 0, "the training failed"
        return killed


def wait_for_checkpoints(path: Path, count: int, seconds: float = 60) -> None:
    """Until `path` was written anew `count` times."""
    end = time.monotonic() + seconds
    before = written(path)
    while count and time.monotonic() < end:
        now = written(path)
        count -= now not in (before, 0)
        before = now or before
        time.sleep(0.0005)


def written(path: Path) -> int:
    """When, in nanoseconds; 0 where `path` is not there, as in the moment between two moves."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


if __name__ == "__main__":
    print(be_killed(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
