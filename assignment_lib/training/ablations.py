"""A recipe against the same with one thing changed, row by row: notebook 06's tables.

    python -m assignment_lib.training.ablations --data course.zip --recipe report --part 1/2 &
    python -m assignment_lib.training.ablations --data course.zip --recipe report --part 2/2 &

Every finished row is a file `runs/<data>-<recipe>/ablations/<row>-seed<k>/result.json`, so a stopped run goes on with the
row it was in, and several processes can share the rows. `ablation_rows.py` says which rows a recipe has.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from assignment_lib import environment
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.files import new_file
from assignment_lib.models.joint import count_parameters
from assignment_lib.progress import bar, quiet
from assignment_lib.training import assembly, checkpoints
from assignment_lib.training.ablation_rows import Row, rows_of
from assignment_lib.training.assembly import Split
from assignment_lib.training.recipes import Recipe, changed, defaults, fingerprint, recipe


def folder_of(row: Row, seed: int, folder: Path) -> Path:
    """Where `row` with `seed` is trained under `folder`."""
    return folder / (re.sub(r"[^a-z0-9]+", "-", f"{row.group} {row.name}".lower()).strip("-") + f"-seed{seed}")


def measure(
    row: Row,
    seed: int,
    base: Recipe,
    split: Split,
    folder: Path,
    device: torch.device,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train one row on `split` and return its result; one that is already in `folder` is read, not measured again.

    `base` is the recipe that the row changes, with its `ablation_epochs` and `ablation_image_size`. Scores are fractions,
    of the best epoch by the validation score. `images_per_second` is that of the fastest epoch: other work only makes one
    slower.
    """
    recipe = _recipe(base, seed, row)
    place = folder_of(row, seed, folder)
    marks = fingerprint(recipe, data=split.name, images=len(split.train), network=row.network)
    known = _read(place / "result.json", marks, recipe.training.epochs)
    if known is not None:
        return known
    network, history = _train(row, split, recipe, place, device, log)
    best = history.loc[history["score"].idxmax()]
    result = {
        "group": row.group,
        "name": row.name,
        "seed": seed,
        "epochs": recipe.training.epochs,
        "parameters": count_parameters(network)["total"],
        "images_per_second": history["images_per_second"].max(),
        "seconds_an_epoch": len(split.train) / history["images_per_second"].max(),
        "acc": best.get("attributes/average/acc"),
        "macc": best.get("attributes/average/macc"),
        "mAP": best["reid/mAP"],
        "rank1": best["reid/rank1"],
        "amp": best["amp"],
        "fingerprint": marks,
    }
    with new_file(place / "result.json") as file:
        file.write(json.dumps(result, indent=1).encode())
    for weights in place.glob("*.pt"):
        weights.unlink()  # a hundred rows of tens of megabytes; the numbers are what is kept
    return result


def _train(
    row: Row, split: Split, recipe: Recipe, place: Path, device: torch.device, log: Callable[[str], None]
) -> tuple[nn.Module, pd.DataFrame]:
    assemble = assembly.baseline if row.network == "baseline" else assembly.joint
    training = assemble(split, recipe, device)
    try:
        return training.network, assembly.run(training, place, log)
    except checkpoints.OtherRun:
        shutil.rmtree(place)  # a row of an older recipe that was never finished
    training = assemble(split, recipe, device)
    return training.network, assembly.run(training, place, log)


def _recipe(base: Recipe, seed: int, row: Row) -> Recipe:
    """`base` with the budget of the ablation table and the changes of `row`.

    The warm-up takes the share of the epochs that it has in `base`, and no patience ends a row before the others.
    """
    epochs = base.ablation.ablation_epochs
    height, width = (round(row.size * side) for side in base.ablation.ablation_image_size)
    budget: dict[str, Any] = {"epochs": epochs, "baseline_epochs": epochs, "patience": epochs}
    budget |= {"warmup_epochs": base.training.warmup_epochs * epochs / base.training.epochs}
    return changed(base, seed=seed, **(budget | {"image_size": (height, width)} | row.changes))


def _read(path: Path, marks: dict, epochs: int) -> dict | None:
    if not path.exists():
        return None
    result = json.loads(path.read_text())
    theirs, ours = (json.loads(json.dumps(part)) for part in (defaults() | result["fingerprint"], marks))
    return result if theirs == ours and result["epochs"] == epochs else None


def run(
    data: Dataset,
    base: Recipe,
    folder: Path,
    device: torch.device,
    rows: Iterable[Row] | None = None,
    seeds: Sequence[int] | None = None,
    part: tuple[int, int] = (1, 1),
    log: Callable[[str], None] = print,
    progress: bool = False,
) -> list[dict]:
    """Measure `rows`, by default those of `base`, for every seed; returns the results.

    Where n processes share them, `part` = (i, n) takes those of the i-th. A seed is a split as well: every row of one
    seed sees the same people. A row whose ImageNet weights cannot be downloaded, that does not fit into the GPU or whose
    loss is not finite is left out with a line in the log, and so is one that another process is at.
    """
    seeds = range(base.ablation.ablation_seeds) if seeds is None else seeds
    rows = rows_of(base) if rows is None else tuple(rows)
    jobs = [
        (seed, row) for slow in (False, True) for seed in seeds for row in rows if (row.group == "backbone") == slow
    ]
    results: list[dict[str, Any]] = []
    split_of: dict[tuple[int, tuple[int, int]], Split] = {}  # of one seed and image size at a time
    offline = False
    for seed, row in bar(jobs[part[0] - 1 :: part[1]], "rows", show=progress):
        recipe = _recipe(base, seed, row)
        model, images = recipe.model, (seed, recipe.data.image_size)
        downloads = row.network == "joint" and model.pretrained and model.backbone != "efficientnet_lite0"
        if offline and downloads:
            continue
        if images not in split_of:
            split_of = {images: assembly.decoded_split(data, recipe)}
        try:
            result = measure(row, seed, base, split_of[images], folder, device, log=quiet)
        except ConnectionError as error:
            log(f"left out {row.name}: {error}")
            offline = True
            continue
        except checkpoints.InUse:
            log(f"left to the other process that is at it: {row.name}, seed {seed}")
            continue
        except (MemoryError, FloatingPointError) as error:
            log(f"left out {row.name}, seed {seed}: {error}")
            continue
        results.append(result)
        log(_line(result))
    return results


def _line(result: dict) -> str:
    """A result as one printed line, with its speed where a person watches: no run has that of another."""
    scores = {"Acc": result["acc"], "mAcc": result["macc"], "mAP": result["mAP"], "rank-1": result["rank1"]}
    shown = "  ".join(f"{name} {100 * value:.1f}" for name, value in scores.items() if value is not None)
    name = f"{result['group']}: {result['name']}, seed {result['seed']}"
    return f"{name}:  {shown}" + (f"  {result['images_per_second']:.0f} images/s" if environment.attended() else "")


def main(arguments: list[str] | None = None) -> int:
    """Measure the whole table from the command line; notebook 06 then shows it."""
    parser = argparse.ArgumentParser(description="Measure the ablation table; a second call goes on where one stopped.")
    parser.add_argument("--data", default="synthetic", help="synthetic, or an archive or folder (see data/README.md)")
    parser.add_argument("--recipe", default="report")
    parser.add_argument("--seeds", type=int, nargs="*", help="these instead of the recipe's")
    parser.add_argument("--part", default="1/1", help="i/n: this process takes every n-th row, from the i-th")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's ablation_epochs")
    parser.add_argument(
        "--size", type=int, nargs=2, help="height and width instead of the recipe's ablation_image_size"
    )
    parser.add_argument("--short", action="store_true", help="the rows of the short table only")
    given = parser.parse_args(arguments)
    where = replace(environment.settings(), data=given.data, recipe=given.recipe)
    index, count = (int(number) for number in given.part.split("/"))
    device = environment.device()
    changes = {"ablation_epochs": given.epochs, "ablation_image_size": given.size and tuple(given.size)}
    changes = {name: value for name, value in changes.items() if value}
    base = recipe(where.recipe, backbone=where.backbone, pretrained=where.pretrained, **changes)
    rows = [row for row in rows_of(base) if row.short or not given.short]
    run(load(where.data), base, where.ablations, device, rows, given.seeds, (index, count), _say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
