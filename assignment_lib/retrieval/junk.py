"""Which gallery images show no person at all: scores, the cut below which an image goes, what a cut costs and is worth.

Asked before ranking (report, section 2.3). `imagenet.worn_evidence` is one more score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor

from assignment_lib.retrieval.curves import frame, sums
from assignment_lib.retrieval.imagenet import worn_evidence
from assignment_lib.retrieval.pair_scores import similarity_blocks
from assignment_lib.retrieval.searches import Search, folds, truth


def training_similarity(embeddings: Tensor, training: Tensor, ids: np.ndarray, leave_out: bool = False) -> Tensor:
    """The cosine similarity of each image to the nearest training identity, `(N,)`: junk resembles none.

    An identity is the mean of its images' embeddings. `embeddings` `(N, D)` and `training` `(M, D)` are L2-normalised,
    `ids` `(M,)`. `leave_out` says that `embeddings` are `training` themselves: each image's own identity is then no answer.
    """
    names, inverse = np.unique(ids, return_inverse=True)
    which = torch.as_tensor(inverse, device=training.device)
    centres = training.new_zeros(len(names), training.shape[1]).index_add_(0, which, training)
    similarity = embeddings @ F.normalize(centres).T
    if leave_out:
        similarity[torch.arange(len(ids), device=which.device), which] = -1.0
    return similarity.amax(1)


def background_crops(images: Tensor, share: float = 0.2) -> Tensor:
    """What stands beside the people: the left and right margins of images, made into images of the same size.

    `images` uint8 `(N, 3, H, W)` -> `(2N, 3, H, W)`. A margin is `share` of the width; it is laid side by side with its
    own mirror image until the width is full, so that it is neither stretched nor has edges.
    """
    width = images.shape[3]
    margin = max(1, round(share * width))
    places = torch.arange(width) % (2 * margin)
    places = torch.where(places < margin, places, 2 * margin - 1 - places)
    return torch.cat([images[..., places], images.flip(3)[..., places]])


def person_probe(people: Tensor, background: Tensor, strength: float = 1.0) -> Callable[[Tensor], Tensor]:
    """A linear probe: a function from what is known of images, `(K, D)`, to the log-odds of a person, `(K,)` float32.

    It learns from `people` `(N, D)` and `background_crops` `(M, D)`, given as embeddings or as `class_evidence`. `strength`
    is the inverse of the penalty on its weights; the larger numbers of `class_evidence` want a small one, 0.01. The log-odds
    of two probes may be added.
    """
    values = torch.cat([people, background]).numpy()
    labels = np.r_[np.ones(len(people)), np.zeros(len(background))]
    probe = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced").fit(values, labels)
    return lambda known: torch.from_numpy(probe.decision_function(known.numpy())).float()


def judged(
    embeddings: Mapping[str, Tensor],
    training: Tensor,
    ids: np.ndarray,
    background: Tensor,
    seen: Mapping[str, Tensor] | None = None,
) -> dict[str, dict[str, Tensor]]:
    """What each filter says of images, the higher the more of a person: name of the images -> filter -> `(N,)`.

    `embeddings` are those of the images, by name. `training` `(M, D)`, of the people `ids` `(M,)`, and `background` `(K, D)`,
    of `background_crops`, are what is learned from. `seen` is the `class_evidence` of the same images, and of "people" and
    "background"; without it there are only the filters that need no classifier, "similarity" and "probe".
    """
    probe = person_probe(training, background)
    scores = {
        name: {"similarity": training_similarity(of, training, ids), "probe": probe(of)}
        for name, of in embeddings.items()
    }
    if seen is not None:
        class_probe = person_probe(seen["people"], seen["background"], strength=0.01)
        for name, of in scores.items():
            by_class = {"worn": worn_evidence(seen[name]), "imagenet": class_probe(seen[name])}
            scores[name] = by_class | of | {"both": by_class["imagenet"] + of["probe"]}
    return scores


def cut(scores_of_people: Tensor, lose: float = 0.01) -> float:
    """The score below which an image is called junk, so that a share `lose` of the images of people would be lost."""
    return float(scores_of_people.quantile(lose))


def filter_table(scores: dict[str, Tensor], cuts: dict[str, float], pids: np.ndarray) -> pd.DataFrame:
    """What each filter does to a gallery whose identities are known (-1 junk, 0 distractors), one row a filter.

    `scores` is filter -> `(G,)`, `cuts` filter -> the score below which an image goes. In percent and in images. "Junk
    below people, %" does not depend on a cut: how often a junk image scores lower than a person, for chance pairs (the
    area under the ROC curve; not there without junk).
    """
    parts = {"Junk": pids == -1, "Distractors": pids == 0, "People": pids > 0}
    judged = parts["Junk"] | parts["People"]
    rows = []
    for name, values in scores.items():
        gone = (values < cuts[name]).numpy()
        row: dict[str, Any] = {"Filter": name}
        if parts["Junk"].any() and parts["People"].any():
            row["Junk below people, %"] = 100 * roc_auc_score(parts["People"][judged], values.numpy()[judged])
        for part, mask in parts.items():
            row[f"{part} removed, %"] = 100 * gone[mask].mean() if mask.any() else float("nan")
            row[f"{part} removed"] = f"{int(gone[mask].sum())} of {int(mask.sum())}"
        rows.append(row)
    return pd.DataFrame(rows)


def worth(search: Search, keeps: Mapping[str, Tensor]) -> pd.DataFrame:
    """What each filter does to the answers of `search`: one row a filter, "none" first, figures in percent.

    `keeps` is filter -> bool `(G,)`, which images of the search's gallery pass. Columns `Filter`, `mAP`, `F1` (the best of any
    single threshold), and what it removes: `Own people removed, %` of the images that some query wants, `Others removed, %`
    of the rest. A match that is filtered away is missed, and a query that loses all of them stays. Among the others may be
    people, whose removal looks like a gain here and is a loss on the test: distrust a filter that removes far more of
    them than junk can be.
    """
    query, gallery = search[:2]
    known = truth(search)
    similarity = torch.cat(list(similarity_blocks(query, gallery, known.own)))
    wanted = known.right.any(0)
    rows = []
    for name, keep in {"none": torch.ones(len(gallery), dtype=torch.bool), **keeps}.items():
        if len(keep) != len(gallery):
            raise ValueError(f"the filter {name!r} judges {len(keep)} images; the gallery has {len(gallery)}")
        of = frame(sums(similarity.masked_fill(~keep, -torch.inf), known, folds(search[2], known.asked)))
        gone = ~keep.numpy()
        rows.append(
            {
                "Filter": name,
                "mAP": 100 * of["mAP"].max(),
                "F1": 100 * of["f1"].max(),
                "Own people removed, %": 100 * gone[wanted.numpy()].mean(),
                "Others removed, %": 100 * gone[~wanted.numpy()].mean() if (~wanted).any() else 0.0,
            }
        )
    return pd.DataFrame(rows)


def recommended(table: pd.DataFrame, least: float = 0.1) -> str:
    """The filter of a table of `worth` that adds most to mAP and F1 together: "none" unless it is over `least` points."""
    gain = table["mAP"] + table["F1"]
    best = int(gain.idxmax())
    return str(table["Filter"][best]) if gain[best] > gain.iloc[0] + least else "none"
