"""A GAN that repaints pedestrians so that they look as if a given camera of another data set had taken them.

Generator and losses follow CUT (Park et al. 2020, "Contrastive Learning for Unpaired Image-to-Image Translation"), with the
camera as an additional input.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from assignment_lib import environment, files
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


#: For a GPU: on Market-1501 about 400,000 pairs, as many as 400 epochs of 1,000 images.
GPU_SETTINGS = TranslatorSettings(epochs=30, pairs=32, learning_rate=5e-4, contrast=1.0)


def settings_for(device: torch.device) -> TranslatorSettings:
    """Return the default settings of a device."""
    return GPU_SETTINGS if device.type == "cuda" else TranslatorSettings()


def with_camera(images: Tensor, cameras: Tensor, count: int) -> Tensor:
    """Append one-hot camera planes: `(B, 3, H, W)` and camera numbers `(B,)` int64 in [0, count) -> `(B, 3 + count, H, W)`.

    StarGAN passes the target domain to its generator in the same way (Choi et al. 2018, section 3.1).
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
    (Zhu et al. 2017, section 7.1), except at full size on the way down, where colour and brightness have to pass. A norm
    removes what is constant over the image, and therefore the camera: on the way up, each norm has a scale and a shift per
    camera (Dumoulin et al. 2017, section 2.2), and the last convolution gets the planes again. As in CUT, the way down also
    provides the features that the contrastive loss compares: the raw pixels and four depths, each with a projection.
    """

    def __init__(self, cameras: int, blocks: int = 3, places: int = 64):
        super().__init__()
        full, half, quarter, eighth = WIDTHS
        self.cameras, self.places = cameras, places
        self.stem = nn.Sequential(nn.Conv2d(3 + cameras, full, 3, padding=1), nn.ReLU())
        sizes = ((full, half), (half, quarter), (quarter, eighth))
        self.down = nn.ModuleList(_layer(small, large, stride=2) for small, large in sizes)
        self.middle = nn.Sequential(*(_Residual(eighth) for _ in range(blocks)))
        sizes = ((eighth + quarter, quarter), (quarter + half, half), (half + full, full))
        self.up = nn.ModuleList(_Up(inputs, outputs, cameras) for inputs, outputs in sizes)
        self.last = nn.Conv2d(full + cameras, 3, 3, padding=1)
        _zero(self.last)
        self.projections = nn.ModuleList(
            nn.Sequential(nn.Linear(size, PROJECTED), nn.ReLU(), nn.Linear(PROJECTED, PROJECTED))
            for size in (3, *WIDTHS[1:], WIDTHS[-1])
        )

    def encode(self, inputs: Tensor) -> list[Tensor]:
        """Return the feature maps on the way down, from full to eighth size, the last one after the residual blocks."""
        maps = [self.stem(torch.cat([2 * inputs[:, :3] - 1, inputs[:, 3:]], dim=1))]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        return [*maps, self.middle(maps[-1])]

    def forward(self, inputs: Tensor) -> Tensor | Translated:
        rgb, planes = inputs[:, :3], inputs[:, 3:]
        maps = self.encode(inputs)
        x = maps[-1]
        for layer, skip in zip(self.up, maps[2::-1], strict=True):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2.0), skip], dim=1), planes[:, :, 0, 0])
        images = (rgb + self.last(torch.cat([x, planes.to(x.dtype)], dim=1))).clamp(0, 1)
        if not self.training:
            return images
        maps_after = self.encode(torch.cat([images, planes.to(images.dtype)], dim=1))
        before, after = [], []
        layers = zip(self.projections, [rgb, *maps[1:]], [images, *maps_after[1:]], strict=True)
        for project, of_input, of_output in layers:
            size = of_input.shape[2] * of_input.shape[3]
            chosen = torch.randperm(size, device=of_input.device)[: self.places]
            for features, rows in ((of_input, before), (of_output, after)):
                rows.append(project(features.flatten(2)[:, :, chosen].transpose(1, 2).flatten(0, 1)))
        return Translated(images, before, after)


class _Residual(nn.Module):
    """Two convolutions with instance norms and a shortcut (He et al. 2016)."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = _layer(width, width), nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.InstanceNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.second(self.first(x)))


class _Up(nn.Module):
    """A convolution and an instance norm with a scale and a shift per camera."""

    def __init__(self, inputs: int, outputs: int, cameras: int):
        super().__init__()
        self.layer = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.InstanceNorm2d(outputs)
        self.style = nn.Linear(cameras, 2 * outputs)
        _zero(self.style)

    def forward(self, x: Tensor, camera: Tensor) -> Tensor:
        """`x` `(B, C, H, W)`, `camera` `(B, cameras)` one-hot."""
        scale, shift = self.style(camera)[:, :, None, None].chunk(2, dim=1)
        return F.relu(self.norm(self.layer(x)) * (1 + scale) + shift)


def _zero(layer: nn.Conv2d | nn.Linear) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.InstanceNorm2d(outputs), nn.ReLU())


def discriminator(cameras: int, width: int = 32) -> nn.Sequential:
    """A PatchGAN (Isola et al. 2017, section 3.2.2): a score per patch of 18 x 18 pixels, large if the camera took it.

    `(B, 3 + cameras, H, W)`, images in [0, 1] with the planes of `with_camera`, -> `(B, 1, H / 4, W / 4)`. It has no norms,
    which would hide brightness and colour cast, the main differences between cameras.
    """
    return nn.Sequential(
        nn.Conv2d(3 + cameras, width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 3, padding=1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4 * width, 1, 1),
    )


def real_loss(scores: Tensor) -> Tensor:
    """`1/2 E[(D - 1)^2]`: the generator's loss, and the discriminator's on real images (Mao et al. 2017, equation 9)."""
    return 0.5 * (scores.float() - 1).square().mean()


def fake_loss(scores: Tensor) -> Tensor:
    """`1/2 E[D^2]`: the discriminator's loss on generated images (Mao et al. 2017, equation 9)."""
    return 0.5 * scores.float().square().mean()


def patch_contrast(before: Tensor, after: Tensor, images: int, temperature: float = 0.07) -> Tensor:
    """PatchNCE: a place of the output has to be most similar to the same place of its input (Park et al. 2020, section 3).

    `before`, `after` `(images * P, D)`: features of the same P places of each image in input and output, image by image.
    With unit vectors `q` of the output, `k+` of the same place of the input and `k-` of the other P - 1 places of that image,
    `-ln( exp(q k+ / t) / (exp(q k+ / t) + sum exp(q k- / t)) )`. Returns the mean over places, `(images,)` float32. The input
    gets no gradient, as in the authors' code.
    """
    places = len(before) // images
    keys, queries = (F.normalize(rows.float(), dim=1).view(images, places, -1) for rows in (before.detach(), after))
    logits = queries @ keys.transpose(1, 2) / temperature  # (images, P, P)
    same_place = torch.arange(places, device=logits.device).expand(images, places)
    return F.cross_entropy(logits.transpose(1, 2), same_place, reduction="none").mean(1)


class TranslationObjective(nn.Module):
    """The losses of generator (Park et al. 2020, section 3) and discriminator as one sum, for the project's training loop.

    A batch of `CameraPairs` has images to repaint in its first half and images of the wanted cameras in its second. The
    generator minimises `real_loss` of its images, plus `contrast` times `patch_contrast` of the first half and of the second,
    which should stay unchanged. The discriminator minimises `real_loss` of the second half and `fake_loss` of the repainted
    first half.

    Neither part has a gradient with respect to the other's weights: a fixed copy of the discriminator scores the generator's
    images, and the discriminator gets these images as constants. Both take their steps at the same time (Mescheder et al.
    2017).
    """

    def __init__(self, cameras: int, contrast: float = 1.0):
        super().__init__()
        self.discriminator = discriminator(cameras)
        self.contrast = contrast

    def forward(self, output: Translated, batch: Batch) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Return the total, the named losses, and no weights, like `losses.objective.Objective`."""
        half, pairs = len(batch.images) // 2, zip(output.before, output.after, strict=True)
        repainted = torch.cat([output.images[:half].float(), batch.images[:half, 3:]], dim=1)
        fixed = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        generator = real_loss(functional_call(self.discriminator, fixed, (repainted,)))
        contrasts = torch.stack([patch_contrast(*pair, len(batch.images)) for pair in pairs]).mean(0)
        content, identity = contrasts[:half].mean(), contrasts[half:].mean()
        scores = self.discriminator(torch.cat([batch.images[half:], repainted.detach()]))
        real = len(scores) - half
        discriminator = real_loss(scores[:real]) + fake_loss(scores[real:])
        losses = {"generator": generator, "content": content, "identity": identity, "discriminator": discriminator}
        return generator + self.contrast * (content + identity) + discriminator, losses, {}


class CameraPairs(Batches):
    """Batches of `pairs` images to repaint and `pairs` images of the target, with camera planes, flipped at random.

    `others` `(M, 3, H, W)` and `target` `(N, 3, H, W)` uint8, `cameras` `(N,)` int64 from 0 on. Half of the images to repaint
    are from `others`, half from the target. Each is repainted for the camera of its partner in the second half. Images come
    in random orders, one after another, `steps` batches per epoch. Raises `ValueError` for different image sizes, and for
    no images.
    """

    def __init__(
        self,
        others: Tensor,
        target: Tensor,
        cameras: Tensor,
        pairs: int,
        steps: int,
        device: torch.device | str = "cpu",
        generator: torch.Generator | None = None,
    ) -> None:
        if min(len(others), len(target)) == 0 or len(cameras) != len(target):
            raise ValueError(
                f"{len(others)} images to repaint, {len(target)} of the target, {len(cameras)} cameras: pass at least one "
                "image of each data set, and one camera per image of the target."
            )
        if others.shape[1:] != target.shape[1:]:
            raise ValueError(
                f"Images to repaint are {tuple(others.shape[1:])}, images of the target {tuple(target.shape[1:])}. "
                "Decode both at the same size."
            )
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        flip = replace(only("flip"), flip=0.5)
        positions = range(2 * pairs * steps)  # its length counts; `draw` draws
        super().__init__(
            torch.cat([others, target]), positions, 2 * pairs, device, augmentation=flip, generator=generator
        )
        self.counts, self.pairs, self.steps = (len(others), len(target)), pairs, steps
        self.cameras = torch.cat([torch.zeros(len(others), dtype=torch.int64), cameras]).to(self.device)
        self.n_cameras = int(cameras.max()) + 1

    def draw(self) -> Tensor:
        """Draw the positions of an epoch, int64 `(2 * pairs * steps,)`."""
        first, from_others = self.counts[0], self.pairs // 2
        others, own, real = (self._endless(count) for count in (self.counts[0], self.counts[1], self.counts[1]))
        positions: list[int] = []
        for _ in range(self.steps):
            positions += [next(others) for _ in range(from_others)]
            positions += [first + next(own) for _ in range(self.pairs - from_others)]
            positions += [first + next(real) for _ in range(self.pairs)]
        return torch.tensor(positions)

    def _endless(self, count: int) -> Iterator[int]:
        while True:
            yield from torch.randperm(count, generator=self.generator).tolist()

    def over(self, positions: Tensor, start: int = 0) -> Iterator[Batch]:
        """Iterate over the batches from number `start` on; `images` are `(2 * pairs, 3 + cameras, H, W)`."""
        for batch in super().over(positions, start):
            wanted = self.cameras[batch.index[len(batch.index) // 2 :]]
            yield batch._replace(images=with_camera(batch.images, wanted.repeat(2), self.n_cameras))


def camera_numbers(cameras: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """Return cameras `(N,)` as numbers from 0 on, `(N,)` int64, and the sorted cameras.

    Raises `ValueError` if a camera is unknown (-1).
    """
    if (cameras < 0).any():
        raise ValueError("Some file names have no camera, and a translation needs one per image. Use data with cameras.")
    known = np.unique(cameras)
    return torch.from_numpy(np.searchsorted(known, cameras)), known


def train(
    others: Tensor,
    target: Tensor,
    cameras: np.ndarray,
    folder: Path,
    device: torch.device,
    settings: TranslatorSettings,
    data_fingerprint: str,
    log: Callable[[str], None] = print,
) -> tuple[Translator, pd.DataFrame]:
    """Train a translator to the target's cameras; return it in evaluation mode, and the history.

    `others` `(M, 3, H, W)` and `target` `(N, 3, H, W)` uint8, `cameras` `(N,)` those of the target. `data_fingerprint`
    identifies the two data sets. The same call resumes an interrupted training. The last epoch counts, since no score of
    single images tells which one is best. Raises the errors of `loop.fit` and `CameraPairs`.
    """
    environment.seed_everything(settings.seed)
    numbers, known = camera_numbers(cameras)
    generator = torch.Generator().manual_seed(settings.seed)
    steps = settings.steps or max(1, len(target) // settings.pairs)
    batches = CameraPairs(others, target, numbers, settings.pairs, steps, device, generator)
    network = Translator(len(known), settings.blocks).to(device)
    objective = TranslationObjective(len(known), settings.contrast).to(device)
    fingerprint = asdict(settings) | {"data_fingerprint": data_fingerprint, "image_size": list(target.shape[2:])}
    training = TrainingSettings(
        epochs=settings.epochs, learning_rate=settings.learning_rate, weight_decay=0.0, schedule="cosine", amp=settings.amp,
        patience=settings.epochs,
    )  # fmt: skip
    history = fit(
        network, objective, batches, None, training, folder, fingerprint=fingerprint, betas=(0.5, 0.999), log=log
    )  # fmt: skip
    return network, history


@torch.inference_mode()
def repaint(
    network: Translator, images: Tensor, cameras: Tensor, batch_size: int = 64, progress: bool = False
) -> Tensor:
    """Repaint images `(N, 3, H, W)` uint8 for one camera each, `(N,)` numbers from 0 on; `(N, 3, H, W)` uint8 on the CPU."""
    device = next(network.parameters()).device
    network.eval()
    repainted = [torch.empty(0, *images.shape[1:], dtype=torch.uint8)]
    for start in files.bar(range(0, len(images), batch_size), "repainting", show=progress):
        rgb = images[start : start + batch_size].to(device).float() / 255
        output = network(with_camera(rgb, cameras[start : start + batch_size].to(device), network.cameras))
        repainted.append((output.float() * 255).round().to(torch.uint8).cpu())
    return torch.cat(repainted)
