"""Weights against unbalanced classes, and the sampler that draws rare ones more often (report, section 2.1, Figure 1).

Every weight tensor has 41 float32 entries, the classes of the twelve tasks in the order of `attributes.TASKS`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import torch
from torch.utils.data import RandomSampler, Sampler, WeightedRandomSampler

from assignment_lib.data.attributes import N_CLASSES, TASKS, class_slices


def class_counts(targets: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Images a class, `(41,)` float64, of integer targets `(N, 12)`; each image counted `weights[i]` times if given."""
    weights = torch.ones(len(targets), dtype=torch.float64) if weights is None else weights.double()
    counts = torch.zeros(N_CLASSES, dtype=torch.float64)
    for column, classes in enumerate(class_slices().values()):
        counts[classes].index_add_(0, targets[:, column], weights)
    return counts


def class_shares(targets: torch.Tensor) -> torch.Tensor:
    """Share of the images that have each class, `(41,)` float32; the classes of a task sum to 1."""
    return (class_counts(targets) / len(targets)).float()


def class_weights(targets: torch.Tensor) -> torch.Tensor:
    """`w_c = N / (C n_c)`: 1 for every class of a balanced task, large for a rare class (report, Figure 1).

    `targets` is `(N, 12)` int64. A class without an image gets 0: no image can ask for it, and infinity would spoil sums.
    """
    return _inverse_share(class_counts(targets))


def sample_weights(targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weight of each image `(N,)` float32: the mean over the twelve tasks of the weight of its class."""
    columns = [weights[classes][targets[:, column]] for column, classes in enumerate(class_slices().values())]
    return torch.stack(columns, dim=1).mean(dim=1)


def expected_weights(targets: torch.Tensor, sample_weights: torch.Tensor) -> torch.Tensor:
    """Class weights `w'_c = 1 / (C p_c)` for batches drawn in proportion to `sample_weights` `(N,)`.

    p_c is the share of class c among the drawn images, so these are the weights a loss needs beside the weighted
    sampler: it has already evened out a part of the imbalance (report, Figure 1, second tensor).
    """
    return _inverse_share(class_counts(targets, sample_weights))


def weighted_sampler(sample_weights: torch.Tensor, generator: torch.Generator) -> WeightedRandomSampler:
    """Draws as many images an epoch as there are, with replacement, in proportion to `sample_weights`."""
    return WeightedRandomSampler(sample_weights.double(), len(sample_weights), replacement=True, generator=generator)


class IdentitySampler(Sampler[int]):
    """Batches of `persons` identities x `images` images each, for triplet losses (Hermans et al. 2017, section 2).

    Every anchor then has a positive in its batch. `pids` `(N,)` holds the identity of each image. Persons are taken from
    one random order after another, so that all are drawn equally often, whatever number of images they have; an image of
    a person is drawn again only after all his others. A person with fewer than `images` images repeats some, as is usual
    (augmentation makes them differ). An epoch has N // (persons * images) batches, at least one, laid out one after the
    other: give `Batches` the batch size `persons * images`. What is drawn depends on the state of `generator` alone, so a
    resumed run draws what an uninterrupted one would.
    """

    def __init__(self, pids: torch.Tensor, persons: int, images: int, generator: torch.Generator):
        super().__init__()
        self.places = [torch.nonzero(pids == pid).flatten() for pid in pids.unique()]
        if persons > len(self.places):
            raise ValueError(
                f"a batch of {persons} persons cannot be drawn from {len(self.places)} identities; take fewer a batch"
            )
        self.persons, self.images, self.generator = persons, images, generator
        self.batches = max(1, len(pids) // (persons * images))

    def __len__(self) -> int:
        return self.batches * self.persons * self.images

    def __iter__(self) -> Iterator[int]:
        waiting: dict[int, list[int]] = {}  # images of a person that this epoch has not drawn yet
        order: list[int] = []
        for _ in range(self.batches):
            if len(order) < self.persons:
                # those left over come first, and no one twice in a batch
                following = torch.randperm(len(self.places), generator=self.generator).tolist()
                order = order + [person for person in following if person not in order]
            batch, order = order[: self.persons], order[self.persons :]
            for person in batch:
                queue = waiting.setdefault(person, [])
                while len(queue) < self.images:
                    places = self.places[person]
                    drawn = places[torch.randperm(len(places), generator=self.generator)].tolist()
                    left = set(queue)  # they come in this batch, so they must not be first again
                    queue += [place for place in drawn if place not in left] + [p for p in drawn if p in left]
                yield from queue[: self.images]
                del queue[: self.images]


def sampler_and_weights(
    kind: str, targets: torch.Tensor | None, pids: torch.Tensor, batch_size: int, generator: torch.Generator
) -> tuple[Sampler, dict[str, torch.Tensor] | None]:
    """How to draw the training images, and the class weights that the losses need beside it (task -> `(C,)`).

    `kind` is "weighted" (rare classes more often; the weights are the expected ones), "identities" (batches of
    `batch_size` / 4 persons x 4 images) or "uniform" (each image once an epoch); for the last two the weights are the
    plain class weights. `targets` `(N, 12)`, `pids` `(N,)`. Without `targets` (a data set for re-ID only) the weights
    are None and "weighted" draws like "uniform".
    """
    weights = class_weights(targets) if targets is not None else None
    named = by_task(weights) if weights is not None else None
    if kind == "identities":
        return IdentitySampler(pids, batch_size // 4, 4, generator), named
    if kind == "uniform" or (kind == "weighted" and targets is None):
        return RandomSampler(range(len(pids)), generator=generator), named
    if kind == "weighted":
        of_images = sample_weights(targets, weights)
        return weighted_sampler(of_images, generator), by_task(expected_weights(targets, of_images))
    raise ValueError(f"the sampler is weighted, identities or uniform, not {kind!r}")


def by_task(weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """A 41-entry tensor as task -> its own `(C,)` part."""
    return {task: weights[classes] for task, classes in class_slices().items()}


def weights_table(**weights: torch.Tensor) -> pd.DataFrame:
    """One row a class (`task`, `class`), one column a named 41-entry tensor."""
    names = [(task, name) for task, classes in TASKS.items() for name in classes]
    table = pd.DataFrame(names, columns=["task", "class"])
    for name, values in weights.items():
        table[name] = values.double().numpy()
    return table


def _inverse_share(counts: torch.Tensor) -> torch.Tensor:
    weights = torch.zeros(N_CLASSES, dtype=torch.float64)
    for classes in class_slices().values():
        of_task = counts[classes]
        expected = of_task.sum() / len(of_task)
        weights[classes] = torch.where(of_task > 0, expected / of_task.clamp(min=torch.finfo(torch.float64).tiny), 0.0)
    return weights.float()
