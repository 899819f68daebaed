"""Images a second of the seven transforms, ours and others', and their share of a ResNet-18 training step.

    python benchmarks/augment.py --threads 1 2 --batch 64

All run in one process with the same ranges and probabilities, one after another in every round, so that a noisy machine
hurts all alike; median and best over the rounds are printed. On a busy machine the best of many rounds is nearest the
truth, or processor time instead of wall time, with one thread: --cpu-time --threads 1.

torchvision works per sample: on tensors, which is what a data set in memory gives it, and on PIL images. kornia works per
batch and is left out where it is not installed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision.models import resnet18
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2.functional import to_pil_image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assignment_lib.batches.augment import augment
from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, only

SETTINGS = Augmentation()


def torchvision_transforms(from_pil: bool) -> v2.Compose:
    s = SETTINGS
    bilinear = InterpolationMode.BILINEAR
    return v2.Compose(
        [
            v2.RandomHorizontalFlip(s.flip),
            v2.RandomRotation(s.degrees, bilinear),
            v2.RandomAffine(0, s.translate, s.scale, s.shear, bilinear),
            v2.RandomPerspective(s.distortion, s.perspective, bilinear),
            v2.ColorJitter(s.brightness, s.contrast, s.saturation, s.hue),
            v2.RandomAdjustSharpness(s.sharpness_range[1], s.sharpness),
            *([v2.ToImage()] if from_pil else []),
            v2.ToDtype(torch.float32, scale=True),
            v2.RandomErasing(s.erasing, s.erasing_scale, s.erasing_ratio),
        ]
    )


def kornia_transforms() -> Callable[[torch.Tensor], torch.Tensor] | None:
    try:
        import kornia.augmentation as K
    except ImportError:
        return None
    s = SETTINGS
    return K.AugmentationSequential(
        K.RandomHorizontalFlip(p=s.flip),
        K.RandomRotation(s.degrees, p=s.rotation),
        K.RandomAffine(0.0, s.translate, s.scale, s.shear, p=s.affine),
        K.RandomPerspective(s.distortion, p=s.perspective),
        K.ColorJitter(s.brightness, s.contrast, s.saturation, s.hue, p=s.color_jitter),
        K.RandomSharpness(s.sharpness_range, p=s.sharpness),
        K.RandomErasing(s.erasing_scale, s.erasing_ratio, p=s.erasing),
    )


def training_step(batch: int, size: tuple[int, int], bf16: bool, device: torch.device) -> Callable[[], None]:
    """A step of ResNet-18 with 751 classes and SGD, channels last, on pixels that lie ready."""
    model = resnet18(num_classes=751).to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    images = torch.rand(batch, 3, *size, device=device).contiguous(memory_format=torch.channels_last)
    targets = torch.randint(751, (batch,), device=device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = F.cross_entropy(model(images).float(), targets)
        loss.backward()
        optimizer.step()

    return step


def seconds(function: Callable[[], object], device: torch.device, clock: Callable[[], float]) -> float:
    start = clock()
    function()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def contestants(batch: int, size: tuple[int, int], device: torch.device, steps: bool) -> dict[str, Callable]:
    """Name -> one batch of work."""
    stored = torch.randint(0, 256, (batch, 3, *size), dtype=torch.uint8)
    here, as_pil = stored.to(device), [to_pil_image(image) for image in stored]
    per_sample, per_pil, kornia = torchvision_transforms(False), torchvision_transforms(True), kornia_transforms()
    work = {"ours": partial(augment, here, SETTINGS)}
    for name in TRANSFORMS:
        work[f"ours, only {name}"] = partial(augment, here, only(name))
    work["torchvision v2, tensors"] = lambda: torch.stack([per_sample(image) for image in stored]).to(device)
    work["torchvision v2, PIL"] = lambda: torch.stack([per_pil(image) for image in as_pil]).to(device)
    if kornia is not None:
        work["kornia"] = lambda: kornia(here.float().div_(255))
    if steps:
        work["ResNet-18 step, fp32"] = training_step(batch, size, False, device)
        work["ResNet-18 step, bf16"] = training_step(batch, size, True, device)
    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[torch.get_num_threads()])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 64), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", type=torch.device, default=torch.device("cpu"))
    parser.add_argument("--cpu-time", action="store_true", help="count processor time instead of wall time")
    parser.add_argument("--no-step", dest="steps", action="store_false", help="leave the training steps out")
    arguments = parser.parse_args()
    device, clock = arguments.device, time.process_time if arguments.cpu_time else time.perf_counter
    print(
        f"torch {torch.__version__}, batches of {arguments.batch} of {arguments.size}, {device}, "
        f"{'processor' if arguments.cpu_time else 'wall'} time, {arguments.rounds} rounds"
    )
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        work = contestants(arguments.batch, tuple(arguments.size), device, arguments.steps)
        for function in work.values():
            seconds(function, device, clock)
        rounds = [{name: seconds(work[name], device, clock) for name in work} for _ in range(arguments.rounds)]
        median = {name: statistics.median(one[name] for one in rounds) for name in work}
        best = {name: min(one[name] for one in rounds) for name in work}
        print(f"\n{threads} threads" + " " * 20 + "images/s     ms    best images/s     ms")
        for name in work:
            rates = [f"{arguments.batch / took[name]:8,.0f} {1000 * took[name]:8.1f}" for took in (median, best)]
            print(f"  {name:26s} {'      '.join(rates)}")
        for name in [name for name in work if name.startswith("ResNet")]:
            print(f"  share of a {name}: {median['ours'] / median[name]:.1%}, best {best['ours'] / best[name]:.1%}")


if __name__ == "__main__":
    main()
