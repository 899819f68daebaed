"""A pretrained ImageNet classifier as person detector: which gallery images show no person (report, section 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assignment_lib.evaluation.predictions import image_batches, inference_batch_size
from assignment_lib.models.backbones import timm_network

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
    """A classifier of the 1,000 ImageNet classes: "efficientnet_lite0", whose weights are installed, or any timm name.

    The report suggests CoAtNet: "coatnet_0_rw_224". Raises `ConnectionError` where its weights cannot be downloaded.
    """
    return timm_network(name).eval()


def worn_classes() -> list[int]:
    """The indices of `WORN` among the 1,000 classes, by timm's names."""
    from timm.data import ImageNetInfo

    info, names = ImageNetInfo(), {name.lower() for name in WORN}
    # the classes below 398 are animals, and one of them is a dog called Cardigan
    return [i for i in range(398, 1000) if info.index_to_description(i).split(",")[0].lower() in names]


@torch.inference_mode()
def worn_evidence(classifier: nn.Module, images: Tensor, progress: bool = False) -> Tensor:
    """The probability that `classifier` sees something that people wear or carry, `(N,)` float32 on the CPU.

    `images` uint8 `(N, 3, H, W)` are converted and resized per batch to the classifier's input size. The score is the
    sum of the probabilities of the classes in `WORN`.
    """
    config, device = cast(dict[str, Any], classifier.pretrained_cfg), next(classifier.parameters()).device
    mean, std = (torch.tensor(config[name], device=device).view(1, 3, 1, 1) for name in ("mean", "std"))
    classes = torch.tensor(worn_classes(), device=device)
    height, width = config["input_size"][1:]
    evidence = []
    for batch in image_batches(images, device, inference_batch_size(height, width, device), progress):
        batch = F.interpolate(batch, (height, width), mode="bilinear", align_corners=False)
        probabilities = classifier((batch - mean) / std).float().softmax(1)
        evidence.append(probabilities[:, classes].sum(1).cpu())
    return torch.cat(evidence)[: len(images)]


def junk_threshold(people: Tensor) -> float:
    """The score below which an image counts as junk: the 0.005 quantile of the scores `(N,)` of labelled people.

    The filter then removes 0.5 % of the images of people like these. Raises `ValueError` without scores.
    """
    if not len(people):
        raise ValueError("there are no scores, so a threshold cannot be chosen. Pass at least one image of a person")
    return float(np.quantile(people.numpy(), 0.005))


def shows_person(images: Tensor, people: Tensor, name: str = "imagenet", device: torch.device | None = None) -> Tensor:
    """Which `images` the filter keeps, bool `(N,)`: its threshold loses few images of `people`.

    Both are uint8 `(N, 3, H, W)`; `name` is "imagenet" for the installed classifier, or any timm name.
    """
    classifier = (imagenet_classifier() if name == "imagenet" else imagenet_classifier(name)).to(device)
    threshold = junk_threshold(worn_evidence(classifier, people, progress=True))
    return worn_evidence(classifier, images, progress=True) >= threshold


def removal_table(evidence: Mapping[str, Tensor], threshold: float) -> pd.DataFrame:
    """What the filter removes from each group of images: one row per entry of `evidence`, scores `(N,)` by group name.

    Columns: `Images`, the group's name; `Number`; `Removed`; `Removed, %`. Groups without images have no row.
    """
    counts = [(name, len(scores), int((scores < threshold).sum())) for name, scores in evidence.items() if len(scores)]
    table = pd.DataFrame(counts, columns=["Images", "Number", "Removed"])
    return table.assign(**{"Removed, %": 100 * table["Removed"] / table["Number"]})
