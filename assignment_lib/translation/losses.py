"""What a translation minimises: the papers' losses, and their sum for the training loop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from assignment_lib.batches.loader import Batch
from assignment_lib.translation.discriminator import Discriminator
from assignment_lib.translation.generator import Translated


def judged_real(scores: Tensor) -> Tensor:
    """`1/2 E[(D - 1)^2]`: what the generator minimises, and half of what the discriminator does (Mao et al. 2017, eq. 9)."""
    return 0.5 * (scores.float() - 1).square().mean()


def judged_false(scores: Tensor) -> Tensor:
    """`1/2 E[D^2]`: the discriminator's other half, of the generator's images (Mao et al. 2017, equation 9)."""
    return 0.5 * scores.float().square().mean()


def patch_contrast(before: Tensor, after: Tensor, images: int, temperature: float = 0.07) -> Tensor:
    """Each place of the output has to be most like the same place of its own input (Park et al. 2020, section 3).

    `before`, `after` `(images * P, D)`: the same P places of each image as it went in and came out, image by image. With
    `q` a place of the output, `k+` the same of the input and `k-` the other P - 1 of that image, all of length 1,
    `-ln( exp(q k+ / t) / (exp(q k+ / t) + sum exp(q k- / t)) )`; the mean over places `(images,)`, float32. The input's side
    is held fixed, as in the authors' experiments.
    """
    places = len(before) // images
    keys, asked = (F.normalize(rows.float(), dim=1).view(images, places, -1) for rows in (before.detach(), after))
    alike = asked @ keys.transpose(1, 2) / temperature  # (images, P, P)
    own = torch.arange(places, device=alike.device).expand(images, places)
    return F.cross_entropy(alike.transpose(1, 2), own, reduction="none").mean(1)


class TranslationObjective(nn.Module):
    """CUT's objective (Park et al. 2020, section 3) and that of its discriminator as one number.

    The batch is that of `pairs.camera_pairs`: its first half are images to repaint, its second half images of the cameras
    that the first are to look like. The generator minimises `judged_real` of its images, and `contrast` times
    `patch_contrast` of the first half and, so that it leaves alone what looks right already, of the second. The
    discriminator minimises `judged_real` of the second half and `judged_false` of the first, repainted.

    One sum serves both, since neither's part reaches the other: the generator is judged by a copy of the discriminator that is
    held fixed, and the discriminator sees the generator's images as constants. Both take their steps at the same time
    (Mescheder et al. 2017), so that the training loop needs one optimiser only.
    """

    def __init__(self, cameras: int, contrast: float = 1.0):
        super().__init__()
        self.discriminator = Discriminator(cameras)
        self.contrast = contrast

    def forward(self, output: Translated, batch: Batch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """The total, every named loss, and no weights, as `losses.objective.Objective` gives them."""
        half = len(batch.images) // 2
        planes = batch.images[:half, 3:]
        repainted = torch.cat([output.images[:half].float(), planes], dim=1)
        fixed = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        deceived = judged_real(functional_call(self.discriminator, fixed, (repainted,)))
        contrasts = [
            patch_contrast(one, other, len(batch.images))
            for one, other in zip(output.before, output.after, strict=True)
        ]
        of_images = torch.stack(contrasts).mean(0)
        content, kept = of_images[:half].mean(), of_images[half:].mean()
        scores = self.discriminator(torch.cat([batch.images[half:], repainted.detach()]))
        caught = judged_real(scores[: len(scores) - half]) + judged_false(scores[len(scores) - half :])
        losses = {"deceived": deceived, "content": content, "kept": kept, "discriminator": caught}
        return deceived + self.contrast * (content + kept) + caught, losses, {}
