"""Samplers for training images of several sources: a share of each batch, and images in the look of another camera."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from assignment_lib.batches.balance import by_task, class_weights, expected_weights, sample_weights
from assignment_lib.batches.loader import Positions
from assignment_lib.batches.samplers import sampler_and_weights
from assignment_lib.data.sources import ADDED, OWN, copies, of_source

#: Images of an identity that a sampler lays side by side: parts of a batch are multiples of it.
_TOGETHER = {"identities": 4, "pairs": 2}


def mixed_sampler_and_weights(
    kind: str,
    table: pd.DataFrame,
    targets: Tensor | None,
    pids: Tensor,
    batch_size: int,
    generator: torch.Generator,
    cameras: Tensor | None = None,
    added_share: float = 0.25,
    styled_share: float = 0.25,
    added_weights: bool = False,
) -> tuple[Positions, dict[str, Tensor] | None]:
    """`samplers.sampler_and_weights` for the rows of `table`, which may be of several sources (`data.sources`).

    Added people make `added_share` of each batch, drawn among themselves by a sampler of the same `kind`; a labelled image is
    shown as one of its styled copies with probability `styled_share`. Class weights are those of the labelled people, or with
    `added_weights` of what both together draw. Without other sources it is `sampler_and_weights` itself. Raises what that one
    raises, and `ValueError` for a share outside [0, 1).
    """
    for name, share in (("added_share", added_share), ("styled_share", styled_share)):
        if not 0 <= share < 1:
            raise ValueError(f"{name}={share} is a share of what is drawn, at least 0 and below 1")
    if "source" not in table:
        return sampler_and_weights(kind, targets, pids, batch_size, generator, cameras)
    unit = _TOGETHER.get(kind, 1)
    own, added = (of_source(table, *names).nonzero()[:, 0] for names in (OWN, (ADDED,)))
    extra = max(unit, round(added_share * batch_size / unit) * unit) if len(added) and added_share else 0
    if extra > batch_size - unit:
        raise ValueError(f"added_share={added_share} leaves no room for labelled people in a batch of {batch_size}")

    def among(places: Tensor, size: int) -> tuple[Positions, dict[str, Tensor] | None]:
        of_targets, of_cameras = (None if values is None else values[places] for values in (targets, cameras))
        sampler, weights = sampler_and_weights(kind, of_targets, pids[places], size, generator, of_cameras)
        return Among(sampler, places), weights

    sampler, weights = among(own, batch_size - extra)
    if extra:
        sampler = MixedSampler(sampler, among(added, extra)[0], batch_size, extra, len(own) // batch_size)
        if added_weights and targets is not None:
            weights = by_task(_weights_of_both(kind, targets[own], targets[added], extra / batch_size))
    others = copies(table)
    if others.shape[1] and styled_share:
        sampler = StyledSampler(sampler, others, styled_share, generator)
    return sampler, weights


def _weights_of_both(kind: str, own: Tensor, added: Tensor, share: float) -> Tensor:
    """The expected class weights `(41,)` of draws from `added` with probability `share`, else from `own`."""
    chances = []
    for targets, part in ((own, 1 - share), (added, share)):
        drawn = sample_weights(targets, class_weights(targets)) if kind == "weighted" else torch.ones(len(targets))
        chances.append(part * drawn / drawn.sum())
    return expected_weights(torch.cat([own, added]), torch.cat(chances))


class Among:
    """A sampler of positions in a part of the images as one of positions in all: position i is `places[i]`."""

    def __init__(self, sampler: Positions, places: Tensor):
        self.sampler, self.places = sampler, places.tolist()

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        return (self.places[int(position)] for position in self.sampler)


class MixedSampler:
    """Batches of which `extra` images come from a second sampler, those of another source, and the others from the first.

    labelled, added: samplers that lay out batches of `batch_size - extra` and of `extra` images. An epoch has `batches`
    batches, at least one: added images take the place of others, so that trainings with and without them cost the same.
    """

    def __init__(self, labelled: Positions, added: Positions, batch_size: int, extra: int, batches: int):
        self.labelled, self.added, self.batch_size, self.extra = labelled, added, batch_size, extra
        self.batches = max(1, batches)

    def __len__(self) -> int:
        return self.batches * self.batch_size

    def __iter__(self) -> Iterator[int]:
        labelled, added = _endless(self.labelled), _endless(self.added)
        for _ in range(self.batches):
            yield from (next(labelled) for _ in range(self.batch_size - self.extra))
            yield from (next(added) for _ in range(self.extra))


class StyledSampler:
    """What `sampler` draws, each image with probability `share` as one of its `copies`: CamStyle (Zhong et al. 2018).

    `copies` `(N, K)` int64 holds the positions of an image's copies, -1 where there are fewer than K; an image without any
    stays. The paper (section 3.3) adds a fixed number of styled images to each batch; here a batch keeps its people.
    """

    def __init__(self, sampler: Positions, copies: Tensor, share: float, generator: torch.Generator):
        self.sampler, self.copies, self.share, self.generator = sampler, copies, share, generator
        self.counts = (copies >= 0).sum(1)

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        places = torch.tensor([int(place) for place in self.sampler], dtype=torch.int64)
        chance = torch.rand(2, len(places), generator=self.generator)
        counts = self.counts[places]
        shown = (chance[0] < self.share) & (counts > 0)
        which = (chance[1] * counts).long()
        places[shown] = self.copies[places[shown], which[shown]]
        return iter(places.tolist())


def _endless(sampler: Positions) -> Iterator[int]:
    while True:
        yield from sampler
