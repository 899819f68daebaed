"""The validation search that matches the test, its scores, and scores of a network on validation and test images.

A search among validation people alone meets a few hundred wrong images and finds the next frame of the same walk; a test
query meets thousands and finds only images of other cameras. So the gallery here holds the validation images and
distractors (unlabelled images of `test/`, whose people differ from those of `train/`). Where cameras are known, each person
has one query per camera, and images of the same person from the query's camera are excluded.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from assignment_lib.batches.sampling import class_weights, sample_weights
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation.attribute_scores import attribute_scores
from assignment_lib.evaluation.checks import NoValidQueryError
from assignment_lib.evaluation.predictions import Predictions, predict
from assignment_lib.evaluation.reid_scores import reid_scores, reid_scores_within

#: The id of a distractor whose identity is unknown: no query has it, and it is not junk.
UNKNOWN_ID = -3
#: Fewest people per coefficient of the regression in `representative_mean`.
_PEOPLE_PER_COEFFICIENT = 10


class Search(NamedTuple):
    """The arguments of `reid_scores`: `reid_scores(*search)`."""

    query: Tensor  # (Q, D) float32, L2-normalised
    gallery: Tensor  # (G, D)
    query_ids: np.ndarray  # (Q,) int64
    gallery_ids: np.ndarray  # (G,) int64; UNKNOWN_ID for distractors
    query_cameras: np.ndarray | None  # (Q,) int64
    gallery_cameras: np.ndarray | None  # (G,) int64; -1 for distractors


def validation_search(embeddings: Tensor, table: pd.DataFrame, distractors: Tensor | None = None) -> Search:
    """The search for validation people among all validation images and distractors.

    `embeddings` `(V, D)` belong to the rows of `table` (columns pid and camera); `distractors` `(N, D)` are those of other
    people's images, or None. The gallery holds the V validation images, then the distractors. Each person has one query
    per camera, the first such row of the table, as in Market-1501.

    If a camera is unknown, or no person was seen by two cameras, every row is a query and a camera of its own: then only
    the query's own image is excluded, and the scores are higher than those of a search across cameras.
    """
    ids, cameras = table["pid"].to_numpy(np.int64), np.arange(len(table))
    rows = np.arange(len(table))
    if known_cameras(table, table)[0] is not None and (table.groupby("pid")["camera"].nunique() > 1).any():
        cameras = table["camera"].to_numpy(np.int64)
        rows = np.flatnonzero(~table.duplicated(["pid", "camera"]).to_numpy())
    others = embeddings.new_empty(0, embeddings.shape[1]) if distractors is None else distractors
    gallery_ids = np.concatenate([ids, np.full(len(others), UNKNOWN_ID)])
    gallery_cameras = np.concatenate([cameras, np.full(len(others), -1)])
    query, gallery = embeddings[torch.from_numpy(rows)], torch.cat([embeddings, others])
    return Search(query, gallery, ids[rows], gallery_ids, cameras[rows], gallery_cameras)


def known_cameras(query: pd.DataFrame, gallery: pd.DataFrame) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The cameras of both tables for `reid_scores`, or None twice unless the file names give all of them.

    Warns if only some are known, since a few odd file names then change the protocol and raise every score.
    """
    cameras = query["camera"].to_numpy(), gallery["camera"].to_numpy()
    unknown = sum(int((values < 0).sum()) for values in cameras)
    images = sum(len(values) for values in cameras)
    if 0 < unknown < images:
        warnings.warn(
            f"{unknown} of {images} images have no camera in their file name, so images from the query's camera are not "
            "excluded and the scores are too high. Correct these file names.",
            stacklevel=2,
        )
    return cameras if not unknown else (None, None)


def search_scores(
    embeddings: Tensor, table: pd.DataFrame, distractors: Tensor | None = None, training: pd.DataFrame | None = None
) -> dict[str, float]:
    """The scores of `validation_search` as plain numbers.

    Those of `ReidScores.as_dict`, means over the queries; `mAP_low` and `mAP_high`, the `interval` of mAP; `mAP_people` and
    `rank1_people`, means over people of the mean of their queries, so that people with many queries do not count more;
    `distractors`, their number. With the table `training`: `mAP_representative`, `representative_mean` of the people's mAP,
    and its interval `mAP_representative_low` and `mAP_representative_high`.

    Raises `NoValidQueryError` if no validation person has a second image that counts.
    """
    search = validation_search(embeddings, table, distractors)
    scores = reid_scores(*search)
    of_person = pd.DataFrame({"ap": scores.ap, "rank1": scores.first == 1}).groupby(search.query_ids[scores.valid])
    people, queries = of_person.mean(), of_person.size().to_numpy()
    ap = people["ap"].to_numpy()
    result = scores.as_dict() | {"mAP_people": float(ap.mean()), "rank1_people": float(people["rank1"].mean())}
    sums = ap * queries
    result["mAP_low"], result["mAP_high"] = interval(
        lambda drawn: sums[drawn].sum() / queries[drawn].sum(), len(people)
    )
    if training is not None:
        features = person_features(table, training).loc[people.index].to_numpy()
        target = person_features(training, training).mean().to_numpy()

        def estimate(drawn: np.ndarray) -> float:
            return representative_mean(ap[drawn], features[drawn], target)

        result["mAP_representative"] = estimate(np.arange(len(people)))
        result["mAP_representative_low"], result["mAP_representative_high"] = interval(estimate, len(people))
    return result | {"distractors": len(search.gallery) - len(table)}


def person_features(table: pd.DataFrame, training: pd.DataFrame) -> pd.DataFrame:
    """What makes a person easy to find: index pid, columns `images` and, if both tables have attributes, `rarity`.

    `images` is the log of the person's number of images in `table`; `rarity` the log of the mean sample weight of these
    images (`batches.sampling.sample_weights`, with the class weights of `training`): large for rare clothes.
    """
    features = np.log(table.groupby("pid").size()).to_frame("images")
    targets, training_targets = target_tensor(table), target_tensor(training)
    if targets is not None and training_targets is not None:
        weights = pd.Series(sample_weights(targets, class_weights(training_targets)).double().numpy(), table.index)
        features["rarity"] = np.log(weights.groupby(table["pid"]).mean())
    return features


def representative_mean(values: np.ndarray, features: np.ndarray, target: np.ndarray) -> float:
    """The mean of `values` `(P,)` that people with the mean features `target` `(F,)` would have, between 0 and 1.

    A linear regression of the values on `features` `(P, F)`, evaluated at `target` (regression estimator of a survey mean,
    Cochran 1977, chapter 7). The split of the report covers rare classes, so validation people look rarer and are easier
    to find than others. With fewer than ten people per coefficient, too few for a regression, the plain mean is returned.
    """
    mean, center = float(values.mean()), features.mean(0)
    if len(values) < _PEOPLE_PER_COEFFICIENT * (features.shape[1] + 1):
        return mean
    slope = np.linalg.lstsq(features - center, values - mean, rcond=None)[0]
    return float(np.clip(mean + (target - center) @ slope, 0, 1))


def interval(estimate: Callable[[np.ndarray], float], people: int) -> tuple[float, float]:
    """The 95 % bootstrap interval of a score of `people` people: how much it would vary with other people.

    `estimate` takes the positions `(people,)` of drawn people. People, not queries, are drawn with replacement (Efron &
    Tibshirani 1993, chapter 13, percentile interval), since the queries of one person are correlated. The same input gives
    the same interval. It does not include the variation over training seeds.
    """
    draws = np.random.default_rng(0).integers(people, size=(1000, people))
    low, high = np.quantile([estimate(drawn) for drawn in draws], [0.025, 0.975])
    return float(low), float(high)


def evaluate(
    model: nn.Module,
    images: Tensor,
    table: pd.DataFrame,
    distractors: Tensor | None = None,
    training: pd.DataFrame | None = None,
    progress: bool = False,
) -> dict[str, dict]:
    """`validation_scores` of `model` on uint8 `images` `(N, 3, H, W)`, and uint8 images of `distractors` if given."""
    embeddings = None
    if distractors is not None and len(distractors):
        embeddings = predict(model, distractors, progress=progress).embeddings
    return validation_scores(predict(model, images, progress=progress), table, embeddings, training)


def validation_scores(
    predictions: Predictions,
    table: pd.DataFrame,
    distractors: Tensor | None = None,
    training: pd.DataFrame | None = None,
) -> dict[str, dict]:
    """Scores on a validation split: `{"attributes": {...}, "reid": {...}}`, fractions between 0 and 1.

    `predictions` belong to the rows of `table`. Attributes are scored if both the table and the network have them. "reid"
    are the `search_scores` with `distractors` `(N, D)` and the table `training`: the scores to choose by. Their entry
    "among_validation" is the easier search of earlier work: each image among all others of the split, whatever their
    camera, itself excluded. If no person has two images there is no "reid".
    """
    scores: dict[str, dict] = {}
    targets = target_tensor(table)
    if predictions.probabilities and targets is not None:
        scores["attributes"] = attribute_scores(predictions.classes(), targets)
    if table["pid"].duplicated().any():
        alone = reid_scores_within(predictions.embeddings, table["pid"].to_numpy()).as_dict()
        reid = search_scores(predictions.embeddings, table, distractors, training)
        scores["reid"] = reid | {"among_validation": alone}
    return scores


def validator(
    images: Tensor, table: pd.DataFrame, distractors: Tensor | None = None, reid: bool = True
) -> Callable[[nn.Module], dict]:
    """The function that `loop.fit` calls after each epoch: `evaluate`, and "score", the mean of mAP and average mAcc.

    Its time is that of predicting `images` and `distractors`, so pass few distractors or None during training. Without
    attributes, or with `reid=False`, which also ignores the distractors, the other of the two is the score. The function
    raises `ValueError` if nothing can be scored.
    """

    def validate(model: nn.Module) -> dict:
        scores = evaluate(model, images, table, distractors if reid else None, progress=True)
        parts = [scores["attributes"]["average"]["macc"]] if "attributes" in scores else []
        if reid and "reid" in scores:
            parts.append(scores["reid"]["mAP"])
        if not parts:
            raise ValueError(
                "the validation split has neither attributes nor a person with two images, so epochs cannot be compared. "
                "Add images per person, or choose a larger validation_share."
            )
        return scores | {"score": sum(parts) / len(parts)}

    return validate


def test_scores(query: Predictions, gallery: Predictions, data: Dataset) -> dict[str, dict] | None:
    """Scores on the test images by the protocol of Market-1501: `{"reid": {...}, "attributes": {...}}`.

    If the file names give no cameras, only junk is excluded. Attributes are scored on the gallery images whose attributes
    are known. An entry is missing if it cannot be scored: "reid" if no query has a true match, "attributes" without
    annotations. None if both are missing or the test is anonymous, so callers can skip the scores.
    """
    if not data.has_test_identities:
        return None
    scores: dict[str, dict] = {}
    ids = data.query["pid"].to_numpy(), data.gallery["pid"].to_numpy()
    with contextlib.suppress(NoValidQueryError):
        labels = *ids, *known_cameras(data.query, data.gallery)
        scores["reid"] = reid_scores(query.embeddings, gallery.embeddings, *labels).as_dict()
    if gallery.probabilities and set(TASKS) <= set(data.gallery.columns):
        known = (data.gallery[list(TASKS)] >= 0).all(axis=1).to_numpy()
        if known.any():
            targets = target_tensor(data.gallery[known])
            scores["attributes"] = attribute_scores(gallery.classes()[torch.tensor(known)], targets)
    return scores or None
