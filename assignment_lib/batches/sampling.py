"""Class weights against imbalance (report, section 2.1, Figure 1), and the order in which an epoch draws its images.

Weight tensors have 41 float32 entries, the classes of the twelve tasks in the order of `attributes.TASKS`. An image with
target -1 (unknown class) counts in no class of that task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import RandomSampler, Sampler, WeightedRandomSampler

from assignment_lib.batches.loader import Positions
from assignment_lib.data.attributes import N_CLASSES, TASKS, class_slices

#: The values of a recipe's `sampler`.
SAMPLERS = ("weighted", "identities", "uniform")
#: Images per person in a batch of the sampler "identities".
_IMAGES_PER_PERSON = 4
#: Share of each batch that people of another data set take.
_ADDED_SHARE = 0.25


def class_counts(targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Number of images per class, `(41,)` float64, of targets `(N, 12)` int64; image i counts `weights[i]` times if given."""
    weights = torch.ones(len(targets)).double() if weights is None else weights.double()
    counts = torch.zeros(N_CLASSES, dtype=torch.float64)
    for column, classes in enumerate(class_slices().values()):
        known = targets[:, column] >= 0
        counts[classes].index_add_(0, targets[known, column], weights[known])
    return counts


def class_shares(targets: Tensor) -> Tensor:
    """Share of the images in each class, `(41,)` float32; the classes of a task sum to 1."""
    return torch.cat([counts / counts.sum() for counts in by_task(class_counts(targets)).values()]).float()


def class_weights(targets: Tensor) -> Tensor:
    """Class weights `w_c = N / (C n_c)` of targets `(N, 12)` int64: 1 for every class of a balanced task (report, Figure 1).

    A class without images gets 0. scikit-learn's `compute_class_weight("balanced")` is the same formula but refuses such a
    class.
    """
    return _inverse_share(class_counts(targets))


def sample_weights(targets: Tensor, weights: Tensor) -> Tensor:
    """Sample weight of each image, `(N,)` float32: the mean over the twelve tasks of the weight of its class.

    `targets` is `(N, 12)` int64, `weights` `(41,)`. An unknown class counts as weight 1, the mean class weight of a task.
    scikit-learn's `compute_sample_weight` multiplies the weights of several tasks instead.
    """
    columns = [
        torch.where(target >= 0, task_weights[target.clamp(min=0)], 1.0)
        for target, task_weights in zip(targets.T, by_task(weights).values(), strict=True)
    ]
    return torch.stack(columns, dim=1).mean(dim=1)


def expected_weights(targets: Tensor, sample_weights: Tensor) -> Tensor:
    """Class weights `w'_c = 1 / (C p_c)` for batches drawn in proportion to `sample_weights` `(N,)`.

    p_c is the share of class c among the drawn images. A loss needs these weights together with the weighted sampler, which
    already reduces the imbalance (report, Figure 1, second tensor).
    """
    return _inverse_share(class_counts(targets, sample_weights))


def by_task(weights: Tensor) -> dict[str, Tensor]:
    """Split a 41-entry tensor into task -> `(C,)` views."""
    return {task: weights[classes] for task, classes in class_slices().items()}


def weights_table(**weights: Tensor) -> pd.DataFrame:
    """A table with one row per class (`task`, `class`) and one column per named 41-entry tensor."""
    names = [(task, name) for task, classes in TASKS.items() for name in classes]
    table = pd.DataFrame(names, columns=["task", "class"])
    for name, values in weights.items():
        table[name] = values.double().numpy()
    return table


def _inverse_share(counts: Tensor) -> Tensor:
    weights = [torch.where(n > 0, n.sum() / len(n) / n, 0.0) for n in by_task(counts).values()]
    return torch.cat(weights).float()


def weighted_sampler(sample_weights: Tensor, generator: torch.Generator) -> WeightedRandomSampler:
    """Draws as many images per epoch as there are, with replacement, in proportion to `sample_weights` `(N,)`."""
    return WeightedRandomSampler(sample_weights.double().tolist(), len(sample_weights), generator=generator)


class IdentitySampler(Sampler[int]):
    """P x K batches: `persons` identities with `images` images each (Hermans et al. 2017, section 2).

    `pids` `(N,)` holds the identity of each image. Identities follow one random order after another, so all are drawn
    about equally often. An image is drawn again only after all others of its identity; an identity with fewer than `images`
    images repeats some. With fewer than `persons` identities a batch holds all of them, and `batch_size` is smaller. An epoch
    has N // `batch_size` batches, at least one. The draws depend only on the state of `generator`, so a resumed training
    repeats them. Raises `ValueError` for fewer than two identities.

    pytorch-metric-learning's `MPerClassSampler` draws the identities of each batch anew, so an epoch misses half of the
    images where people have few, and it uses numpy's global random state.
    """

    def __init__(self, pids: Tensor, persons: int, images: int, generator: torch.Generator) -> None:
        super().__init__()
        # One stable sort for all identities: a search of all images per identity would be quadratic.
        self.positions = pids.argsort(stable=True).split(pids.unique(return_counts=True)[1].tolist())
        if len(self.positions) < 2:
            raise ValueError(
                f"batches of people need two identities, but there is {len(self.positions)}; pass "
                'sampler="uniform" and identity_loss="none", or add people'
            )
        self.persons, self.images, self.generator = min(persons, len(self.positions)), images, generator
        self.batch_size = self.persons * images
        self.batches = max(1, len(pids) // self.batch_size)

    def __len__(self) -> int:
        return self.batches * self.batch_size

    def __iter__(self) -> Iterator[int]:
        waiting: dict[int, list[int]] = {}  # images of an identity that this epoch has not drawn yet
        order: list[int] = []
        for _ in range(self.batches):
            if len(order) < self.persons:
                # The remaining identities come first, and none twice in a batch.
                following = torch.randperm(len(self.positions), generator=self.generator).tolist()
                order += [identity for identity in following if identity not in order]
            for identity in order[: self.persons]:
                yield from self._draw_images(self.positions[identity], waiting.setdefault(identity, []))
            del order[: self.persons]

    def _draw_images(self, positions: Tensor, queue: list[int]) -> list[int]:
        while len(queue) < self.images:
            drawn = positions[torch.randperm(len(positions), generator=self.generator)].tolist()
            queued = set(queue)  # in this batch already, so they go to the end
            queue += [p for p in drawn if p not in queued] + [p for p in drawn if p in queued]
        images = queue[: self.images]
        del queue[: self.images]
        return images


class MixedSampler(Sampler[int]):
    """Batches with a fixed number of images from each of several samplers, first all of the first sampler.

    Each of `parts` is a sampler of a subset of the images, the positions of that subset among all images, and its images per
    batch. An epoch has `images` // `batch_size` batches, at least one.
    """

    def __init__(self, parts: Sequence[tuple[Positions, Tensor, int]], images: int) -> None:
        super().__init__()
        self.parts, self.batch_size = parts, sum(size for _, _, size in parts)
        self.batches = max(1, images // self.batch_size)

    def __len__(self) -> int:
        return self.batches * self.batch_size

    def __iter__(self) -> Iterator[int]:
        endless = [(_repeat(sampler, positions.tolist()), size) for sampler, positions, size in self.parts]
        for _ in range(self.batches):
            for images, size in endless:
                yield from islice(images, size)


def _repeat(sampler: Positions, positions: list[int]) -> Iterator[int]:
    while True:
        yield from (positions[position] for position in sampler)


def sampler_and_weights(
    kind: str,
    targets: Tensor | None,
    pids: Tensor,
    batch_size: int,
    generator: torch.Generator,
    added: Tensor | None = None,
) -> tuple[Positions, dict[str, Tensor] | None]:
    """The sampler that a recipe names, and the class weights (task -> `(C,)`) that the losses need with it.

    `kind` is one of `SAMPLERS`: "weighted" (rare classes more often, with the expected weights), "identities" (P x 4) or
    "uniform" (each image once per epoch); the last two come with the plain class weights. `targets` is `(N, 12)`, `pids`
    `(N,)` int64. Without `targets` (re-identification only) the weights are None and "weighted" draws like "uniform".

    `added` `(N,)` bool marks people of another data set. They take a quarter of each batch, drawn by a sampler of the same
    kind; class weights count the labelled people only. An epoch has as many batches as the labelled images fill, so trainings
    with and without added people cost the same.
    Raises `ValueError` for an unknown `kind`, for fewer than two identities, and for a `batch_size` of "identities" that is not
    a multiple of 4 or holds fewer than two people.
    """
    if kind not in SAMPLERS:
        raise ValueError(f"sampler={kind!r} is unknown; pass one of {', '.join(SAMPLERS)}")
    unit = _IMAGES_PER_PERSON if kind == "identities" else 1
    if batch_size % unit or (unit > 1 and batch_size < 2 * unit):
        valid = max(2 * unit, batch_size // unit * unit)
        raise ValueError(
            f"batch_size={batch_size} does not hold whole people: sampler={kind!r} draws {unit} images per person and needs "
            f"two people; pass batch_size={valid} or another multiple of {unit}"
        )
    if added is None:
        return _sampler_and_weights(kind, targets, pids, batch_size, generator)
    added_size = max(unit, round(_ADDED_SHARE * batch_size / unit) * unit)
    parts, weights = [], []
    for subset, size in ((~added, batch_size - added_size), (added, added_size)):
        subset_targets = None if targets is None else targets[subset]
        sampler, weight = _sampler_and_weights(kind, subset_targets, pids[subset], size, generator)
        size = getattr(sampler, "batch_size", size)  # smaller where there are too few people
        parts.append((sampler, subset.nonzero()[:, 0], size))
        weights.append(weight)
    return MixedSampler(parts, int((~added).sum())), weights[0]


def _sampler_and_weights(
    kind: str, targets: Tensor | None, pids: Tensor, batch_size: int, generator: torch.Generator
) -> tuple[Positions, dict[str, Tensor] | None]:
    if kind == "weighted" and targets is not None:
        weights_of_images = sample_weights(targets, class_weights(targets))
        return weighted_sampler(weights_of_images, generator), by_task(expected_weights(targets, weights_of_images))
    weights = None if targets is None else by_task(class_weights(targets))
    if kind == "identities":
        return IdentitySampler(pids, batch_size // _IMAGES_PER_PERSON, _IMAGES_PER_PERSON, generator), weights
    return RandomSampler(range(len(pids)), generator=generator), weights
