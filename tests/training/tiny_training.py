"""A network of two layers and a dozen random images, whose epochs take milliseconds; run as a program, it gets killed.

`python tiny_training.py FOLDER EPOCHS KILLS SEED` trains in forked processes. Each of the first KILLS processes kills itself at
a random batch or file operation, the last one finishes and writes `final.pt`.
"""

import os
import random
import signal
import sys
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import RandomSampler

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
    os.environ["TQDM_DISABLE"] = "1"

from assignment_lib import environment
from assignment_lib.batches import augmentation, loader
from assignment_lib.losses.objective import Objective, ObjectiveSettings
from assignment_lib.models.joint import Output
from assignment_lib.training import history, loop
from assignment_lib.training.recipes import TrainingSettings

HAT = {"hat": torch.tensor([1.0, 1.0])}


class Tiny(nn.Module):
    """A convolution, a batch norm and two linear layers: the attribute "hat" and three people."""

    def __init__(self, dropout=0.1, norm=True):
        super().__init__()
        norm = nn.BatchNorm2d(4) if norm else nn.Identity()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.ReLU(), nn.Dropout(dropout))
        self.hat, self.pid = nn.Linear(4, 2), nn.Linear(4, 3)

    def forward(self, images):
        embedding = self.features(images).mean(dim=(2, 3))
        return Output(embedding, {"hat": self.hat(embedding)}, self.pid(embedding))


class InfiniteGradient(torch.autograd.Function):
    """The identity, with an infinite gradient."""

    @staticmethod
    def forward(ctx, values):
        return values.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * torch.inf


def tiny_objective(n_pids=3):
    return Objective(ObjectiveSettings(), HAT, n_pids, 4)


def tiny_batches(generator, size=4, count=12, augment=True):
    """Images of three people: 0 is red, 1 green, 2 blue."""
    images = torch.randint(0, 128, (count, 3, 16, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    images[torch.arange(count), torch.arange(count) % 3] += 100
    return loader.Batches(
        images,
        RandomSampler(range(count), generator=generator),
        size,
        attributes=(torch.arange(count) % 2)[:, None],
        pids=torch.arange(count) % 3,
        augmentation=augmentation.Augmentation() if augment else None,
        generator=generator,
    )


def train(folder, epochs, scores=None, fingerprint=None, model=None, objective=None, batches=None, log=None, **options):
    """One call of `fit`, from the same seed; returns model, history and log lines. `options`: of the settings or of `fit`."""
    environment.seed_everything(0)
    batches = tiny_batches(torch.Generator().manual_seed(1)) if batches is None else batches
    model, lines = Tiny() if model is None else model, []
    objective = tiny_objective() if objective is None else objective
    remaining = iter(scores or [])
    own = {name: options.pop(name) for name in ("betas", "image_files", "checkpoint_minutes") if name in options}
    rows = loop.fit(
        model,
        objective,
        batches,
        lambda model: {"score": next(remaining) if scores else float(model.hat.weight.detach().sum() * 1000 % 1)},
        TrainingSettings(epochs=epochs, **options),
        folder,
        fingerprint=fingerprint or {"seed": 0},
        log=lines.append if log is None else log,
        **own,
    )
    return model, rows, lines


def timeless(rows):
    """A history without the columns of time and speed."""
    return rows[[column for column in rows if "second" not in column]]


def be_killed(folder: Path, epochs: int, kills: int, seed: int) -> int:
    """Train in forked processes of which the first `kills` kill themselves; returns how many did."""
    moments, killed = random.Random(seed), 0
    while True:
        moment = moments.randrange(1, 20) if killed < kills else 0
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)
            if moment:
                _kill_after(moment)
            model, rows, _ = train(folder, epochs, patience=epochs, checkpoint_minutes=0, schedule="cosine")
            torch.save({"model": model.state_dict(), "history": timeless(rows).to_dict("list")}, folder / "final.pt")
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            killed += 1
            continue
        assert status == 0, "the training failed"
        return killed


def _kill_after(moment: int) -> None:
    """SIGKILL for this process at the `moment`-th batch or renamed file."""
    left = [moment]

    def counted(function):
        def call(*arguments):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments)

        return call

    history.Epoch.note = counted(history.Epoch.note)
    Path.replace = counted(Path.replace)


if __name__ == "__main__":
    print(be_killed(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
