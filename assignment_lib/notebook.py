"""The settings cell of a notebook: what a person chose is kept for the next notebook; Google Drive and uploads on Colab."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from pathlib import Path
from typing import Any

from assignment_lib import environment
from assignment_lib.environment import Settings
from assignment_lib.files import new_file

#: Where Colab mounts Google Drive, and the folder in it that keeps what a session would lose.
DRIVE = Path("/content/drive")
DRIVE_RUNS = DRIVE / "MyDrive" / "assignment-runs"
#: In the runs folder; holds what a person chose.
KEPT = "settings.json"


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
    """The settings of a notebook: an environment variable, else this cell, else the notebook before, else the defaults.

    What a person gives here is kept in `settings.json` in the runs folder, and what is taken from there is said. `make
    notebooks` neither reads nor writes it, so that what somebody tried does not change what is committed.

    drive: on Colab, mount Google Drive and keep networks and results there, so that they outlive the session.
    upload: on Colab, open a window that uploads an archive to be the data, unless the chosen data is there already.

    Raises `ValueError` where `settings.json` is damaged or nothing was uploaded, `ConnectionError` where Drive is refused.
    """
    given = {"data": data, "recipe": recipe, "backbone": backbone, "pretrained": pretrained, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    if not environment.attended():
        return environment.settings(**given)
    if (drive or upload) and not environment.in_colab():
        print(
            "drive and upload are for Colab; elsewhere results stay in runs/, and data is the path of a folder or archive."
        )
        drive = upload = False
    if drive:
        keep_in_drive()
    kept = _kept()
    if upload and not _is_there((kept | given).get("data")):
        given["data"] = uploaded()
    found = environment.settings(**(kept | given))
    said = [
        f"{name}={value!r}"
        for name, value in kept.items()
        if name not in given and value == getattr(found, name) != getattr(Settings(), name)
    ]
    path = environment.runs_folder() / KEPT
    if said:
        print(f"As chosen before: {', '.join(said)} ({environment.relative(path)}; a value in this cell changes it).")
    if kept | given != kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new_file(path) as file:
            file.write(json.dumps(kept | given, indent=1).encode())
    return found


def keep_in_drive() -> None:
    """Mount Google Drive in Colab and let `environment.runs_folder` be a folder there, unless `ASSIGNMENT_RUNS` is set.

    Raises `ConnectionError` with one sentence where it is not mounted.
    """
    if not (DRIVE / "MyDrive").is_dir():
        try:
            importlib.import_module("google.colab.drive").mount(str(DRIVE))
        except Exception as error:  # Colab's own kinds of error
            raise ConnectionError(
                f"Google Drive is not mounted ({error}); run this cell again and allow it, or take drive=False"
            ) from error
    os.environ["ASSIGNMENT_RUNS"] = environment.setting("RUNS", str(DRIVE_RUNS))
    print(f"Networks and results are kept in {environment.runs_folder()}.")


def uploaded() -> str:
    """Let a person of Colab choose a file of their computer; returns its name in the current folder.

    Raises `ValueError` with one sentence where none was chosen.
    """
    files = importlib.import_module("google.colab.files").upload()
    if not files:
        raise ValueError("nothing was uploaded; run this cell again and choose an archive, or take upload=False")
    return str(next(iter(files)))


def _is_there(data: str | None) -> bool:
    return data is not None and any((folder / data).exists() for folder in (Path.cwd(), environment.DATA_FOLDER))


def _kept() -> dict[str, Any]:
    """What the notebook before kept; nothing without one."""
    path = environment.runs_folder() / KEPT
    if not path.exists():
        return {}
    usual = dataclasses.asdict(Settings())
    try:
        kept = json.loads(path.read_text())
        if not isinstance(kept, dict) or any(type(value) is not type(usual[name]) for name, value in kept.items()):
            raise ValueError
    except (ValueError, KeyError) as error:
        raise ValueError(f"{environment.relative(path)} is not what a settings cell keeps; remove it") from error
    return kept
