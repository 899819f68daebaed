"""A GAN that repaints pedestrians so that they look as if a given camera of another data set had taken them.

Generator and losses follow CUT (Park et al. 2020, "Contrastive Learning for Unpaired Image-to-Image Translation"), with the
camera as an additional input.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from assignment_lib import environment
from assignment_lib.batches.augmentation import only
from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.training.loop import fit
from assignment_lib.training.recipes import TrainingSettings

#: Channels at full, half, quarter and eighth size.
WIDTHS = (16, 32, 64, 128)
#: Length of the feature vectors that the contrastive loss compares (256 in Park et al. 2020).
PROJECTED = 128


@dataclass(frozen=True)
class TranslatorSettings:
    """The training of a translator. The defaults suit two CPU cores: some minutes at 128 x 64."""

    epochs: int = 5
    steps: int = 0  # batches per epoch; 0: as many as show every image of the target once
    pairs: int = 8  # images to repaint per batch, and as many of the target
    learning_rate: float = 1e-3  # of generator and discriminator; decays to 0 along a cosine
    contrast: float = 0.2  # weight of the contrastive loss; 1 in Park et al. 2020, which adapts colours more slowly
    blocks: int = 3  # residual blocks of the generator
    amp: str = "auto"
    seed: int = 0


def settings_for(device: torch.device) -> TranslatorSettings:
    """Return the default settings of a device; a GPU can afford longer training and the contrast of the paper."""
    if device.type != "cuda":
        return TranslatorSettings()
    return TranslatorSettings(epochs=30, pairs=32, learning_rate=5e-4, contrast=1.0)


def with_camera(images: Tensor, cameras: Tensor, count: int) -> Tensor:
    """Append one-hot camera planes: `(B, 3, H, W)` and camera numbers `(B,)` int64 in [0, count) -> `(B, 3 + count, H, W)`.

    StarGAN does the same with its target domain (Choi et al. 2018, section 3.1).
    """
    planes = F.one_hot(cameras, count).to(images.dtype)[:, :, None, None]
    return torch.cat([images, planes.expand(-1, -1, *images.shape[2:])], dim=1)


class Translated(NamedTuple):
    """The output of a `Translator` in training mode."""

    images: Tensor  # (B, 3, H, W) in [0, 1]
    before: list[Tensor]  # per layer (B * places, PROJECTED): features of places of the input
    after: list[Tensor]  # features of the same places of the output


class Translator(nn.Module):
    """A U-Net (Ronneberger et al. 2015) with about one million weights that adds a change to an image.

    Input `(B, 3 + cameras, H, W)`: RGB in [0, 1] and the planes of `with_camera`; H and W are multiples of 8. Output: the
    repainted images `(B, 3, H, W)` in [0, 1] in evaluation mode, `Translated` in training mode.

    The last convolution starts at zero, so an untrained network returns its input. Layers have instance norms as in CycleGAN
    (Zhu et al. 2017, section 7.1), except the first, since a norm removes colour and brightness. It also removes the camera:
    in the decoder, each norm has a scale and a shift per camera (Dumoulin et al. 2017, section 2.2). As in CUT, the
    contrastive loss compares features of the encoder: the raw pixels and four depths, each with a projection.
    """

    def __init__(self, cameras: int, blocks: int = 3, places: int = 64):
        super().__init__()
        full, half, quarter, eighth = WIDTHS
        self.cameras, self.places = cameras, places
        self.stem = nn.Sequential(nn.Conv2d(3 + cameras, full, 3, padding=1), nn.ReLU())
        sizes = ((full, half), (half, quarter), (quarter, eighth))
        self.down = nn.ModuleList(_layer(small, large, stride=2) for small, large in sizes)
        self.middle = nn.ModuleList(_residual(eighth) for _ in range(blocks))
        self.up, self.styles = nn.ModuleList(), nn.ModuleList()
        for inputs, outputs in ((eighth + quarter, quarter), (quarter + half, half), (half + full, full)):
            self.up.append(nn.Conv2d(inputs, outputs, 3, padding=1))
            self.styles.append(nn.Linear(cameras, 2 * outputs))  # scale and shift per camera
        self.last = nn.Conv2d(full + cameras, 3, 3, padding=1)
        for parameter in (*self.styles.parameters(), *self.last.parameters()):
            nn.init.zeros_(parameter)
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Linear(size, PROJECTED), nn.ReLU(), nn.Linear(PROJECTED, PROJECTED))
            for size in (3, *WIDTHS[1:], WIDTHS[-1])
        )

    def encode(self, inputs: Tensor) -> list[Tensor]:
        """Return the encoder's feature maps, from full to eighth size, and that of the residual blocks."""
        maps = [self.stem(torch.cat([2 * inputs[:, :3] - 1, inputs[:, 3:]], dim=1))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        x = maps[-1]
        for block in self.middle:
            x = x + block(x)
        return [*maps, x]

    def forward(self, inputs: Tensor) -> Tensor | Translated:
        rgb, planes = inputs[:, :3], inputs[:, 3:]
        maps = self.encode(inputs)
        x = maps[-1]
        for layer, style, skip in zip(self.up, self.styles, maps[2::-1], strict=True):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0), skip], dim=1))
            scale, shift = style(planes[:, :, 0, 0])[:, :, None, None].chunk(2, dim=1)
            x = F.relu(F.instance_norm(x) * (1 + scale) + shift)
        images = (rgb + self.last(torch.cat([x, planes.to(x.dtype)], dim=1))).clamp(0, 1)
        if not self.training:
            return images
        maps_after = self.encode(torch.cat([images, planes.to(images.dtype)], dim=1))
        result = Translated(images, [], [])
        for project, *features in zip(self.projections, [rgb, *maps[1:]], [images, *maps_after[1:]], strict=True):
            pixels = [layer.flatten(2).transpose(1, 2) for layer in features]  # (B, H * W, channels), input and output
            chosen = torch.randperm(pixels[0].shape[1], device=images.device)[: self.places]
            for rows, values in zip((result.before, result.after), pixels, strict=True):
                rows.append(project(values[:, chosen].flatten(0, 1)))
        return result


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.InstanceNorm2d(outputs), nn.ReLU())


def _residual(width: int) -> nn.Sequential:
    return nn.Sequential(_layer(width, width), nn.Conv2d(width, width, 3, padding=1), nn.InstanceNorm2d(width))


def discriminator(cameras: int) -> nn.Sequential:
    """A PatchGAN (Isola et al. 2017, section 3.2.2): a score per patch of 18 x 18 pixels, large if the camera took it.

    `(B, 3 + cameras, H, W)`, images in [0, 1] with the planes of `with_camera`, -> `(B, 1, H / 4, W / 4)`. It has no norms,
    which would hide brightness and colour cast, the main differences between cameras.
    """
    return nn.Sequential(
        nn.Conv2d(3 + cameras, 32, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(32, 64, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(128, 1, 1),
    )


def least_squares(scores: Tensor, goal: float) -> Tensor:
    """`1/2 E[(D - goal)^2]` (Mao et al. 2017, equation 9); the goal is 1 for real images, and for the generator."""
    return 0.5 * (scores.float() - goal).square().mean()


def patch_contrast(before: Tensor, after: Tensor, images: int) -> Tensor:
    """PatchNCE: a place of the output has to be most similar to the same place of its input (Park et al. 2020, section 3).

    `before`, `after` `(images * P, D)`: features of the same P places of each image in input and output, image by image.
    With unit vectors `q` of the output, `k+` of the same place of the input and `k-` of the other P - 1 places of that image,
    `-ln( exp(q k+ / t) / (exp(q k+ / t) + sum exp(q k- / t)) )`, t = 0.07. Returns the mean over places, `(images,)` float32.
    The input gets no gradient, as in the authors' code.
    """
    places = len(before) // images
    keys, queries = (F.normalize(rows.float(), dim=1).view(images, places, -1) for rows in (before.detach(), after))
    logits = queries @ keys.transpose(1, 2) / 0.07  # (images, P, P)
    same_place = torch.arange(places, device=logits.device).expand(images, places)
    return F.cross_entropy(logits.transpose(1, 2), same_place, reduction="none").mean(1)


class TranslationObjective(nn.Module):
    """The losses of generator (Park et al. 2020, section 3) and discriminator as one sum, for the project's training loop.

    A batch of `CameraPairs` has images to repaint in its first half and images of the wanted cameras in its second. The
    generator minimises `least_squares` of its images, plus `contrast` times `patch_contrast` of the first half and of the
    second, which should stay unchanged. The discriminator separates the second half from the repainted first half. Both take
    their steps at the same time (Mescheder et al. 2017); detached copies keep each from the gradient of the other.
    """

    def __init__(self, cameras: int, contrast: float = 1.0):
        super().__init__()
        self.discriminator = discriminator(cameras)
        self.contrast = contrast

    def forward(self, output: Translated, batch: Batch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Return the total, the named losses, and no weights, as `losses.objective.Objective` does."""
        half, pairs = len(batch.images) // 2, zip(output.before, output.after, strict=True)
        repainted = torch.cat([output.images[:half].float(), batch.images[:half, 3:]], dim=1)
        fixed = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        generator = least_squares(functional_call(self.discriminator, fixed, (repainted,)), 1)
        contrasts = torch.stack([patch_contrast(*pair, len(batch.images)) for pair in pairs]).mean(0)
        content, identity = contrasts[:half].mean(), contrasts[half:].mean()
        scores = self.discriminator(torch.cat([batch.images[half:], repainted.detach()]))
        real = len(scores) - half
        discriminator = least_squares(scores[:real], 1) + least_squares(scores[real:], 0)
        losses = {"generator": generator, "content": content, "identity": identity, "discriminator": discriminator}
        return generator + self.contrast * (content + identity) + discriminator, losses, {}


class CameraPairs(Batches):
    """Batches of images to repaint, then as many images of the target, with camera planes and flipped at random.

    `others` `(M, 3, H, W)` and `target` `(N, 3, H, W)` uint8, `cameras` `(N,)` int64 from 0 on. Each image of the first half is
    repainted for the camera of its partner in the second half. Raises `ValueError` for a data set without images.
    """

    def __init__(
        self, others: Tensor, target: Tensor, cameras: Tensor, settings: TranslatorSettings, device: torch.device | str
    ) -> None:
        if min(len(others), len(target)) == 0:
            raise ValueError("One of the two data sets has no training images. Pass data sets with images.")
        self.sizes, self.pairs = (len(others), len(target)), settings.pairs
        self.steps = settings.steps or max(1, len(target) // settings.pairs)
        positions = range(2 * self.pairs * self.steps)  # only its length counts, since `draw` draws
        flip, generator = replace(only("flip"), flip=0.5), torch.Generator().manual_seed(settings.seed)
        images = torch.cat([others, target])
        super().__init__(images, positions, 2 * self.pairs, device, augmentation=flip, generator=generator)
        self.cameras = torch.cat([torch.zeros(len(others), dtype=torch.int64), cameras]).to(self.device)

    def draw(self) -> Tensor:
        """Draw the positions of an epoch, int64 `(2 * pairs * steps,)`: each set in one random order after another."""
        count, halves = self.pairs * self.steps, []
        for size in self.sizes:
            orders = [torch.randperm(size, generator=self.generator) for _ in range(-(-count // size))]
            halves.append(torch.cat(orders)[:count].view(self.steps, self.pairs))
        return torch.cat([halves[0], self.sizes[0] + halves[1]], dim=1).flatten()

    def over(self, positions: Tensor, start: int = 0) -> Iterator[Batch]:
        """Iterate over the batches from number `start` on; `images` are `(2 * pairs, 3 + cameras, H, W)`."""
        count = int(self.cameras.max()) + 1
        for batch in super().over(positions, start):
            wanted = self.cameras[batch.index[self.pairs :]]
            yield batch._replace(images=with_camera(batch.images, wanted.repeat(2), count))


def camera_numbers(cameras: np.ndarray) -> Tensor:
    """Return cameras `(N,)` as int64 numbers from 0 on, in ascending order; `ValueError` if one is unknown (-1)."""
    if (cameras < 0).any():
        raise ValueError("Some file names have no camera, and a translation needs one per image. Use other data.")
    return torch.from_numpy(np.unique(cameras, return_inverse=True)[1])


def train(
    others: Tensor,
    target: Tensor,
    cameras: np.ndarray,
    folder: Path,
    device: torch.device,
    settings: TranslatorSettings,
    data_fingerprint: str,
) -> tuple[Translator, pd.DataFrame]:
    """Train a translator to the target's cameras, or resume it; return it in evaluation mode, and the history.

    `others` `(M, 3, H, W)` and `target` `(N, 3, H, W)` uint8, `cameras` `(N,)` those of the target. `data_fingerprint`
    identifies the two data sets. The last epoch counts, since no score tells which one is best. Raises the errors of
    `loop.fit` and `CameraPairs`.
    """
    environment.seed_everything(settings.seed)
    numbers = camera_numbers(cameras)
    batches, count = CameraPairs(others, target, numbers, settings, device), int(numbers.max()) + 1
    network = Translator(count, settings.blocks).to(device)
    objective = TranslationObjective(count, settings.contrast).to(device)
    fingerprint = asdict(settings) | {"data_fingerprint": data_fingerprint, "image_size": list(target.shape[2:])}
    training = TrainingSettings(
        settings.epochs, learning_rate=settings.learning_rate, weight_decay=0.0, schedule="cosine", amp=settings.amp,
        patience=settings.epochs,
    )  # fmt: skip
    betas = (0.5, 0.999)
    history = fit(network, objective, batches, None, training, folder, fingerprint=fingerprint, betas=betas)
    return network, history


@torch.inference_mode()
def repaint(network: Translator, images: Tensor, cameras: Tensor, batch_size: int = 64) -> Tensor:
    """Repaint images `(N, 3, H, W)` uint8 for one camera each, `(N,)` numbers from 0 on; `(N, 3, H, W)` uint8 on the CPU."""
    device = next(network.parameters()).device
    network.eval()
    repainted = []
    for part, wanted in zip(images.split(batch_size), cameras.split(batch_size), strict=True):
        output = network(with_camera(part.to(device).float() / 255, wanted.to(device), network.cameras))
        repainted.append((output.float() * 255).round().to(torch.uint8).cpu())
    return torch.cat(repainted)
