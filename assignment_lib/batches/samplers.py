"""The order in which an epoch draws its images: rare classes more often, identity by identity, or each image once."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import RandomSampler, Sampler, WeightedRandomSampler

from assignment_lib.batches.balance import by_task, class_weights, expected_weights, sample_weights

#: What a recipe can name.
SAMPLERS = ("weighted", "identities", "pairs", "uniform")


def weighted_sampler(sample_weights: torch.Tensor, generator: torch.Generator) -> WeightedRandomSampler:
    """As many draws an epoch as there are images, with replacement, in proportion to `sample_weights` `(N,)`."""
    weights = sample_weights.double().tolist()
    return WeightedRandomSampler(weights, len(weights), replacement=True, generator=generator)


class IdentitySampler(Sampler[int]):
    """Batches of `persons` identities x `images` images each, for triplet losses (Hermans et al. 2017, section 2).

    Every anchor then has a positive in its batch. `pids` `(N,)` holds the identity of each image. Identities are taken
    from one random order after another, so that all are drawn equally often, however many images they have; an image is
    drawn again only after all others of its identity. An identity with fewer than `images` images repeats some, as is
    usual (augmentation makes them differ). An epoch has N // (persons * images) batches, at least one, laid out one after
    the other: give `Batches` the batch size `persons * images`. Raises ValueError where there are fewer than `persons`
    identities.

    pytorch-metric-learning's `MPerClassSampler` draws the identities of each batch anew and forgets which images came up,
    so that it misses many: in an epoch of 49 batches of 16 x 4 from 3,137 images of 857 people it drew 507 to 515 people
    and 45 to 47 % of the images, this sampler 784 and 66 %. It also draws from numpy's global random state. What is drawn
    here depends on the state of `generator` alone, so a resumed run draws what an uninterrupted one would.
    """

    def __init__(self, pids: torch.Tensor, persons: int, images: int, generator: torch.Generator) -> None:
        super().__init__()
        self.places = _places(pids, persons)
        self.persons, self.images, self.generator = persons, images, generator
        self.batches = max(1, len(pids) // (persons * images))

    def __len__(self) -> int:
        return self.batches * self.persons * self.images

    def __iter__(self) -> Iterator[int]:
        waiting: dict[int, list[int]] = {}  # images of an identity that this epoch has not drawn yet
        for batch in _people(len(self.places), self.persons, self.batches, self.generator):
            for person in batch:
                queue = waiting.setdefault(person, [])
                while len(queue) < self.images:
                    places = self.places[person]
                    drawn = places[torch.randperm(len(places), generator=self.generator)].tolist()
                    left = set(queue)  # they come in this batch, so they must not be first again
                    queue += [place for place in drawn if place not in left] + [p for p in drawn if p in left]
                yield from queue[: self.images]
                del queue[: self.images]


class CameraPairSampler(Sampler[int]):
    """Batches of `persons` identities x 2 images, the two from different cameras where an identity has such.

    What re-identification is asked for is the same person in another camera, while images of one walk past one camera
    are near copies of each other. `pids` and `cameras` are `(N,)`; without `cameras` the two are any of the identity. All
    identities are drawn equally often, as by `IdentitySampler`, and the same holds of its errors, of the length of an
    epoch, and of resumed runs. An identity with one image shows it twice.
    """

    def __init__(
        self, pids: torch.Tensor, cameras: torch.Tensor | None, persons: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.places = _places(pids, persons)
        self.cameras = torch.arange(len(pids)) if cameras is None else cameras
        self.persons, self.generator = persons, generator
        self.batches = max(1, len(pids) // (2 * persons))

    def __len__(self) -> int:
        return self.batches * self.persons * 2

    def __iter__(self) -> Iterator[int]:
        for batch in _people(len(self.places), self.persons, self.batches, self.generator):
            for person in batch:
                yield from self._pair(self.places[person])

    def _pair(self, places: torch.Tensor) -> list[int]:
        drawn = places[torch.randperm(len(places), generator=self.generator)]
        elsewhere = drawn[self.cameras[drawn] != self.cameras[drawn[0]]]
        second = elsewhere[0] if len(elsewhere) else drawn[min(1, len(drawn) - 1)]
        return [int(drawn[0]), int(second)]


def _places(pids: torch.Tensor, persons: int) -> list[torch.Tensor]:
    """Where the images of each identity are; ValueError where there are fewer than `persons` identities."""
    # one sort for all: a look through all images for each identity would be quadratic
    places = list(pids.argsort(stable=True).split(pids.unique(return_counts=True)[1].tolist()))
    if persons > len(places):
        raise ValueError(
            f"a batch of {persons} people cannot be drawn from {len(places)} identities; take fewer a batch"
        )
    return places


def _people(identities: int, persons: int, batches: int, generator: torch.Generator) -> Iterator[list[int]]:
    """The identities of each batch, from one random order after another."""
    order: list[int] = []
    for _ in range(batches):
        if len(order) < persons:
            # those left over come first, and no one twice in a batch
            following = torch.randperm(identities, generator=generator).tolist()
            order = order + [person for person in following if person not in order]
        batch, order = order[:persons], order[persons:]
        yield batch


def sampler_and_weights(
    kind: str,
    targets: torch.Tensor | None,
    pids: torch.Tensor,
    batch_size: int,
    generator: torch.Generator,
    cameras: torch.Tensor | None = None,
) -> tuple[IdentitySampler | CameraPairSampler | RandomSampler | WeightedRandomSampler, dict[str, torch.Tensor] | None]:
    """How to draw the training images, and the class weights that the losses need beside it (task -> `(C,)`).

    `kind` is one of `SAMPLERS`: "weighted" (rare classes more often; the weights are the expected ones), "identities"
    (batches of `batch_size` / 4 people x 4 images), "pairs" (`batch_size` / 2 people x 2 images from different `cameras`)
    or "uniform" (each image once an epoch); for the last three the weights are the plain class weights. `targets`
    `(N, 12)`, `pids` and `cameras` `(N,)`. Without `targets` (a data set for re-ID only) the weights are None and
    "weighted" draws like "uniform". Raises ValueError for another `kind`.
    """
    if kind not in SAMPLERS:
        raise ValueError(f"the sampler is {', '.join(SAMPLERS)}, not {kind!r}")
    if kind == "weighted" and targets is not None:
        of_images = sample_weights(targets, class_weights(targets))
        return weighted_sampler(of_images, generator), by_task(expected_weights(targets, of_images))
    weights = None if targets is None else by_task(class_weights(targets))
    if kind == "identities":
        return IdentitySampler(pids, batch_size // 4, 4, generator), weights
    if kind == "pairs":
        return CameraPairSampler(pids, cameras, batch_size // 2, generator), weights
    return RandomSampler(range(len(pids)), generator=generator), weights
