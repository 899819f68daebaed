"""From images to embeddings, attribute predictions and validation scores, without gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation.metrics import (
    attribute_scores,
    reid_scores,
    reid_scores_from_distances,
    reid_scores_within,
)
from assignment_lib.progress import bar
from assignment_lib.retrieval.ranking import expand_queries, neighbourhood, rerank


class Predictions(NamedTuple):
    """What a network says about N images, on the CPU in float32."""

    embeddings: Tensor  # (N, D), L2-normalised: a dot product is the cosine similarity
    probabilities: dict[str, Tensor]  # task -> (N, C), each row sums to 1

    def classes(self) -> Tensor:
        """The most probable class of each task, `(N, 12)` int64."""
        return torch.stack([self.probabilities[task].argmax(1) for task in TASKS], dim=1)


@torch.inference_mode()
def predict(
    model: nn.Module, images: Tensor, batch_size: int = 256, progress: bool = False, flip: bool = False
) -> Predictions:
    """Run `model` in evaluation mode over uint8 `images` `(N, 3, H, W)`; its training mode is restored afterwards.

    `flip` looks at each image's mirror image too: the normalised embeddings are added, the probabilities averaged.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    embeddings, probabilities = [], []
    for start in bar(range(0, len(images), batch_size), "images", show=progress):
        batch = images[start : start + batch_size].to(device).float().div_(255)
        views = [batch, batch.flip(3)] if flip else [batch]
        outputs = [model(view.contiguous(memory_format=torch.channels_last)) for view in views]
        embedding = sum(F.normalize(output.embedding.float()) for output in outputs)
        embeddings.append(F.normalize(embedding).cpu())
        tasks = outputs[0].attributes
        means = {task: sum(o.attributes[task].float().softmax(1) for o in outputs) / len(outputs) for task in tasks}
        probabilities.append({task: values.cpu() for task, values in means.items()})
    model.train(was_training)
    together = {task: torch.cat([part[task] for part in probabilities]) for task in probabilities[0]}
    return Predictions(torch.cat(embeddings), together)


def evaluate(model: nn.Module, images: Tensor, table: pd.DataFrame) -> dict[str, dict]:
    """`validation_scores` of what `model` says about `images`, uint8 `(N, 3, H, W)`."""
    return validation_scores(predict(model, images), table)


def validation_scores(predictions: Predictions, table: pd.DataFrame) -> dict[str, dict]:
    """Scores on a validation split: `{"attributes": {...}, "reid": {...}}`, fractions between 0 and 1.

    `predictions` belong to the rows of `table`. Attributes are scored where both the table and the network have them.
    Re-ID: each image is queried against all others of the split, itself left out; where the file names give cameras,
    `cross_camera` scores the harder question of Market-1501 beside it (images of the same person from the same camera
    left out too), if any person was seen by two.
    """
    scores: dict[str, dict] = {}
    targets = target_tensor(table)
    if predictions.probabilities and targets is not None:
        scores["attributes"] = attribute_scores(predictions.classes(), targets)
    scores["reid"] = reid_scores_within(predictions.embeddings, table["pid"].to_numpy()).as_dict()
    cameras = table["camera"].to_numpy()
    if (cameras >= 0).all() and (table.groupby("pid")["camera"].nunique() > 1).any():
        scores["reid"]["cross_camera"] = reid_scores_within(
            predictions.embeddings, table["pid"].to_numpy(), cameras
        ).as_dict()
    return scores


def validator(images: Tensor, table: pd.DataFrame, reid: bool = True) -> Callable[[nn.Module], dict]:
    """What `training.fit` asks after each epoch: `evaluate`, and "score", the mean of mAP and average mAcc.

    For a network that learns only one of the two (no attributes, or `reid=False`), that one is the score.
    """

    def validate(model: nn.Module) -> dict:
        scores = evaluate(model, images, table)
        parts = [scores["attributes"]["average"]["macc"]] if "attributes" in scores else []
        if reid:
            parts.append(scores["reid"]["mAP"])
        return scores | {"score": sum(parts) / len(parts)}

    return validate


def test_scores(query: Predictions, gallery: Predictions, data: Dataset) -> dict[str, dict] | None:
    """Scores on the test images by Market-1501's protocol, `{"reid": {...}, "attributes": {...}}`; None where anonymous.

    Junk and the query person's images from the query's camera leave, distractors stay; where the file names give no
    camera, only junk leaves. Attributes are scored on the gallery images of known persons.
    """
    if not data.has_test_identities:
        return None
    reid = reid_scores(
        query.embeddings,
        gallery.embeddings,
        data.query["pid"].to_numpy(),
        data.gallery["pid"].to_numpy(),
        *known_cameras(data.query, data.gallery),
    )
    scores = {"reid": reid.as_dict()}
    if gallery.probabilities and set(TASKS) <= set(data.gallery.columns):
        known = (data.gallery[list(TASKS)] >= 0).all(axis=1).to_numpy()
        if known.any():
            targets = target_tensor(data.gallery[known])
            scores["attributes"] = attribute_scores(gallery.classes()[torch.tensor(known)], targets)
    return scores


def known_cameras(query: pd.DataFrame, gallery: pd.DataFrame) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The cameras of both tables for `metrics.reid_scores`, or None twice where the file names do not give them all."""
    cameras = query["camera"].to_numpy(), gallery["camera"].to_numpy()
    return cameras if all((values >= 0).all() for values in cameras) else (None, None)


def retrieval_options(
    model: nn.Module,
    query_images: Tensor,
    gallery_images: Tensor,
    query: pd.DataFrame,
    gallery: pd.DataFrame,
    cameras: bool = True,
) -> pd.DataFrame:
    """mAP, rank-1 and mINP in percent, plain and with mirror images, query expansion and re-ranking: one row an option.

    Images uint8 `(Q, 3, H, W)` and `(G, 3, H, W)` belong to the rows of the tables. With `cameras=False` images of the
    query's own camera count too.
    """
    labels = [table["pid"].to_numpy() for table in (query, gallery)]
    labels += known_cameras(query, gallery) if cameras else (None, None)
    k = neighbourhood(len(query) + len(gallery))
    rows = []
    for flip in (False, True):
        found = [predict(model, store, flip=flip).embeddings for store in (query_images, gallery_images)]
        name = "mirror images" if flip else "plain"
        moved = expand_queries(*found)
        scored = {
            name: reid_scores(*found, *labels),
            f"{name}, query expansion": reid_scores(moved, found[1], *labels),
            f"{name}, re-ranking": reid_scores_from_distances(rerank(*found, **k), *labels),
        }
        rows += [
            {"Option": option, "mAP": 100 * s.mAP, "rank-1": 100 * s.rank1, "mINP": 100 * s.mINP}
            for option, s in scored.items()
        ]
    return pd.DataFrame(rows)
