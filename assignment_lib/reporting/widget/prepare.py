"""What `play` needs, from a data set and trained networks, in some seconds: for `make demo`, and beside notebook 05's own.

Who answers, which options, which junk filter, whether neighbours and temperatures are asked: all is chosen as notebook 05 does,
by the same functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from assignment_lib import environment
from assignment_lib.data.attributes import target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.images import decode
from assignment_lib.data.annotations import with_test_truth
from assignment_lib.environment import Settings
from assignment_lib.evaluation import calibration, neighbours, predictions
from assignment_lib.evaluation.as_test import as_test
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.files import atomic_write
from assignment_lib.reporting.widget.looks import Look, look
from assignment_lib.reporting.widget.sides import Sides, sides
from assignment_lib.retrieval import decisions, imagenet, junk, lists_and_sets
from assignment_lib.retrieval.embeddings import model_fingerprint
from assignment_lib.retrieval.options import Options, choose_options, options_table
from assignment_lib.retrieval.searches import Search
from assignment_lib.retrieval.whitening import fit_whitening
from assignment_lib.training import assembly, several
from assignment_lib.training.assembly import Split
from assignment_lib.training.recipes import recipe
from assignment_lib.training.several import Networks

#: Networks of these recipes are looked for, and can be changed between.
RECIPES = ("smoke", "report", "strong")
#: Filters that no classifier of ImageNet is asked for, which takes minutes for a large gallery.
_WITHOUT_CLASSIFIER = ("probe", "similarity", "none")


def everything(
    data: Dataset, settings: Settings, device: torch.device | None = None, log: Callable[[str], None] = print
) -> tuple[Sides, dict[str, Look]]:
    """The sides of `data` and a look of each recipe whose networks are trained, that of `settings` first, as `play` takes them.

    The networks of `settings` are trained where they are missing, as notebook 05 does. What they say is kept beside them,
    and the next time takes seconds. Raises `SkipNotebook` for data without queries or without a gallery.
    """
    if data.query.empty or data.gallery.empty:
        raise environment.SkipNotebook("This data set has no queries or no gallery, so there is nothing to retrieve.")
    device = device or environment.device()
    made: Sides | None = None
    looks = {}
    for name in dict.fromkeys([settings.recipe, *RECIPES]):
        of = environment.Settings(settings.data, name, settings.backbone, settings.pretrained, settings.seed)
        wanted = recipe(name, backbone=of.backbone, pretrained=of.pretrained, seed=of.seed)
        if name != settings.recipe and several.missing(wanted, of):
            continue
        asked = several.networks(data, wanted, of, device, log)
        stores, look_of_it = looked_at(data, asked, of.training_folder("joint"))
        made = made or sides(stores, with_test_truth(data))
        looks[name] = look_of_it
    assert made is not None
    return made, looks


def looked_at(data: Dataset, asked: Networks, folder: Path | None = None) -> tuple[dict[str, Tensor], Look]:
    """The decoded images of the test, by name, and what the networks that are `asked` say of them.

    Everything is chosen and learned on validation as test, with `asked.search`, as notebook 05 does; `asked.test` answers.
    `folder` is where that which they say is kept, and used again while weights and images are the same.
    """
    own, network = asked.recipe, asked.search
    how = own.retrieval
    people = assembly.decoded_split(data, own, progress=True)
    stores = {"training": people.train_images, "validation": people.validation_images, "crowd": people.crowd_images}
    for name, table in (("query", data.query), ("gallery", data.gallery)):
        stores[name] = decode(table["path"], own.data.image_size).images
    background = junk.background_crops(people.train_images)
    plain, mirrored = said_of(network, stores | {"background": background}, folder and folder / "demo.pt")
    views = worlds = _views(plain, mirrored)
    searches = {
        mirror: as_test(said["validation"].embeddings, people.validation, said["crowd"].embeddings)
        for mirror, said in views.items()
    }
    training = {mirror: said["training"].embeddings for mirror, said in views.items()}
    chosen = choose_options(options_table(searches, training)) if how.options == "auto" else Options()
    found = dict(views[chosen.mirror])
    if asked.test is not network:
        everyone = torch.cat([people.train_images, people.validation_images])
        again = {"query": stores["query"], "gallery": stores["gallery"], "training": everyone}
        worlds = _views(*said_of(asked.test, again, folder and folder / "demo-test.pt"))
        found |= {name: worlds[chosen.mirror][name] for name in ("query", "gallery")}
    temperatures = None
    true = target_tensor(people.validation) if data.has_attributes else None
    if true is not None:
        found = _with_neighbours(found, asked, true)
        before = found["validation"].probabilities
        errors = calibration.worth(before, true, people.validation["pid"].to_numpy())
        if errors["with temperatures"] < errors["as trained"]:
            temperatures = calibration.fit_temperatures(before, true)
    embedded = {name: part.embeddings for name, part in found.items()}
    if chosen.whitening:
        embedded = _whitened(embedded, None if worlds is views else worlds[chosen.mirror]["training"].embeddings)
    search = as_test(embedded["validation"], people.validation, embedded["crowd"])
    keep = _kept_by_filter(search, people, stores, plain, asked, folder)
    learned = decisions.learn(search, chosen.after)
    places = torch.arange(len(data.gallery)) if keep is None else keep.nonzero()[:, 0]
    gallery = embedded["gallery"][places]
    lists = lists_and_sets.examiner_list(learned, embedded["query"], gallery, how.list_share, how.list_images)
    sets = lists_and_sets.people_set(learned, embedded["query"], gallery, how.set_precision or None)
    return stores, look(
        worlds,
        threshold=round(decisions.fit_rule("f1", learned).cut, 2),
        options=chosen,
        keep=keep,
        answers={"list": [places[row] for row in lists.found], "set": [places[row] for row in sets.found]},
        learned=learned,
        network=asked.test,
        temperatures=temperatures,
        probabilities={name: found[name].probabilities for name in ("query", "gallery")},
        size=own.data.image_size,
    )


def _views(plain: Mapping[str, Predictions], mirrored: Mapping[str, Predictions]) -> dict[bool, dict[str, Predictions]]:
    both = {name: predictions.with_mirror(plain[name], mirrored[name]) for name in plain}
    return {False: dict(plain), True: both}


def _whitened(embedded: dict[str, Tensor], training_of_test: Tensor | None) -> dict[str, Tensor]:
    """All embeddings whitened, those of the test by axes of their own where another network gave `training_of_test`."""
    of_search = of_test = fit_whitening(embedded["crowd"], embedded["validation"], embedded["training"])
    if training_of_test is not None:
        of_test = fit_whitening(embedded["gallery"], training_of_test)
    return {name: (of_test if name in ("query", "gallery") else of_search)(part) for name, part in embedded.items()}


def _kept_by_filter(
    search: Search,
    people: Split,
    stores: Mapping[str, Tensor],
    plain: Mapping[str, Predictions],
    asked: Networks,
    folder: Path | None,
) -> Tensor | None:
    """Which gallery images the junk filter of the recipe, or the one that pays in `search`, keeps; None without a filter."""
    how, looked_at = asked.recipe.retrieval, ("validation", "crowd", "gallery")
    seen = None
    if how.junk_filter not in _WITHOUT_CLASSIFIER:
        few = people.train_images[:: -(-len(people.train_images) // 300)]
        looked = {"people": few, "background": junk.background_crops(few)} | {name: stores[name] for name in looked_at}
        seen = _seen(looked, next(asked.search.parameters()).device, folder and folder / "demo-seen.pt")
    judged = junk.judged(
        {name: plain[name].embeddings for name in looked_at},
        plain["training"].embeddings, people.train["pid"].to_numpy(), plain["background"].embeddings, seen,
    )  # fmt: skip
    cuts = {name: junk.cut(scores, how.junk_lose) for name, scores in judged["validation"].items()}
    filtered = how.junk_filter
    if filtered == "auto":
        keeps = {
            name: torch.cat([judged[part][name] >= cut for part in ("validation", "crowd")])
            for name, cut in cuts.items()
        }
        filtered = junk.recommended(junk.worth(search, keeps))
    return None if filtered == "none" else judged["gallery"][filtered] >= cuts[filtered]


def _with_neighbours(found: dict[str, Predictions], asked: Networks, true: Tensor) -> dict[str, Predictions]:
    """`found`, mixed with what is said of neighbours where the recipe or validation says so."""
    wanted, rows = asked.recipe.retrieval.neighbours, torch.arange(len(true))
    if wanted not in ("auto", "yes"):
        return found
    both = predictions.join(found["validation"], found["crowd"])
    mixed = neighbours.with_neighbours(found["validation"], both, rows, asked.search.logit_adjustment)
    if wanted == "auto" and not neighbours.neighbours_help(
        neighbours.neighbours_table(found["validation"], mixed, true)
    ):
        return found
    gallery, adjustment = found["gallery"], asked.test.logit_adjustment
    own = {
        "gallery": torch.arange(len(gallery.embeddings)),
        "query": torch.full((len(found["query"].embeddings),), -1),
    }
    of_test = {name: neighbours.with_neighbours(found[name], gallery, own[name], adjustment) for name in own}
    return found | of_test | {"validation": mixed}


def said_of(
    network: nn.Module, stores: Mapping[str, Tensor], kept: Path | None = None
) -> tuple[dict[str, Predictions], dict[str, Predictions]]:
    """What `network` says of images `(N, 3, H, W)` and of their mirror images, by name, kept in the file `kept`."""

    def ask() -> list[dict[str, tuple]]:
        plain = predictions.each(lambda store: predictions.predict(network, store, progress=True), stores)
        mirrored = predictions.each(lambda store: predictions.predict(network, store.flip(3), progress=True), stores)
        return [{name: tuple(said) for name, said in of.items()} for of in (plain, mirrored)]

    plain, mirrored = _kept(kept, network, stores, ask)
    return tuple({name: Predictions(*said) for name, said in of.items()} for of in (plain, mirrored))  # type: ignore[return-value]


def _seen(stores: Mapping[str, Tensor], device: torch.device, kept: Path | None) -> dict[str, Tensor]:
    """What the classifier of ImageNet sees in images, by name."""
    classifier = imagenet.imagenet_classifier().to(device)

    def ask() -> dict[str, Tensor]:
        return predictions.each(lambda store: imagenet.class_evidence(classifier, store, progress=True), stores)

    return _kept(kept, classifier, stores, ask)


def _kept(file: Path | None, network: nn.Module, stores: Mapping[str, Tensor], ask: Callable[[], Any]) -> Any:
    """What `ask` returns; from `file` where `network` and images are those that it was written for."""
    of_pictures = {name: (len(store), int(store.sum())) for name, store in stores.items()}
    mark = f"2 {model_fingerprint(network)} {of_pictures}"
    if file is not None and file.exists():
        content = torch.load(file, weights_only=True)
        if content["mark"] == mark:
            return content["said"]
    said = ask()
    if file is not None:
        with atomic_write(file) as written:
            torch.save({"mark": mark, "said": said}, written)
    return said
