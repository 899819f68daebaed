"""Notebook 04's network for a notebook that is opened before it: trained there and then, and kept as notebook 04's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from assignment_lib.data.dataset import Dataset
from assignment_lib.environment import relative
from assignment_lib.models.joint import JointConvNet
from assignment_lib.training import assembly, parts
from assignment_lib.training.recipes import Recipe


def is_trained(folder: Path) -> bool:
    """Whether `folder` holds a network whose training, where it was here, came to its end."""
    return (folder / "best.pt").exists() and not _broke_off(folder)


def _broke_off(folder: Path) -> bool:
    return (folder / "last.pt").exists() and not (folder / "finished.txt").exists()


def trained_network(
    data: Dataset, recipe: Recipe, folder: Path, device: torch.device, log: Callable[[str], None] = print
) -> tuple[JointConvNet, Recipe]:
    """`parts.trained_network(folder)`; where `folder` holds no network, or one whose training broke off, it is trained first.

    The training is that of notebook 04, with the same numbers, and notebook 04 finds it done. Only where something is
    trained do `data` and `recipe` matter: a network that is there comes with its own recipe. Raises what `assembly.run` and
    `parts.trained_network` raise.
    """
    if not is_trained(folder):
        state = "is not trained to its end" if _broke_off(folder) else "is not there yet"
        log(f"The network of notebook 4 {state}: it is trained here, into {relative(folder)}, as notebook 4 would.")
        split = assembly.decoded_split(data, recipe, progress=True)
        assembly.run(assembly.joint(split, recipe, device), folder, log)
    return parts.trained_network(folder)
