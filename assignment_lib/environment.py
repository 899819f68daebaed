"""Project root, settings, device, AMP dtype, seeding, versions, Colab."""

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

from assignment_lib.files import run_name

#: The folder that holds assignment_lib/, notebooks/ and figures/.
PROJECT_ROOT = Path(__file__).resolve().parent.parent
DATA_FOLDER = PROJECT_ROOT / "data"
FIGURES_FOLDER = PROJECT_ROOT / "figures"
WEIGHTS_FOLDER = PROJECT_ROOT / "weights"

_PACKAGES = ("torch", "torchvision", "timm", "pytorch-metric-learning", "numpy", "pandas", "scikit-learn", "matplotlib")


class SkipNotebook(Exception):
    """Raised by a notebook that does not apply to the data; displayed as one sentence, not an error for `make notebooks`."""

    def _render_traceback_(self) -> list[str]:  # IPython's hook
        return [str(self)]


def runs_folder() -> Path:
    """The folder of networks, logs and output files: `runs/`, or `ASSIGNMENT_RUNS`, which `notebook.settings` may change."""
    return Path(setting("RUNS", "") or PROJECT_ROOT / "runs")


def setting(name: str, default: str) -> str:
    """The environment variable `ASSIGNMENT_<name>`, or `default` where it is unset or empty."""
    return os.environ.get(f"ASSIGNMENT_{name}") or default


def published_weights() -> bool:
    """Whether ASSIGNMENT_WEIGHTS asks for a network of `weights/`. Raises `ValueError` for an invalid value."""
    weights = setting("WEIGHTS", "trained")
    if weights not in ("trained", "published"):
        raise ValueError(f"ASSIGNMENT_WEIGHTS is {weights!r}; set it to trained or published")
    return weights == "published"


def make_paths_absolute() -> None:
    """Make the paths in the settings absolute, for programs that are started in another folder."""
    for name in ("DATA", "GALLERY", "OTHERS", "RUNS"):
        path = setting(name, "")
        if path and path != Settings.data and (name == "RUNS" or Path(path).expanduser().exists()):
            os.environ[f"ASSIGNMENT_{name}"] = str(Path(path).expanduser().resolve())


def find_data(path: str | Path) -> Path | None:
    """The absolute path of a folder or archive, links resolved: `path`, else below `data/`; None where neither exists."""
    path = Path(path).expanduser()
    for candidate in (path, DATA_FOLDER / path):
        if candidate.exists():
            return candidate.resolve()
    return None


@dataclass(frozen=True)
class Settings:
    """The settings that a user chooses in the first cell of a notebook."""

    data: str = "synthetic"
    recipe: str = "smoke"
    backbone: str = "efficientnet_lite0"
    pretrained: bool = True
    seed: int = 0

    @property
    def folder(self) -> Path:
        """`runs/<data>-<recipe>/`: checkpoints, logs, metrics.json and output files. A link counts as its target.

        With published weights the name ends in `-published`, so that they never mix with a network of one's own.
        """
        weights = "-published" if published_weights() else ""
        return runs_folder() / f"{run_name(find_data(self.data) or self.data)}-{self.recipe}{weights}"

    @property
    def committed(self) -> bool:
        """Whether these are the settings of the committed notebooks and figures."""
        return self == Settings() and not published_weights()

    @property
    def figures(self) -> Path:
        """The folder of tables and figures: `figures/` for the committed settings, else a folder of the run."""
        return FIGURES_FOLDER if self.committed else self.folder / "figures"

    def training_folder(self, network: str, with_backbone: bool = True) -> Path:
        """The folder of checkpoints, history and TensorBoard logs of `network`, named by backbone and seed."""
        return self.folder / f"{network}{self._backbone if with_backbone else ''}-seed{self.seed}"

    @property
    def ablations(self) -> Path:
        """The folder of the rows of notebook 06; another backbone, or one from scratch, has its own."""
        return self.folder / f"ablations{'' if self._backbone == Settings()._backbone else self._backbone}"

    @property
    def _backbone(self) -> str:
        return f"-{self.backbone}{'' if self.pretrained else '-scratch'}"


def settings(**values: Any) -> Settings:
    """`Settings(**values)`, overridden by the environment variables ASSIGNMENT_DATA, ASSIGNMENT_RECIPE, ...

    Raises `ValueError` naming a variable with an invalid value.
    """
    cell = Settings(**values)
    pretrained = setting("PRETRAINED", "yes" if cell.pretrained else "no").lower()
    if pretrained not in ("yes", "no"):
        raise ValueError(f"ASSIGNMENT_PRETRAINED is {pretrained!r}; set it to yes or no")
    seed = setting("SEED", str(cell.seed))
    if not seed.isdecimal():
        raise ValueError(f"ASSIGNMENT_SEED is {seed!r}; set it to a whole number from 0")
    recipe = setting("RECIPE", cell.recipe)
    if published_weights() and not (WEIGHTS_FOLDER / f"{recipe}.safetensors").exists():
        names = " or ".join(path.stem for path in sorted(WEIGHTS_FOLDER.glob("*.safetensors")))
        raise ValueError(f"There are no published weights for the recipe {recipe!r}. Set RECIPE to {names}.")
    return Settings(
        data=setting("DATA", cell.data),
        recipe=recipe,
        backbone=setting("BACKBONE", cell.backbone),
        pretrained=pretrained == "yes",
        seed=int(seed),
    )


def attended() -> bool:
    """Whether a person runs the notebook, rather than `make notebooks` (which sets ASSIGNMENT_UNATTENDED)."""
    return not setting("UNATTENDED", "")


def in_colab() -> bool:
    """Whether this is Google Colab."""
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def device() -> torch.device:
    """CUDA if available, else the CPU. On Colab without a GPU it prints how to get one."""
    if in_colab() and not torch.cuda.is_available():
        print("There is no GPU, so training is slow. Choose Runtime > Change runtime type > T4 GPU, then Run all.")
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def amp_dtype(device: torch.device) -> torch.dtype | None:
    """The default autocast dtype for training on `device`; None, float32, on the CPU.

    On CUDA it is bfloat16 where the GPU has it in hardware (a T4 only emulates it), else float16, which needs a GradScaler.
    """
    if torch.device(device).type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def seed_everything(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch (all devices)."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def versions() -> dict[str, str]:
    """Versions of Python, of the packages that affect results, and of this code (git commit, "unknown" without git)."""
    installed = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed[name] = "not installed"
    command = ["git", "-C", str(PROJECT_ROOT), "rev-parse", "--short", "HEAD"]
    try:
        commit = subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).strip()
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        commit = "unknown"
    return installed | {"commit": commit}


def describe() -> str:
    """One line with the device and the versions of the packages."""
    name = torch.cuda.get_device_name() if device().type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    packages = [f"{package} {version}" for package, version in versions().items() if package != "commit"]
    return " · ".join([name, *packages])


def relative(path: str | Path) -> str:
    """`path` relative to the project root if it is inside, else its name only."""
    path = Path(path).resolve()
    return path.relative_to(PROJECT_ROOT).as_posix() if path.is_relative_to(PROJECT_ROOT) else path.name
