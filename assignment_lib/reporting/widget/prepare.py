"""What `play` needs, from a data set and trained networks, in some seconds: for `make demo`, and beside notebook 05's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from assignment_lib import environment
from assignment_lib.data.attributes import target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.images import decode
from assignment_lib.data.truth import with_test_truth
from assignment_lib.environment import Settings
from assignment_lib.evaluation import predictions
from assignment_lib.evaluation.as_test import as_test
from assignment_lib.evaluation.calibration import fit_temperatures
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.files import new_file
from assignment_lib.reporting.widget.looks import Look, look
from assignment_lib.reporting.widget.sides import Sides, sides
from assignment_lib.retrieval import decisions, junk, lists_and_sets
from assignment_lib.retrieval.embeddings import model_fingerprint
from assignment_lib.retrieval.options import Options
from assignment_lib.training import assembly, on_demand
from assignment_lib.training.recipes import Recipe, recipe

#: Networks of these recipes are looked for, and can be changed between.
RECIPES = ("smoke", "report", "strong")


def everything(
    data: Dataset, settings: Settings, device: torch.device | None = None, log: Callable[[str], None] = print
) -> tuple[Sides, dict[str, Look]]:
    """The sides of `data` and a look of each recipe whose network is trained, that of `settings` first, as `play` takes them.

    The network of `settings` is trained where it is missing, as notebook 05 does. What the networks say is kept beside them,
    and the next time takes seconds. Raises `StepAside` for data without queries or without a gallery.
    """
    if data.query.empty or data.gallery.empty:
        raise environment.StepAside("This data set has no queries or no gallery, so there is nothing to retrieve.")
    device = device or environment.device()
    made: Sides | None = None
    looks = {}
    for name in dict.fromkeys([settings.recipe, *RECIPES]):
        of = environment.Settings(settings.data, name, settings.backbone, settings.pretrained, settings.seed)
        folder = of.training_folder("joint")
        if name != settings.recipe and not (folder / "finished.txt").exists():
            continue
        wanted = recipe(name, backbone=of.backbone, pretrained=of.pretrained, seed=of.seed)
        network, own = on_demand.trained_network(data, wanted, folder, device, log)
        stores, look_of_it = looked_at(data, own, network.to(device), folder / "demo.pt")
        made = made or sides(stores, with_test_truth(data))
        looks[name] = look_of_it
    assert made is not None
    return made, looks


def looked_at(
    data: Dataset, own: Recipe, network: nn.Module, kept: Path | None = None
) -> tuple[dict[str, Tensor], Look]:
    """The decoded images of the test, by name, and what `network`, trained by the recipe `own`, says of them.

    Threshold, list, set, junk filter and probability are learned on validation as test, as notebook 05 does, which also
    chooses among options and filters: here it is mirror images and `junk.person_probe`. `kept` is a file for what the
    network says, used again while its weights are the same.
    """
    people = assembly.decoded_split(data, own, progress=True)
    stores = {"training": people.train_images, "validation": people.validation_images, "crowd": people.crowd_images}
    for name, table in (("query", data.query), ("gallery", data.gallery)):
        stores[name] = decode(table["path"], own.data.image_size).images
    background = junk.background_crops(people.train_images)
    plain, mirrored = said_of(network, stores | {"background": background}, kept)
    views = {
        False: plain,
        True: {name: predictions.with_mirror(plain[name], mirrored[name]) for name in plain},
    }
    found = {name: said.embeddings for name, said in views[True].items()}
    probe = junk.person_probe(found["training"], found["background"])
    keep = probe(found["gallery"]) >= junk.cut(probe(found["validation"]), own.retrieval.junk_lose)
    learned = decisions.learn(as_test(found["validation"], people.validation, found["crowd"]), progress=True)
    places, how = keep.nonzero()[:, 0], own.retrieval
    gallery = found["gallery"][places]
    lists = lists_and_sets.examiner_list(learned, found["query"], gallery, how.list_share, how.list_images)
    sets = lists_and_sets.people_set(learned, found["query"], gallery, how.set_precision or None)
    true = target_tensor(people.validation)
    temperatures = None if true is None else fit_temperatures(views[True]["validation"].probabilities, true)
    return stores, look(
        views,
        threshold=round(decisions.fit_rule("f1", learned).cut, 2),
        options=Options(mirror=True),
        keep=keep,
        answers={"list": [places[row] for row in lists.found], "set": [places[row] for row in sets.found]},
        learned=learned,
        network=network,
        temperatures=temperatures,
        size=own.data.image_size,
    )


def said_of(
    network: nn.Module, stores: Mapping[str, Tensor], kept: Path | None = None
) -> tuple[dict[str, Predictions], dict[str, Predictions]]:
    """What `network` says of images `(N, 3, H, W)` and of their mirror images, by name, kept in the file `kept`."""
    of_pictures = {name: (len(store), int(store.sum())) for name, store in stores.items()}
    mark = f"{model_fingerprint(network)} {of_pictures}"
    if kept is not None and kept.exists():
        content = torch.load(kept, weights_only=True)
        if content["mark"] == mark:
            plain, mirrored = (
                {name: Predictions(*part) for name, part in content[kind].items()} for kind in ("plain", "mirrored")
            )
            return plain, mirrored
    plain = predictions.each(lambda store: predictions.predict(network, store, progress=True), stores)
    mirrored = predictions.each(lambda store: predictions.predict(network, store.flip(3), progress=True), stores)
    if kept is not None:
        sides_of_it = {"plain": plain, "mirrored": mirrored}
        with new_file(kept) as file:
            torch.save(
                {"mark": mark}
                | {kind: {name: tuple(part) for name, part in of.items()} for kind, of in sides_of_it.items()},
                file,
            )
    return plain, mirrored
