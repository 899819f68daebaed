"""From a data set and its network to ranked, re-ranked and thresholded test images: for notebook 05 and the widget."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from assignment_lib import environment
from assignment_lib.data.annotations import with_test_truth
from assignment_lib.data.attributes import target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.data.images import decode
from assignment_lib.environment import Settings
from assignment_lib.evaluation import predictions
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.evaluation.validation import Search, validation_search
from assignment_lib.files import atomic_write
from assignment_lib.models.joint import JointConvNet
from assignment_lib.retrieval import decisions, junk
from assignment_lib.retrieval.reranking import reranked_scores
from assignment_lib.training import assembly
from assignment_lib.training.recipes import Recipe, recipe

Log = Callable[[str], None]
_PAIRS = 32768  # embeddings compared at a time


@dataclass(frozen=True)
class Retrieval:
    """The test images of a data set, their predictions and scores; Q queries, G gallery images."""

    recipe: Recipe
    network: JointConvNet  # predicts the test images; in evaluation mode
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
    copies: Tensor | None = None  # (Q,) int64: the gallery position of each query's identical file, -1 for none
    validation: Predictions | None = None  # of the validation images, with the network of the search
    validation_table: pd.DataFrame | None = None


def prepare(data: Dataset, settings: Settings, device: torch.device | None = None, log: Log = print) -> Retrieval:
    """Predict the test images of `data` with the network of `settings`, rank and re-rank them, and choose thresholds.

    A missing network is trained first, as notebook 04 does. Predictions are cached next to it. All choices are made in
    the validation search; known test identities only fill the tables.
    Raises `SkipNotebook` for data without queries or without a gallery, and what `assembly.networks` raises.
    """
    if data.query.empty or data.gallery.empty:
        raise environment.SkipNotebook("This data set has no queries or no gallery, so there is nothing to retrieve.")
    chosen = recipe(settings.recipe, backbone=settings.backbone, pretrained=settings.pretrained, seed=settings.seed)
    networks = assembly.networks(data, chosen, settings, device or environment.device(), log)
    chosen, cache = networks.recipe, settings.training_folder("joint")
    split = assembly.decoded_split(data, chosen, progress=True)
    table, validation_images, distractors = split.validation, split.validation_images, split.distractor_images
    gallery_images = distractors if split.distractors_are_gallery else _decoded(data.gallery, chosen)
    query_images = _decoded(data.query, chosen)
    del split  # and with it the training images

    def predicted(network: JointConvNet, images: Tensor, name: str) -> Predictions:
        return cached_predictions(network, images, cache / f"predictions-{name}.pt")

    validation = predicted(networks.search, validation_images, "validation")
    query = predicted(networks.test, query_images, "query")
    gallery = predicted(networks.test, gallery_images, "gallery")
    if distractors is gallery_images and networks.search is networks.test:
        others = gallery
    else:
        others = predicted(networks.search, distractors, "distractors") if len(distractors) else None
    search = validation_search(validation.embeddings, table, None if others is None else others.embeddings)
    thresholds = choose_thresholds(search, chosen.retrieval.threshold, log)
    copies = find_query_copies(data)
    if chosen.retrieval.neighbours != "no":
        rows = torch.arange(len(table))
        among = validation if others is None else predictions.join(validation, others)
        mixed = _with_neighbours(validation, among, rows, networks.search)
        if chosen.retrieval.neighbours == "yes" or _neighbours_help(validation, mixed, table):
            validation = mixed
            query = _with_neighbours(query, gallery, copies, networks.test)
            gallery = _with_neighbours(gallery, gallery, torch.arange(len(gallery.embeddings)), networks.test)
    keep = None
    if chosen.retrieval.junk_filter != "none":
        keep = filter_junk(validation_images, gallery_images, chosen.retrieval.junk_filter, device)
        keep[copies[copies >= 0]] = True  # identical to a query, so it shows a person
        log(f"The junk filter removes {int((~keep).sum()):,} of {len(keep):,} gallery images.")
    known = with_test_truth(data)
    return Retrieval(
        recipe=chosen,
        network=networks.test,
        query_table=_anonymous_as_unknown(known.query),
        gallery_table=_anonymous_as_unknown(known.gallery),
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


def cached_predictions(network: nn.Module, images: Tensor, path: Path | None = None) -> Predictions:
    """`predict` of uint8 `images` `(N, 3, H, W)`, averaged with their mirror images; read from `path` if it fits.

    The file fits if the network's weights and the images, in their order, are those it was written for; otherwise it is
    written again. None caches nothing.
    """
    key = f"{model_fingerprint(network)} {_images_fingerprint(images)}"
    if path is not None and path.exists():
        try:
            content = torch.load(path, weights_only=True)
            if content["key"] == key:
                return Predictions(content["embeddings"], content["probabilities"])
        except Exception:  # a file that cannot be read raises many kinds of errors, and is replaced
            pass
    result = predictions.predict(network, images, flip=True, progress=True)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            torch.save({"key": key, "embeddings": result.embeddings, "probabilities": dict(result.probabilities)}, file)
    return result


def model_fingerprint(model: nn.Module) -> str:
    """Sixteen hexadecimal digits that change when any weight or buffer of `model` does."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _images_fingerprint(images: Tensor) -> str:
    """Sixteen hexadecimal digits that change with the size, the pixels and the order of `images` uint8."""
    digest = hashlib.blake2b(repr(tuple(images.shape)).encode(), digest_size=8)
    for block in images.split(1024):
        digest.update(block.contiguous().numpy())
    return digest.hexdigest()


def find_query_copies(data: Dataset) -> Tensor:
    """The gallery position of the file that is byte for byte the query's, `(Q,)` int64; -1 where there is none.

    In the course's archive every query is also a test image. Files of equal size are compared by their SHA-256; of
    several copies the first is taken.
    """
    query, gallery = ([str(path) for path in table["path"]] for table in (data.query, data.gallery))
    query_sizes, gallery_sizes = ([os.path.getsize(path) for path in paths] for paths in (query, gallery))
    candidates = set(query_sizes) & set(gallery_sizes)
    first: dict[bytes, int] = {}
    for position, (path, size) in enumerate(zip(gallery, gallery_sizes, strict=True)):
        if size in candidates:
            first.setdefault(_file_hash(path), position)
    found = [
        first.get(_file_hash(path), -1) if size in candidates else -1
        for path, size in zip(query, query_sizes, strict=True)
    ]
    return torch.tensor(found, dtype=torch.int64)


def search_scores(search: Search) -> dict[str, Tensor]:
    """The scores of all pairs of a validation search, `(Q, G)` float32: "similarity", and "reranked" as in `Retrieval`."""
    own = _own_positions(search)
    return {
        "similarity": search.query @ search.gallery.T,
        "reranked": reranked_scores(search.query, search.gallery, own),
    }


def choose_thresholds(search: Search, fixed: float, log: Log = print) -> dict[str, float]:
    """The threshold with the best F1 on each of `search_scores`; the `fixed` one where no query has a true match."""
    try:
        return {
            name: decisions.fit_threshold(scores, search).threshold for name, scores in search_scores(search).items()
        }
    except ValueError as error:
        log(f"No threshold can be fitted ({error}); the fixed threshold {fixed:g} of the recipe is used.")
        return {"similarity": fixed, "reranked": fixed}


def filter_junk(people: Tensor, gallery: Tensor, name: str = "imagenet", device: torch.device | None = None) -> Tensor:
    """Which `gallery` images show a person, bool `(G,)`, by a classifier set to lose few images of `people`.

    Both are uint8 `(N, 3, H, W)`; `name` is "imagenet" for the installed classifier, or any timm name.
    """
    classifier = junk.imagenet_classifier(junk.CLASSIFIER if name == "imagenet" else name)
    classifier = classifier.to(device or environment.device())
    threshold = junk.junk_threshold(junk.worn_evidence(classifier, people, progress=True))
    return junk.worn_evidence(classifier, gallery, progress=True) >= threshold


def _decoded(table: pd.DataFrame, chosen: Recipe) -> Tensor:
    return decode(table["path"], chosen.data.image_size).images


def _anonymous_as_unknown(table: pd.DataFrame) -> pd.DataFrame:
    """The table with -1 for identities that are withheld."""
    return table.assign(pid=table["pid"].clip(lower=-1))


def _file_hash(path: str) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _with_neighbours(of: Predictions, among: Predictions, own: Tensor, network: JointConvNet) -> Predictions:
    return predictions.with_neighbours(of, among, own, network.logit_adjustment)


def _neighbours_help(alone: Predictions, mixed: Predictions, table: pd.DataFrame) -> bool:
    """Whether neighbours improve the mean of Acc and mAcc on validation people by more than 0.2 points."""
    targets = target_tensor(table)
    if targets is None:
        return False
    scores = predictions.neighbours_table(alone, mixed, targets)[["Acc", "mAcc"]].mean(axis=1)
    return bool(scores.iloc[1] > scores.iloc[0] + 0.2)


def _reranked(query: Tensor, gallery: Tensor, copies: Tensor, keep: Tensor | None) -> Tensor:
    """`reranked_scores` among the kept images; removed ones have the score 0."""
    if keep is None:
        return reranked_scores(query, gallery, copies, progress=True)
    position = torch.where(keep, keep.cumsum(0) - 1, -1)
    scores = torch.zeros(len(query), len(gallery))
    scores[:, keep] = reranked_scores(
        query, gallery[keep], torch.where(copies >= 0, position[copies], -1), progress=True
    )
    return scores


def _own_positions(search: Search) -> Tensor:
    """The gallery position of each query's own image, -1 for none: of the same person, with the same embedding."""
    own = torch.full((len(search.query),), -1)
    row, column = np.nonzero(np.asarray(search.query_ids)[:, None] == np.asarray(search.gallery_ids))
    for rows, columns in zip(torch.from_numpy(row).split(_PAIRS), torch.from_numpy(column).split(_PAIRS), strict=True):
        same = (search.query[rows] - search.gallery[columns]).abs().amax(1) < 1e-4
        own[rows[same]] = columns[same]
    return own
