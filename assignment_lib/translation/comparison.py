"""Command: trainings with and without people of another data set, equal in everything else.

    python -m assignment_lib.training.commands translation --data course.zip --recipe strong --seeds 0 1 2 3 4

All trainings have the same training and validation people, as many full batches per epoch and, for one seed, the same first
weights. Finished trainings are read, so several processes with different --seeds can share a comparison.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from assignment_lib import dataset, environment, files
from assignment_lib.training import ablations, assembly, checkpoints, commands, recipes
from assignment_lib.training.recipes import Recipe
from assignment_lib.translation import added_people, translator
from assignment_lib.translation.added_people import NOTHING, VARIANTS, Material


def compare(
    material: Material,
    recipe: Recipe,
    folder: Path,
    device: torch.device,
    seeds: Sequence[int],
) -> pd.DataFrame:
    """Train each variant with each seed; return one row per training, which the tables and figures of ablations take.

    Columns are "Group", "Variant", "Seed", "Epochs" and scores of the full validation search after the last epoch, in
    percent. The folder of each training holds `scores.json` with its row and the settings and data that it depends on. If
    these differ now, the row is measured again.
    """
    rows, epochs = [], recipe.training.epochs
    for seed in seeds:
        for variant in VARIANTS:
            seeded, place = recipes.changed(recipe, seed=seed), training_folder(folder, variant, seed)
            marks = recipes.fingerprint(seeded, epochs=epochs, data_fingerprint=material.fingerprints[variant])
            row = _read(place, marks)
            if row is None:
                group = "base" if variant == NOTHING else "another data set"
                row = {"Group": group, "Variant": variant, "Seed": seed, "Epochs": epochs}
                row |= measure(variant, material, seeded, place, device)
                files.write_text(place / "scores.json", json.dumps({"row": row, "settings": marks}, indent=1))
            rows.append(row)
    return pd.DataFrame(rows)


def measure(variant: str, material: Material, recipe: Recipe, folder: Path, device: torch.device) -> dict[str, float]:
    """Train a variant in `folder`, or resume it; return the scores of the last epoch in percent."""
    training = assembly.joint(material.prepared(variant), recipe, device)._replace(validate=None)
    checkpoints.replacing_others(lambda: assembly.run(training, folder), folder)
    return ablations.in_percent(ablations.final_scores(training, material.split))


def _read(folder: Path, marks: dict[str, Any]) -> dict[str, Any] | None:
    """Return the row in `folder`; None if it is missing. A training with other settings or data is removed."""
    try:
        content = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
        checkpoints.require_same(content["settings"], marks, folder)
        return content["row"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):  # also of a damaged file
        print(f"{folder.name} was measured with other settings or data. Measuring it again.")
        shutil.rmtree(folder)
        return None


def training_folder(folder: Path, variant: str, seed: int) -> Path:
    """Return the folder of one training within the folder of the comparison."""
    return ablations.folder_of(ablations.Row("people", variant, {}), seed, folder)


def short(recipe: Recipe, **changes: Any) -> Recipe:
    """Return `recipe` with the epochs, warm-up and image size of the ablations (notebook 06), and further changes.

    `smoke` has one more epoch than there.
    """
    if recipe.name == "smoke":
        changes = {"epochs": 3} | changes
    return ablations.row_recipe(recipe, recipe.seed, ablations.Row("people", NOTHING, changes))


def add_command(subparsers: Any) -> None:
    """Add the command "translation" to the project's command line."""
    parser = subparsers.add_parser("translation", parents=[commands.settings_parser()], help=run.__doc__)
    others = environment.setting("OTHERS", "")
    parser.add_argument("--others", default=others, help="folder or archive of the other data set, else drawn people")
    seeds = [int(seed) for seed in environment.setting("SEEDS", "0 1 2 3 4").split()]
    parser.add_argument("--seeds", type=int, nargs="+", default=seeds)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Compare trainings with and without people of another data set (notebook 07) and print the table."""
    chosen, device = commands.settings_of(given), environment.device()
    recipe = short(recipes.from_settings(chosen))
    split = assembly.decoded_split(dataset.load(chosen.data), recipe)
    drawn = environment.DATA_FOLDER / "others"
    others = dataset.load(given.others) if given.others else added_people.drawn_people(drawn)
    folder, settings = chosen.training_folder("translation"), translator.settings_for(device)
    material = added_people.prepare_material(split, others, folder / "translator", device, settings)
    print(compare(material, recipe, folder, device, given.seeds).to_string(index=False, float_format="%.1f"))
    return 0
