"""Train a recipe from the command line, into the folder where notebooks 04 and 05 go on with it.

python -m assignment_lib.training.experiment --data course.zip --recipe report
torchrun --nproc-per-node 2 -m assignment_lib.training.experiment --data course.zip --recipe report     # two GPUs
"""

from __future__ import annotations

import argparse
import sys

from assignment_lib import environment
from assignment_lib.data.dataset import load
from assignment_lib.training import assembly, processes
from assignment_lib.training.recipes import recipe


def settings_parser(description: str) -> argparse.ArgumentParser:
    """A parser of what says which network is meant: `settings_of` makes `Settings` of what it found."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", default="synthetic", help="synthetic, or an archive or folder (see data/README.md)")
    parser.add_argument("--recipe", default="smoke")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--from-scratch", action="store_true", help="without ImageNet weights")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def settings_of(given: argparse.Namespace) -> environment.Settings:
    """The settings that a `settings_parser` was given."""
    return environment.Settings(given.data, given.recipe, given.backbone, not given.from_scratch, given.seed)


def main(arguments: list[str] | None = None) -> int:
    """Train the JointConvNet of a recipe, or go on with it."""
    parser = settings_parser("Train the JointConvNet of a recipe; the notebooks then go on with it.")
    where = settings_of(parser.parse_args(arguments))
    chosen = recipe(where.recipe, backbone=where.backbone, pretrained=where.pretrained, seed=where.seed)
    device = processes.start() or environment.device()
    if processes.rank():
        processes.wait()  # until the first one has unpacked the archive
    data = load(where.data)
    if not processes.rank():
        processes.wait()
    training = assembly.joint(assembly.decoded_split(data, chosen), chosen, device)
    assembly.run(training, where.training_folder("joint"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
