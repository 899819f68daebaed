"""Where things are and what they run on: project root, settings, device, AMP dtype, seeding, versions, Colab."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assignment_lib.files import stem

#: The folder that holds assignment_lib/, notebooks/ and figures/.
PROJECT_ROOT = Path(__file__).resolve().parent.parent
DATA_FOLDER = PROJECT_ROOT / "data"
FIGURES_FOLDER = PROJECT_ROOT / "figures"

_PACKAGES = ("torch", "torchvision", "timm", "pytorch-metric-learning", "numpy", "pandas", "scikit-learn", "matplotlib")


class StepAside(Exception):
    """Raised by a notebook that the data has nothing for; shown as its one sentence, and no error to `make notebooks`."""

    def _render_traceback_(self) -> list[str]:  # IPython's own hook
        return [str(self)]


def runs_folder() -> Path:
    """Networks, logs and deliverables: `runs/`, or where `ASSIGNMENT_RUNS` puts them, as on Google Drive in Colab.

    Asked anew each time, since `notebook.settings` may mount the Drive when this module is already imported.
    """
    return Path(setting("RUNS", "") or PROJECT_ROOT / "runs")


def setting(name: str, default: str) -> str:
    """The value of the environment variable `ASSIGNMENT_<name>`, or `default` where it is unset or empty.

    `make notebooks DATA=course.zip` and Colab users set these; the settings cell of each notebook shows them.
    """
    return os.environ.get(f"ASSIGNMENT_{name}") or default


@dataclass(frozen=True)
class Settings:
    """What a person chooses before running the notebooks; every notebook shows its own in one cell."""

    data: str = "synthetic"
    recipe: str = "smoke"
    backbone: str = "efficientnet_lite0"
    pretrained: bool = True
    seed: int = 0

    @property
    def folder(self) -> Path:
        """`runs/<data>-<recipe>/`: checkpoints, logs, metrics.json, deliverables."""
        return runs_folder() / f"{stem(self.data)}-{self.recipe}"

    @property
    def committed(self) -> bool:
        """Whether these are the settings of the notebooks and figures that are part of the project."""
        return self == Settings()

    @property
    def figures(self) -> Path:
        """Where tables and figures go: `figures/` for the committed settings, a folder of the run for all others."""
        return FIGURES_FOLDER if self.committed else self.folder / "figures"

    def training_folder(self, network: str, with_backbone: bool = True) -> Path:
        """Where the network called `network` keeps its checkpoints, history and TensorBoard logs.

        Seed and backbone (for a network that has one) are in its name, so that runs that differ in them do not overwrite
        each other's networks.
        """
        return self.folder / f"{network}{self._backbone if with_backbone else ''}-seed{self.seed}"

    @property
    def ablations(self) -> Path:
        """Where notebook 06 keeps its rows; a base with another backbone, or one from scratch, has its own place."""
        return self.folder / f"ablations{'' if self._backbone == Settings()._backbone else self._backbone}"

    @property
    def _backbone(self) -> str:
        return f"-{self.backbone}{'' if self.pretrained else '-scratch'}"


def settings(**chosen: Any) -> Settings:
    """`Settings(**chosen)`, where the environment variables ASSIGNMENT_DATA, ASSIGNMENT_RECIPE, ... win over `chosen`.

    So `make notebooks RECIPE=report` and a person who edits the settings cell use the same cell (`notebook.settings`).
    """
    given = Settings(**chosen)
    pretrained = setting("PRETRAINED", "yes" if given.pretrained else "no").lower()
    if pretrained not in ("yes", "no"):
        raise ValueError(f"ASSIGNMENT_PRETRAINED is {pretrained!r}; give yes or no")
    seed = setting("SEED", str(given.seed))
    if not seed.isdecimal():
        raise ValueError(f"ASSIGNMENT_SEED is {seed!r}; give a whole number from 0")
    return Settings(
        data=setting("DATA", given.data),
        recipe=setting("RECIPE", given.recipe),
        backbone=setting("BACKBONE", given.backbone),
        pretrained=pretrained == "yes",
        seed=int(seed),
    )


def attended() -> bool:
    """Whether a person runs the notebook, rather than `make notebooks` (which sets ASSIGNMENT_UNATTENDED)."""
    return not setting("UNATTENDED", "")


def in_colab() -> bool:
    """True inside Google Colab."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def device() -> torch.device:
    """CUDA where it is, else the CPU. In Colab without a GPU it prints how to get one."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if in_colab():
        print("No GPU here, so training is slow. Choose Runtime > Change runtime type > T4 GPU, then Run all.")
    return torch.device("cpu")


def amp_dtype(device: torch.device) -> torch.dtype | None:
    """The autocast dtype to train in on `device`, or None for plain float32.

    CUDA: bfloat16 where the GPU has it in hardware (Ampere and later), else float16 (a T4), which needs a GradScaler.
    `is_bf16_supported()` alone also says yes to the slow emulation on a T4. CPU: None; whether bfloat16 pays there
    depends on the network (ResNet-18 gains, depthwise convolutions lose), so it is measured: `training.precision.faster_dtype`.
    """
    if torch.device(device).type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's generators (all devices)."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def versions() -> dict[str, str]:
    """Versions of Python, of the packages that decide a result, and of this code (git commit where there is one)."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    commit = subprocess.run(
        ["git", "-C", str(PROJECT_ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    found["commit"] = commit.stdout.strip() or "unknown"
    return found


def describe() -> str:
    """One line a person reads first: device, then versions of the packages."""
    where = device()
    name = torch.cuda.get_device_name() if where.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    return (
        name
        + " · "
        + " · ".join(f"{package} {version}" for package, version in versions().items() if package != "commit")
    )


def relative(path: str | Path) -> str:
    """`path` as a reader should see it: relative to the project root where it lies inside, else its name only."""
    path = Path(path).resolve()
    return path.relative_to(PROJECT_ROOT).as_posix() if path.is_relative_to(PROJECT_ROOT) else path.name
