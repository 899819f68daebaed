"""Adaptation of a trained network to unlabelled images by clustering (Fan et al. 2018; DBSCAN as in Song et al. 2020).

Images that the network finds similar form clusters. The clusters become training identities next to the labelled people, and
training continues for a few epochs. A better network finds better clusters, so this can be repeated. It trains on the test
images and the validation images themselves, though on no label of theirs (validation labels choose the epoch): a score after it
must be named so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.cluster import DBSCAN
from torch import Tensor, nn

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import Predictions, without_adjustment
from assignment_lib.files import atomic_write
from assignment_lib.models.joint import JointConvNet
from assignment_lib.retrieval.reranking import jaccard_neighbours
from assignment_lib.training import assembly
from assignment_lib.training.assembly import Split
from assignment_lib.training.recipes import Recipe, changed

#: The training of one round. The network is trained already, so it learns at half the rate.
_ROUND = {"epochs": 3, "patience": 3, "schedule": "cosine", "warmup_epochs": 0.3}
_RATE_FACTOR = 0.5


def cluster(embeddings: Tensor, radius: float = 0.55, min_images: int = 4) -> np.ndarray:
    """The cluster of each image, int64 `(N,)`, numbered from 0; -1 for images in none.

    DBSCAN (Ester et al. 1996) on the Jaccard distance of k-reciprocal neighbours. `embeddings` `(N, D)` are L2-normalised.
    An image with `min_images` images within `radius`, itself included, is in the core of a cluster.
    """
    distances = jaccard_neighbours(embeddings, radius)
    found: np.ndarray = DBSCAN(eps=radius, min_samples=min_images, metric="precomputed").fit_predict(distances)
    return found


def with_clusters(
    split: Split, table: pd.DataFrame, images: Sequence[Tensor], labels: np.ndarray, probabilities: dict[str, Tensor]
) -> Split:
    """`split` with each cluster as one more training identity; images in no cluster are left out.

    `table` (columns path and file), uint8 `images` `(N, 3, H, W)` in one or more parts, `labels` `(N,)` from `cluster` and
    `probabilities`, task -> `(N, C)`, belong to the same images. The attributes of a cluster are the classes of its mean
    probabilities.
    """
    rows = np.flatnonzero(labels >= 0)
    added = table[["path", "file"]].iloc[rows].assign(pid=split.next_pid + labels[rows], camera=-1)
    if split.has_attributes:
        classes = {task: _sums(values, labels).argmax(1).numpy() for task, values in probabilities.items()}
        added = added.assign(**{task: classes[task][labels[rows]] if task in classes else -1 for task in TASKS})
    train = pd.concat([split.train[list(added)], added], ignore_index=True)
    parts = torch.from_numpy(labels >= 0).split([len(part) for part in images])
    return split._replace(
        train=train,
        train_images=torch.cat([split.train_images, *(part[kept] for part, kept in zip(images, parts, strict=True))]),
    )


def adapt(
    network: JointConvNet,
    recipe: Recipe,
    split: Split,
    table: pd.DataFrame,
    images: Sequence[Tensor],
    predictions: Predictions,
    folder: Path,
    device: torch.device,
    log: Callable[[str], None] = print,
) -> JointConvNet:
    """One round: cluster the unlabelled images and continue the training of `network` in `folder`; returns the new network.

    `network` was trained on `split` with `recipe`; its `predictions` belong to the rows of `table` and to `images`, as in
    `with_clusters`. An interrupted round resumes. Where no cluster is found, `network` itself is returned. Raises the errors
    of `assembly.run`.
    """
    start = hashlib.sha256(f"{weights_digest(network)} {split.data_fingerprint}".encode()).hexdigest()[:12]
    path = folder / f"clusters-{start}.npy"  # kept, because rounding on another machine may give others
    if not path.exists():
        with atomic_write(path) as file:
            np.save(file, cluster(predictions.embeddings))
    labels: np.ndarray = np.load(path)
    count, share = int(labels.max()) + 1, float((labels >= 0).mean())
    log(f"Adaptation: {share:.0%} of {len(labels):,} unlabelled images form {count:,} clusters.")
    if not count:
        return network
    probabilities = without_adjustment(predictions.probabilities, network.logit_adjustment)
    extended = with_clusters(split, table, images, labels, probabilities)
    # from another network or data: another training
    extended = extended._replace(name=f"{split.name} clustered by {start}")
    # Without ImageNet weights: those of the network replace them. The logit adjustment keeps the shares of the labelled people.
    changes = _ROUND | {"learning_rate": _RATE_FACTOR * recipe.training.learning_rate, "pretrained": False}
    training = assembly.joint(extended, changed(recipe, **changes), device)
    started = training.network
    assert isinstance(started, JointConvNet)
    kept = {name: value for name, value in network.state_dict().items() if not name.startswith("pid_classifier")}
    started.load_state_dict(started.state_dict() | kept)
    if network.pid_classifier is not None and started.pid_classifier is not None:
        _initialise_classifier(
            started.pid_classifier, network.pid_classifier, split, _sums(predictions.embeddings, labels)
        )
    assembly.run(training, folder, log)
    return assembly.trained_network(folder)[0].to(device)


def weights_digest(network: nn.Module) -> str:
    """A hash of the names and values of a network's state."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _initialise_classifier(started: nn.Linear, trained: nn.Linear, split: Split, sums: Tensor) -> None:
    """Labelled people keep their weights; a cluster starts with its mean embedding, as long as theirs are on average."""
    people = split.train["pid"].nunique()
    known = trained.weight[:people]
    with torch.no_grad():
        means = F.normalize(sums).to(known) * known.norm(dim=1).mean()
        started.weight.copy_(torch.cat([known, means]))
        if started.bias is not None:
            started.bias.zero_()[:people] = trained.bias[:people]


def _sums(values: Tensor, labels: np.ndarray) -> Tensor:
    """The sum of the rows of `values` `(N, C)` in each cluster, `(clusters, C)`."""
    members = torch.from_numpy(labels)
    return torch.zeros(int(labels.max()) + 1, values.shape[1]).index_add_(
        0, members[members >= 0], values[members >= 0]
    )
