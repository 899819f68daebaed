"""The settings cell of a notebook, whose values the next notebook takes over; Google Drive and uploads on Colab."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from pathlib import Path
from typing import Any

from assignment_lib import environment
from assignment_lib.environment import Settings
from assignment_lib.files import write_text

#: The mount point of Google Drive on Colab.
DRIVE = Path("/content/drive")


def settings(
    data: str | None = None,
    recipe: str | None = None,
    backbone: str | None = None,
    pretrained: bool | None = None,
    seed: int | None = None,
    *,
    drive: bool = False,
    upload: bool = False,
) -> Settings:
    """The settings of a notebook: environment variables, else this cell, else the previous notebook, else the defaults.

    The given values are stored in `settings.json` in the runs folder; values taken from there are printed. `make notebooks`
    neither reads nor writes that file.

    drive: on Colab, mount Google Drive and keep networks and results there, so they outlive the session.
    upload: on Colab, upload an archive from the user's computer as data, unless the chosen data exists already.

    Raises `ValueError` where `settings.json` is damaged or nothing was uploaded, `ConnectionError` where Drive is refused.
    """
    given = {"data": data, "recipe": recipe, "backbone": backbone, "pretrained": pretrained, "seed": seed}
    values = {name: value for name, value in given.items() if value is not None}
    if not environment.attended():
        return environment.settings(**values)
    if (drive or upload) and not environment.in_colab():
        print("drive and upload work on Colab only. Elsewhere, results are in runs/, and data is a folder or archive.")
        drive = upload = False
    if drive:
        use_drive()
    path = environment.runs_folder() / "settings.json"
    stored = _stored_settings(path)
    merged = stored | values
    if upload and not ("data" in merged and environment.find_data(merged["data"])):
        merged["data"] = values["data"] = upload_archive()
    chosen = environment.settings(**merged)
    changed = {
        name: value for name, value in stored.items() if value == getattr(chosen, name) != getattr(Settings(), name)
    }
    reused = ", ".join(f"{name}={value!r}" for name, value in changed.items() if name not in values)
    if reused:
        print(f"From the previous notebook: {reused} ({environment.relative(path)}; set a value to change it).")
    if merged != stored:
        write_text(path, json.dumps(merged, indent=1))
    return chosen


def use_drive() -> None:
    """Mount Google Drive on Colab and use a folder there as `environment.runs_folder`, unless `ASSIGNMENT_RUNS` is set.

    Raises `ConnectionError` where mounting fails.
    """
    if not (DRIVE / "MyDrive").is_dir():
        try:
            importlib.import_module("google.colab.drive").mount(str(DRIVE))
        except Exception as error:  # Colab has its own exceptions
            raise ConnectionError(
                f"Google Drive was not mounted ({error}); run this cell again and allow access, or pass drive=False"
            ) from error
    os.environ["ASSIGNMENT_RUNS"] = environment.setting("RUNS", str(DRIVE / "MyDrive" / "assignment-runs"))
    print(f"Networks and results are stored in {environment.runs_folder()}.")


def upload_archive() -> str:
    """Upload a file from the user's computer to Colab; returns its name in the current folder.

    Raises `ValueError` where no file was chosen.
    """
    files = importlib.import_module("google.colab.files").upload()
    if not files:
        raise ValueError("nothing was uploaded; run this cell again and choose an archive, or pass upload=False")
    return str(next(iter(files)))


def _stored_settings(path: Path) -> dict[str, Any]:
    """The stored settings; empty if there are none."""
    if not path.exists():
        return {}
    kinds = {name: type(value) for name, value in dataclasses.asdict(Settings()).items()}
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if not all(type(value) is kinds[name] for name, value in stored.items()):
            raise ValueError
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{environment.relative(path)} is damaged; remove it") from error
    return dict(stored)
