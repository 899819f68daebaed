"""From a data set and its network to ranked, re-ranked and thresholded test images: for notebook 05 and the widget."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib import environment
from assignment_lib.data.annotations import with_test_truth
from assignment_lib.data.attributes import target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.images import decode
from assignment_lib.environment import Settings
from assignment_lib.evaluation.attribute_scores import attribute_scores
from assignment_lib.evaluation.checks import NoValidQueryError
from assignment_lib.evaluation.predictions import Adjustment, Predictions, join, predict
from assignment_lib.evaluation.validation import Search, validation_search
from assignment_lib.files import atomic_write
from assignment_lib.models.joint import JointConvNet
from assignment_lib.retrieval import adaptation, junk
from assignment_lib.retrieval.decisions import fit_threshold
from assignment_lib.retrieval.reranking import reranked_scores, with_neighbours
from assignment_lib.training import assembly
from assignment_lib.training.recipes import Recipe, from_settings


@dataclass(frozen=True)
class Retrieval:
    """The Q queries and G gallery images of a data set, their predictions and scores."""

    recipe: Recipe
    network: JointConvNet  # in evaluation mode on the device
    query_table: pd.DataFrame  # columns file, path, pid, camera (-1 where unknown), and the twelve targets where known
    gallery_table: pd.DataFrame
    query_images: Tensor  # (Q, 3, H, W) uint8
    gallery_images: Tensor  # (G, 3, H, W) uint8
    query: Predictions  # averaged over each image and its mirror image; attributes also over neighbours, if chosen
    gallery: Predictions
    similarity: Tensor  # (Q, G) float32 cosine similarity
    reranked: Tensor  # (Q, G) float32 in about [0, 1]: 1 - re-ranked distance; larger is better
    thresholds: dict[str, float]  # "similarity" and "reranked": best F1 in the validation search
    keep: Tensor | None  # (G,) bool, False for images that the junk filter removes; None without a filter
    search: Search  # the validation search that the thresholds were chosen in
    known: bool  # whether the identities of the test images are known
    copies: Tensor | None = None  # (Q,) int64 from `find_query_copies`
    validation: Predictions | None = None  # of the validation images
    validation_table: pd.DataFrame | None = None


def prepare(
    data: Dataset, settings: Settings, device: torch.device | None = None, log: Callable[[str], None] = print
) -> Retrieval:
    """Predict the test images of `data` with the network of `settings`, rank and re-rank them, and choose thresholds.

    A missing network is trained first, as in notebook 04. Predictions are cached next to it. All choices are made in
    the validation search; test identities, where known, only fill the tables. The images are in memory once, apart from
    the rounds of adaptation.
    Raises `SkipNotebook` for data without queries or without a gallery, and the errors of `assembly.train_if_missing`,
    `assembly.published` and `adaptation.adapt`.
    """
    if data.query.empty or data.gallery.empty:
        raise environment.SkipNotebook("This data set has no queries or no gallery, so there is nothing to retrieve.")
    device = device or environment.device()
    network, chosen = _network(data, settings, device, log)
    options = chosen.retrieval
    query_images, gallery_images = (
        decode(table["path"], chosen.data.image_size) for table in (data.query, data.gallery)
    )
    split = assembly.decoded_split(data, chosen, gallery_images, progress=True)
    table, validation_images, distractors = split.validation, split.validation_images, split.distractor_images

    parts, folder = [validation_images, gallery_images], network_folder(settings)
    rounds = options.adaptation_rounds
    if rounds and distractors is not gallery_images:
        log("No adaptation: the test may show training people, who would become new identities.")
        rounds = 0
    for number in range(rounds):
        predictions = join(*_predicted(network, parts, folder))
        folder = network_folder(settings, number + 1)
        unlabelled = pd.concat([table, data.gallery])
        network = adaptation.adapt(network, chosen, split, unlabelled, parts, predictions, folder, device, log)
    del split  # and with it the training images
    validation, gallery = _predicted(network, parts, folder)
    query = cached_predictions(network, query_images, folder / "predictions-query.pt")
    others = gallery
    if distractors is not gallery_images:
        others = cached_predictions(network, distractors, folder / "predictions-distractors.pt")
    search = validation_search(validation.embeddings, table, others.embeddings)
    thresholds = choose_thresholds(search, options.threshold, log)
    copies = find_query_copies(data)
    targets = target_tensor(table)
    if targets is not None and options.neighbours != "no":
        averaged = with_neighbours(join(validation, others), network.logit_adjustment)
        averaged = averaged.rows(torch.arange(len(table)))
        gain = _attribute_score(averaged, targets) - _attribute_score(validation, targets)
        if options.neighbours == "yes" or gain > 0.002:
            log("Attribute probabilities are averaged over similar images.")
            validation = averaged
            query, gallery = _with_neighbours(query, gallery, copies, network.logit_adjustment)
    keep = None
    if options.junk_filter != "none":
        keep = junk.shows_person(gallery_images, validation_images, options.junk_filter, device)
        keep[copies[copies >= 0]] = True  # an image that is identical to a query shows a person
        log(f"The junk filter removes {int((~keep).sum()):,} of {len(keep):,} gallery images.")
    known = with_test_truth(data)
    query_table, gallery_table = (part.assign(pid=part["pid"].clip(lower=-1)) for part in (known.query, known.gallery))
    return Retrieval(
        recipe=chosen,
        network=network,
        query_table=query_table,
        gallery_table=gallery_table,
        query_images=query_images,
        gallery_images=gallery_images,
        query=query,
        gallery=gallery,
        similarity=query.embeddings @ gallery.embeddings.T,
        reranked=_reranked(query.embeddings, gallery.embeddings, copies, keep),
        thresholds=thresholds,
        keep=keep,
        search=search,
        known=known.has_test_identities,
        copies=copies,
        validation=validation,
        validation_table=table,
    )


def network_folder(settings: Settings, rounds: int = 0) -> Path:
    """The folder of the network after `rounds` of adaptation; without any, that of notebook 04."""
    return settings.training_folder(f"adapted{rounds}" if rounds else "joint")


def _network(
    data: Dataset, settings: Settings, device: torch.device, log: Callable[[str], None]
) -> tuple[JointConvNet, Recipe]:
    """The network of notebook 04, trained if missing, or with ASSIGNMENT_WEIGHTS=published that of `weights/`; its recipe.

    A published network keeps its seed, so its validation people are those that it was not trained on, and gets no further
    adaptation.
    """
    chosen = from_settings(settings)
    if environment.published_weights():
        network, recipe, _ = assembly.published(chosen.name)
        log(f"The published network {chosen.name}: {recipe.model.backbone}, seed {recipe.seed}.")
        retrieval = replace(chosen.retrieval, adaptation_rounds=0)
        return network.to(device), replace(recipe, name=chosen.name, retrieval=retrieval, ablation=chosen.ablation)
    network, recipe = assembly.train_if_missing(data, chosen, network_folder(settings), device, log)
    return network.to(device), replace(recipe, name=chosen.name)


def _predicted(network: JointConvNet, parts: Sequence[Tensor], folder: Path) -> list[Predictions]:
    """The cached predictions of `parts`, the validation images and the gallery."""
    paths = [folder / f"predictions-{name}.pt" for name in ("validation", "gallery")]
    return [cached_predictions(network, images, path) for images, path in zip(parts, paths, strict=True)]


def cached_predictions(network: JointConvNet, images: Tensor, path: Path) -> Predictions:
    """Predictions for uint8 `images` `(N, 3, H, W)`, averaged with those for their mirror images, kept in `path`.

    An existing file is read if it was written for the same weights and the same images in the same order; otherwise it
    is replaced.
    """
    digest = hashlib.sha256(f"flip {tuple(images.shape)} {adaptation.weights_digest(network)}".encode())
    for block in images.split(1024):
        digest.update(block.contiguous().numpy())
    key = digest.hexdigest()
    try:
        content = torch.load(path, weights_only=True)
        if content["key"] == key:
            return Predictions(content["embeddings"], content["probabilities"])
    except Exception:  # missing or damaged, which raises many types of errors
        pass
    result = predict(network, images, flip=True, progress=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as file:
        torch.save({"key": key} | result._asdict(), file)
    return result


def find_query_copies(data: Dataset) -> Tensor:
    """The gallery position of the file that is byte for byte the query's, `(Q,)` int64; -1 where there is none.

    In the course's archive every query is also a test image. Files of equal size are compared by their SHA-256; of
    several copies the first is taken.
    """
    queries, gallery = ([(str(path), os.path.getsize(path)) for path in t["path"]] for t in (data.query, data.gallery))
    sizes = {size for _, size in queries} & {size for _, size in gallery}
    first: dict[str, int] = {}
    for position, (path, size) in enumerate(gallery):
        if size in sizes:
            first.setdefault(_sha256(path), position)
    return torch.tensor([first.get(_sha256(path), -1) if size in sizes else -1 for path, size in queries])


def pair_scores(search: Search) -> dict[str, Tensor]:
    """The scores of all pairs of a validation search, `(Q, G)` float32: "similarity" and "reranked", as in `Retrieval`.

    A query that is a gallery image, with the same identity and embedding, counts once in the re-ranking.
    """
    own = torch.full((len(search.query),), -1)
    for row, pid in enumerate(search.query_ids):
        positions = torch.from_numpy(np.flatnonzero(search.gallery_ids == pid))
        equal = (search.gallery[positions] - search.query[row]).abs().amax(1) < 1e-4
        if equal.any():
            own[row] = positions[equal][0]
    similarity = search.query @ search.gallery.T
    return {"similarity": similarity, "reranked": reranked_scores(search.query, search.gallery, own)}


def choose_thresholds(search: Search, fixed: float, log: Callable[[str], None] = print) -> dict[str, float]:
    """The thresholds of `pair_scores` with the best F1; `fixed` for both where no query has a true match."""
    try:
        return {name: fit_threshold(scores, search).threshold for name, scores in pair_scores(search).items()}
    except NoValidQueryError as error:
        log(f"The fixed threshold {fixed:g} of the recipe is used, because none can be fitted: {error}")
        return {"similarity": fixed, "reranked": fixed}


def _attribute_score(predictions: Predictions, targets: Tensor) -> float:
    """The mean of Acc and mAcc, over the tasks."""
    average = attribute_scores(predictions.classes(), targets)["average"]
    return (average["acc"] + average["macc"]) / 2


def _with_neighbours(
    query: Predictions, gallery: Predictions, copies: Tensor, adjustment: Adjustment
) -> tuple[Predictions, Predictions]:
    """`with_neighbours` among queries and gallery together, in which a query and its copy are one image."""
    new = copies < 0
    averaged = with_neighbours(join(query.rows(new), gallery), adjustment)
    first = int(new.sum())  # row of the first gallery image
    query_rows = torch.where(new, new.cumsum(0) - 1, first + copies)
    gallery_rows = first + torch.arange(len(gallery.embeddings))
    return query._replace(probabilities=averaged.rows(query_rows).probabilities), averaged.rows(gallery_rows)


def _reranked(query: Tensor, gallery: Tensor, copies: Tensor, keep: Tensor | None) -> Tensor:
    """`reranked_scores` among the kept images; removed ones have the score 0."""
    if keep is None:
        return reranked_scores(query, gallery, copies, progress=True)
    own = torch.where(copies >= 0, (keep.cumsum(0) - 1)[copies], -1)
    scores = torch.zeros(len(query), len(gallery))
    scores[:, keep] = reranked_scores(query, gallery[keep], own, progress=True)
    return scores


def _sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
