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
from assignment_lib.evaluation.reid_scores import ReidScores, reid_scores, reid_scores_within

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


def validation_search(
    embeddings: Tensor, table: pd.DataFrame, distractors: Tensor | None = None, one_per_camera: bool = True
) -> Search:
    """The search for validation people among all validation images and distractors.

    `embeddings` `(V, D)` belong to the rows of `table` (columns pid and camera); `distractors` `(N, D)` are those of other
    people's images, or None. The gallery holds the V validation images, then the distractors. `one_per_camera`: each
    person has one query per camera, the first such row of the table, as in Market-1501; otherwise every row is a query.
    A query's own image is excluded, being of the same person and camera.

    If a camera is unknown, or no person was seen by two cameras, every row is a query and a camera of its own: then only
    the query's own image is excluded, and the scores are higher than those of a search across cameras.
    """
    ids = table["pid"].to_numpy(np.int64)
    rows = query_rows(table, one_per_camera)
    cameras = table["camera"].to_numpy(np.int64) if _across_cameras(table) else np.arange(len(ids))
    others = embeddings.new_empty(0, embeddings.shape[1]) if distractors is None else distractors
    gallery_ids = np.concatenate([ids, np.full(len(others), UNKNOWN_ID)])
    gallery_cameras = np.concatenate([cameras, np.full(len(others), -1)])
    query, gallery = embeddings[torch.from_numpy(rows)], torch.cat([embeddings, others])
    return Search(query, gallery, ids[rows], gallery_ids, cameras[rows], gallery_cameras)


def query_rows(table: pd.DataFrame, one_per_camera: bool = True) -> np.ndarray:
    """The rows of `table` that `validation_search` takes as queries: int64 `(Q,)`, ascending."""
    if one_per_camera and _across_cameras(table):
        return np.flatnonzero(~table.duplicated(["pid", "camera"]).to_numpy())
    return np.arange(len(table))


def _across_cameras(table: pd.DataFrame) -> bool:
    known = known_cameras(table, table)[0] is not None
    return bool(known and (table.groupby("pid")["camera"].nunique() > 1).any())


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
    embeddings: Tensor,
    table: pd.DataFrame,
    distractors: Tensor | None = None,
    training: pd.DataFrame | None = None,
    one_per_camera: bool = True,
) -> dict[str, float]:
    """The scores of `validation_search` as plain numbers.

    Those of `ReidScores.as_dict`, means over the queries; `mAP_low` and `mAP_high`, the `interval` of mAP; `mAP_people` and
    `rank1_people`, means over people of the mean of their queries, so that people with many queries do not count more;
    `distractors`, their number. With the table `training`: `mAP_representative`, `representative_mean` of the people's mAP,
    and its interval `mAP_representative_low` and `mAP_representative_high`.

    Raises `NoValidQueryError` if no validation person has a second image that counts.
    """
    search = validation_search(embeddings, table, distractors, one_per_camera)
    scores = reid_scores(*search)
    low, high = interval(scores, search.query_ids)
    people = person_means(scores, search.query_ids)
    result = scores.as_dict() | {"mAP_low": low, "mAP_high": high}
    result |= {"mAP_people": float(people["ap"].mean()), "rank1_people": float(people["rank1"].mean())}
    if training is not None:
        validated, target = person_features(table, training), person_features(training, training).mean()
        features, values = validated.loc[people.index].to_numpy(), people["ap"].to_numpy()

        def estimate(chosen: np.ndarray) -> float:
            return representative_mean(values[chosen], features[chosen], target.to_numpy())

        low, high = _bootstrap(estimate, len(people))
        result |= {"mAP_representative": estimate(np.arange(len(people)))}
        result |= {"mAP_representative_low": low, "mAP_representative_high": high}
    return result | {"distractors": len(search.gallery) - len(table)}


def person_means(scores: ReidScores, query_ids: np.ndarray) -> pd.DataFrame:
    """Means over each person's valid queries: columns `ap`, `rank1` and `queries`, index pid, ascending.

    `query_ids` `(Q,)` are those that `scores` was computed with.
    """
    frame = pd.DataFrame({"pid": query_ids[scores.valid], "ap": scores.ap, "rank1": scores.first == 1, "queries": 1})
    return frame.groupby("pid").agg({"ap": "mean", "rank1": "mean", "queries": "sum"})


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
    to find than others. With fewer than ten people per coefficient the plain mean is returned, since the regression would
    be too uncertain.
    """
    mean, center = float(values.mean()), features.mean(0)
    if len(values) < _PEOPLE_PER_COEFFICIENT * (features.shape[1] + 1):
        return mean
    slope = np.linalg.lstsq(features - center, values - mean, rcond=None)[0]
    return float(np.clip(mean + (target - center) @ slope, 0, 1))


def interval(scores: ReidScores, query_ids: np.ndarray, level: float = 0.95, draws: int = 1000) -> tuple[float, float]:
    """A bootstrap interval of the mAP: how much it would vary with other people.

    People, not queries, are drawn with replacement (Efron & Tibshirani 1993, chapter 13, percentile interval), since the
    queries of one person are correlated. `query_ids` `(Q,)` are those that `scores` was computed with. The same input
    gives the same interval. It does not include the variation over training seeds.
    """
    people = person_means(scores, query_ids)
    counts = people["queries"].to_numpy()
    sums = people["ap"].to_numpy() * counts
    return _bootstrap(lambda chosen: sums[chosen].sum() / counts[chosen].sum(), len(people), level, draws)


def _bootstrap(
    estimate: Callable[[np.ndarray], float], people: int, level: float = 0.95, draws: int = 1000
) -> tuple[float, float]:
    drawn = np.random.default_rng(0).integers(people, size=(draws, people))
    low, high = np.quantile([estimate(chosen) for chosen in drawn], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def evaluate(
    model: nn.Module,
    images: Tensor,
    table: pd.DataFrame,
    distractors: Tensor | None = None,
    training: pd.DataFrame | None = None,
    flip: bool = False,
    progress: bool = False,
) -> dict[str, dict]:
    """`validation_scores` of `model` on uint8 `images` `(N, 3, H, W)`, and uint8 images of `distractors` if given."""
    embeddings = None
    if distractors is not None and len(distractors):
        embeddings = predict(model, distractors, progress=progress, flip=flip).embeddings
    predictions = predict(model, images, progress=progress, flip=flip)
    return validation_scores(predictions, table, embeddings, training)


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

    Its time is that of predicting `images` and `distractors`, so pass few distractors or None during training. For a
    network that learns only one of the two tasks (no attributes, or `reid=False`, which also ignores the distractors),
    that one is the score. The function raises `ValueError` if nothing can be scored.
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
    cameras = known_cameras(data.query, data.gallery)
    with contextlib.suppress(NoValidQueryError):
        scores["reid"] = reid_scores(query.embeddings, gallery.embeddings, *ids, *cameras).as_dict()
    if gallery.probabilities and set(TASKS) <= set(data.gallery.columns):
        known = (data.gallery[list(TASKS)] >= 0).all(axis=1).to_numpy()
        if known.any():
            targets = target_tensor(data.gallery[known])
            scores["attributes"] = attribute_scores(gallery.classes()[torch.tensor(known)], targets)
    return scores or None
