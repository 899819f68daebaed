"""`metrics.json`: the scores, settings and run times of a run, and those of other recipes on the same data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assignment_lib.data.attributes import TASKS
from assignment_lib.environment import Settings
from assignment_lib.reporting.tables import REID_FIGURES

#: The recipes that every run is compared with.
COMPARED = ("report", "strong")


def write_metrics(path: Path, **content: Any) -> None:
    """Write `content` to `path`; fields that an earlier notebook of the same run wrote stay unless they are given anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | content, indent=2) + "\n")


def read_metrics(path: Path) -> dict[str, Any]:
    """What `write_metrics` wrote, with whole "attributes", "reid" and "test" where they are there.

    Raises `FileNotFoundError` where there is no such file, `ValueError` naming the file where it is damaged.
    """
    try:
        content = json.loads(path.read_text())
        if not isinstance(content, dict):
            raise TypeError("no object")
        for scores in (content, content.get("test", {})):
            for name in ("attributes", "reid"):
                if name in scores:
                    _check(scores[name], of_attributes=name == "attributes")
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path.parent.name}/{path.name} is damaged ({type(error).__name__}: {error}); remove it and run notebooks 04 "
            "and 05 again"
        ) from error
    return content


def _check(scores: Any, of_attributes: bool) -> None:
    if of_attributes:
        numbers = [scores[task][key] for task in (*TASKS, "average") for key in ("acc", "macc")]
    else:
        numbers = [scores[name] for name in REID_FIGURES]
    if not all(isinstance(number, int | float) and 0 <= number <= 1 for number in numbers):
        raise ValueError("a score is no number between 0 and 1")


def other_recipes(settings: Settings, log: Callable[[str], None] = print) -> dict[str, dict[str, Any]]:
    """What the recipes of `COMPARED` other than this run's reached on the same data: recipe -> its `metrics.json`.

    A run counts where seed, backbone and weights are those of `settings`: another seed has other validation people. One
    that is missing, damaged or of other settings is left out with a sentence to `log`. The committed settings are compared
    with nothing, so that their tables do not depend on what lies in `runs/`.
    """
    found: dict[str, dict[str, Any]] = {}
    if settings.committed:
        return found
    for name in COMPARED:
        if name == settings.recipe:
            continue
        path = replace(settings, recipe=name).folder / "metrics.json"
        try:
            content = read_metrics(path)
        except FileNotFoundError:
            log(
                f"{name} was not run on this data; run the notebooks with RECIPE={name} to have it beside {settings.recipe}"
            )
            continue
        except ValueError as error:
            log(f"without {name}: {error}")
            continue
        if "recipe" not in content:
            log(f"without {name}: notebook 04 has written nothing to its metrics.json; run it with RECIPE={name}")
            continue
        wanted = {"seed": settings.seed, "backbone": settings.backbone, "pretrained": settings.pretrained}
        theirs = {key: content.get(key) for key in wanted}
        if theirs == wanted:
            found[name] = content
        else:
            differs = ", ".join(
                f"{key} {theirs[key]}, not {wanted[key]}" for key in wanted if theirs[key] != wanted[key]
            )
            log(f"without {name}: its metrics.json is of other settings ({differs})")
    return found


def part(metrics: Mapping[str, dict[str, Any]], *keys: str) -> dict[str, dict[str, Any]]:
    """Recipe -> `content[keys[0]][keys[1]]…` of `other_recipes`, of those that have it: `part(others, "test", "reid")`."""
    found: dict[str, dict[str, Any]] = {}
    for name, content in metrics.items():
        value: Any = content
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            found[name] = value
    return found
