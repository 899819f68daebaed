"""A network of two layers and a dozen random images, whose epochs take milliseconds."""

import torch
from torch import nn
from torch.utils.data import RandomSampler

from assignment_lib import environment
from assignment_lib.batches import augmentation, loader
from assignment_lib.losses.objective import Objective, ObjectiveSettings
from assignment_lib.models.joint import Output
from assignment_lib.training import loop
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
