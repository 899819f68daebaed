"""Networks beside notebook 04's: others that answer together with it, and those that are trained on all people.

A recipe's `networks` are trained on the same people from other first weights; what they say together is right more often
than what one says. Their validation people are the same, so that they can be judged together. With `everyone` as many more
are trained on all labelled people, for as many epochs as validation chose, and answer the test: nobody is left to judge
these, so options and rules are those that were chosen for the first ones. With `adapted` each adapts to the unlabelled
images of the test before it answers (adapt.py).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from assignment_lib.data.dataset import Dataset
from assignment_lib.environment import Settings, relative
from assignment_lib.models.joint import JointConvNet
from assignment_lib.models.together import Together
from assignment_lib.training import assembly, checkpoints, on_demand, parts
from assignment_lib.training.adapt import adapt
from assignment_lib.training.assembly import Split
from assignment_lib.training.recipes import Recipe, changed

#: Between the seeds of networks that answer together: seeds 0, 1, 2, ... are splits of their own.
_APART = 1000


class Networks(NamedTuple):
    """Who answers."""

    search: JointConvNet | Together  # validation people are searched for with it: options and rules are chosen so
    test: JointConvNet | Together  # answers the queries; `search` itself unless the recipe asks for `everyone`
    recipe: Recipe
    saying: str  # who answers, in a sentence


def networks(
    data: Dataset, recipe: Recipe, settings: Settings, device: torch.device, log: Callable[[str], None] = print
) -> Networks:
    """The networks that `recipe.retrieval` asks for, in evaluation mode on `device`; those that are missing are trained.

    The first is notebook 04's, in `settings.training_folder("joint")`; the others lie beside it, in "joint2", ... and
    "everyone", "everyone2", ... What broke off goes on. Raises what `on_demand.trained_network` and `adapt` raise, and
    `ValueError` where `networks` is below 1.
    """
    how = recipe.retrieval
    if how.networks < 1:
        raise ValueError(f"networks={how.networks} in the recipe; at least one has to answer")
    places = _places(settings, "joint", how.networks)
    first = places[0]
    own = on_demand.trained_network(data, recipe, first, device, log)[1]
    split = functools.cache(lambda: assembly.decoded_split(data, own, progress=True))
    search = _trained(places, split, own, data, device, how.adapted, log)
    saying = f"{_count(how.networks)} trained beside the validation people"
    if not how.everyone:
        return Networks(search, search, own, saying + _adapted(how.adapted))
    everyone = functools.cache(lambda: assembly.everyone(data, own, progress=True))
    length = changed(own, epochs=_epochs(first, own))
    places = _places(settings, "everyone", how.networks)
    test = _trained(places, everyone, length, data, device, how.adapted, log)
    return Networks(
        search, test, own, saying + f"; the test by {_count(how.networks)} of all people" + _adapted(how.adapted)
    )


def missing(recipe: Recipe, settings: Settings) -> list[Path]:
    """The folders of those of `networks` that would be trained or adapted first."""
    how = recipe.retrieval
    names = ["joint", "everyone"] if how.everyone else ["joint"]
    places = [place for name in names for place in _places(settings, name, how.networks)]
    return [place for place in places if not on_demand.is_trained(place) or (how.adapted and not _is_adapted(place))]


def _places(settings: Settings, name: str, networks: int) -> list[Path]:
    return [settings.training_folder(f"{name}{number + 1 if number else ''}") for number in range(networks)]


def _is_adapted(place: Path) -> bool:
    return (parts.adapted_folder(place) / "finished.txt").exists()


def _trained(
    places: list[Path],
    split: Callable[[], Split],
    recipe: Recipe,
    data: Dataset,
    device: torch.device,
    adapted: bool,
    log: Callable[[str], None],
) -> JointConvNet | Together:
    found = []
    for number, place in enumerate(places):
        own = changed(recipe, seed=recipe.seed + _APART * number)
        if not on_demand.is_trained(place):
            log(f"{relative(place)} is trained:")
            assembly.run(assembly.joint(split(), own, device), place, log)
        if adapted and not _is_adapted(place):
            log(f"{relative(place)} adapts to the unlabelled images of the test:")
            adapt(place, data, device, split(), log)
        found.append(parts.trained_network(place, adapted)[0])
    return (found[0] if len(found) == 1 else Together(found)).to(device).eval()


def _epochs(folder: Path, recipe: Recipe) -> int:
    """Those up to the best one; a cosine has to be gone through to its end."""
    best = int(checkpoints.load(folder / "best.pt")["epoch"])
    return recipe.training.epochs if recipe.training.schedule == "cosine" else best


def _count(networks: int) -> str:
    return "one network" if networks == 1 else f"{networks} networks together"


def _adapted(adapted: bool) -> str:
    return ", adapted to the unlabelled images of the test" if adapted else ""
