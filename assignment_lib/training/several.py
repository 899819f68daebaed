"""Networks beside notebook 04's: others that answer together with it, and those that are trained on all people.

A recipe's `networks` are trained on the same people from other first weights; what they say together is right more often
than what one says. Their validation people are the same, so that they can be judged together. With `everyone` as many more
are trained on all labelled people, for as many epochs as validation chose, and answer the test: nobody is left to judge
these, so options and rules are those that were chosen for the first ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from assignment_lib.data.dataset import Dataset
from assignment_lib.environment import Settings, relative
from assignment_lib.models.joint import JointConvNet
from assignment_lib.models.together import Together
from assignment_lib.training import assembly, checkpoints, on_demand, parts
from assignment_lib.training.assembly import Split
from assignment_lib.training.recipes import Recipe, changed

#: Between the seeds of networks that answer together: seeds 0, 1, 2, ... are splits of their own.
_APART = 1000


class Networks(NamedTuple):
    """Who answers."""

    search: nn.Module  # validation people are searched for with it: options and rules are chosen so
    test: nn.Module  # the queries are answered with it; `search` itself unless the recipe asks for `everyone`
    recipe: Recipe


def networks(
    data: Dataset, recipe: Recipe, settings: Settings, device: torch.device, log: Callable[[str], None] = print
) -> Networks:
    """The networks that `recipe.retrieval` asks for, in evaluation mode on `device`; those that are missing are trained.

    The first is notebook 04's, in `settings.training_folder("joint")`; the others lie beside it, in "joint2", ... and
    "everyone", "everyone2", ... A broken-off training goes on. Raises what `on_demand.trained_network` raises, and
    `ValueError` where `networks` is below 1.
    """
    count = recipe.retrieval.networks
    if count < 1:
        raise ValueError(f"networks={count} in the recipe; at least one has to answer")
    first, own = on_demand.trained_network(data, recipe, settings.training_folder("joint"), device, log)
    validated = functools.cache(lambda: assembly.decoded_split(data, own, progress=True))
    found = [first]
    for number in range(1, count):
        found.append(_network(settings.training_folder(f"joint{number + 1}"), validated, own, number, device, log))
    search = _as_one(found, device)
    if not recipe.retrieval.everyone:
        return Networks(search, search, own)
    everyone = functools.cache(lambda: assembly.everyone(data, own, progress=True))
    length = changed(own, epochs=_epochs(settings.training_folder("joint"), own))
    found = []
    for number in range(count):
        place = settings.training_folder("everyone" + (str(number + 1) if number else ""))
        found.append(_network(place, everyone, length, number, device, log))
    return Networks(search, _as_one(found, device), own)


def _network(
    place: Path,
    split: Callable[[], Split],
    recipe: Recipe,
    number: int,
    device: torch.device,
    log: Callable[[str], None],
) -> JointConvNet:
    if not (place / "finished.txt").exists():
        log(f"{relative(place)} is trained:")
        own = changed(recipe, seed=recipe.seed + _APART * number)
        assembly.run(assembly.joint(split(), own, device), place, log)
    return parts.trained_network(place)[0]


def _as_one(networks: list[JointConvNet], device: torch.device) -> nn.Module:
    return (networks[0] if len(networks) == 1 else Together(networks)).to(device).eval()


def _epochs(folder: Path, recipe: Recipe) -> int:
    """Those up to the best one; a cosine has to be gone through to its end."""
    best = int(checkpoints.load(folder / "best.pt")["epoch"])
    return recipe.training.epochs if recipe.training.schedule == "cosine" else best
