"""Train a translator, or go on with it, and repaint images with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib import environment
from assignment_lib.files import bar
from assignment_lib.training import checkpoints
from assignment_lib.training.loop import fit
from assignment_lib.translation.generator import Translator, with_camera
from assignment_lib.translation.losses import TranslationObjective
from assignment_lib.translation.pairs import camera_pairs


@dataclass(frozen=True)
class Settings:
    """How long and how fast a translator learns. The defaults are for two CPU cores: some minutes at 128 x 64."""

    epochs: int = 5
    steps: int = 0  # batches an epoch; 0: as many as show every image of the target once
    pairs: int = 8  # images to repaint in a batch, and as many of the target
    learning_rate: float = 1e-3  # of the generator and of the discriminator; the cosine ends at 0
    contrast: float = 0.2  # weight of the contrastive loss; Park et al. 2020 have 1, which learns a look more slowly
    blocks: int = 3  # of the generator
    amp: str = "auto"
    seed: int = 0


#: With a GPU: about 400,000 pairs on Market-1501, as many as 400 epochs of a thousand images, and the contrast of Park et
#: al. 2020.
GPU = Settings(epochs=30, pairs=32, learning_rate=5e-4, contrast=1.0)


def settings_for(device: torch.device) -> Settings:
    """The settings that make sense on a device."""
    return GPU if device.type == "cuda" else Settings()


def numbered(cameras: np.ndarray, known: np.ndarray | None = None) -> tuple[Tensor, np.ndarray]:
    """Cameras as file names have them -> numbers from 0 on `(N,)` int64, and the sorted cameras these stand for.

    Raises `ValueError` where a camera is unknown (-1), since its look cannot be learned.
    """
    if (cameras < 0).any():
        raise ValueError("some images have no camera in their file names; a look is learned camera by camera")
    known = np.unique(cameras) if known is None else known
    return torch.from_numpy(np.searchsorted(known, cameras)), known


def train(
    others: Tensor,
    target: Tensor,
    cameras: np.ndarray,
    folder: Path,
    device: torch.device,
    settings: Settings,
    name: str,
    log: Callable[[str], None] = print,
) -> tuple[Translator, pd.DataFrame]:
    """A translator into the look of the target's cameras, in evaluation mode, and the history of its training.

    `others` `(M, 3, H, W)` and `target` `(N, 3, H, W)` uint8 are images of the other data set, perhaps none, and of the
    target; `cameras` `(N,)` those of the target. `name` tells this pair of data sets from another. The loop is that of all
    trainings here: mixed precision, checkpoints, and the same call goes on where it stopped. The last epoch is kept: no
    score of a single image says which one is best. Raises what `loop.fit` and `camera_pairs` raise.
    """
    environment.seed_everything(settings.seed)
    numbers, known = numbered(cameras)
    generator = torch.Generator().manual_seed(settings.seed)
    steps = settings.steps or max(1, len(target) // settings.pairs)
    batches = camera_pairs(others, target, numbers, settings.pairs, steps, device, generator)
    network = Translator(len(known), settings.blocks).to(device)
    objective = TranslationObjective(len(known), settings.contrast).to(device)
    history = fit(
        network, objective, batches, None, folder=folder,
        fingerprint=asdict(settings) | {
            "translates": name, "others": len(others), "target": len(target), "cameras": known.tolist(),
            "image_size": list(target.shape[2:]),
        },
        epochs=settings.epochs, learning_rate=settings.learning_rate, weight_decay=0.0, betas=(0.5, 0.999),
        schedule="cosine", amp=settings.amp, generators=[generator], log=log,
    )  # fmt: skip
    return network, history


def trained(folder: Path) -> tuple[Translator, np.ndarray]:
    """The translator that `train` left in `folder`, in evaluation mode on the CPU, and the target's cameras.

    Raises `FileNotFoundError` where there is none.
    """
    if not (folder / "best.pt").exists():
        raise FileNotFoundError(f"{folder / 'best.pt'} is not there; train a translator first, as notebook 7 does")
    kept = checkpoints.load(folder / "best.pt")
    known = np.array(kept["fingerprint"]["cameras"])
    network = Translator(len(known), kept["fingerprint"]["blocks"])
    network.load_state_dict(kept["model"])
    return network.eval(), known


@torch.inference_mode()
def repaint(
    network: Translator, images: Tensor, cameras: Tensor, batch_size: int = 64, progress: bool = False
) -> Tensor:
    """Images `(N, 3, H, W)` uint8 in the look of a camera each, `(N,)` numbers from 0 on; `(N, 3, H, W)` uint8, on the CPU."""
    device, count = next(network.parameters()).device, network.generator.cameras
    network.eval()
    done = [torch.empty(0, *images.shape[1:], dtype=torch.uint8)]
    for start in bar(range(0, len(images), batch_size), "repainting", show=progress):
        batch = images[start : start + batch_size].to(device).float() / 255
        painted = network(with_camera(batch, cameras[start : start + batch_size].to(device), count))
        done.append((painted.float() * 255).round().to(torch.uint8).cpu())
    return torch.cat(done)
