"""What the report tried, each against the same network with one thing changed: notebook 06's table.

    python -m assignment_lib.training.ablations --data course.zip --recipe report --part 1/2 &
    python -m assignment_lib.training.ablations --data course.zip --recipe report --part 2/2 &

Every finished row is a file `runs/<data>-<recipe>/ablations/<row>-seed<k>/result.json`, so a stopped run goes on with the
row it was in, and several processes can share the rows.
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
from typing import NamedTuple

import pandas as pd
import torch

from assignment_lib import environment
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.files import new_file
from assignment_lib.models.joint import count_parameters
from assignment_lib.progress import quiet
from assignment_lib.training import checkpoints
from assignment_lib.training.experiment import Split, decoded_split, train_baseline, train_joint
from assignment_lib.training.recipes import Recipe, fingerprint, recipe

BASE = "JointConvNet (the report's final system)"


class Row(NamedTuple):
    """One line of the table: the base recipe with `changes`."""

    group: str
    name: str
    changes: dict
    report: str = ""  # what the report says of it
    network: str = "joint"  # or "baseline": notebook 03's network, which recognises attributes only
    short: bool = False  # a part of the short table


#: Slow ones last, so that a run that is stopped has most of the table.
ROWS = (
    Row("base", BASE, {}, "kept", short=True),
    Row("network", "JointNet: fully connected heads", {"head": "fc"}, "tried before the convolutional heads"),
    Row("network", "self-attention in heads and embedding", {"head": "attention"}, "an idea for later"),
    Row("network", "same backbone from scratch", {"pretrained": False}, "overfits early", short=True),
    Row("network", "ResNet-18 from scratch", {"backbone": "resnet18", "pretrained": False}, "overfits early"),
    Row("network", "MultiHead DenseNet-SE from scratch", {}, "overfits early", "baseline"),
    Row("network", "MultiHead DenseNet, no SE", {"squeeze_excitation": False}, "", "baseline"),
    Row("embedding", "with attribute predictions", {"embedding": "concatenated"}, "worse than plain"),
    Row("embedding", "with re-weighted predictions", {"embedding": "reweighted"}, "worse than plain"),
    Row("attributes", "weighted cross-entropy", {"gamma": 0.0}, "focal is an improvement"),
    Row("attributes", "images drawn evenly", {"sampler": "uniform"}, "weighted sampler kept"),
    Row("attributes", "no augmentation", {"augment": False}, "augmentation kept"),
    Row("weighting", "uniform sum", {"attribute_multitask": "uniform", "total_multitask": "uniform"}, "worse"),
    Row("weighting", "loss-balanced", {"attribute_multitask": "balanced", "total_multitask": "balanced"}, "worse"),
    Row("weighting", "dynamic priority", {"attribute_multitask": "priority", "total_multitask": "priority"}, "worse"),
    Row("identity", "PID cross-entropy alone", {"identity_loss": "none"}, "triplet added with success"),
    Row("identity", "triplet alone", {"pid_loss": False}, "not what was expected", short=True),
    Row("identity", "PID + semi-hard triplets", {"triplet_mining": "semihard"}),
    Row("identity", "PID + batch-hard triplets", {"triplet_mining": "hard"}),
    Row("identity", "PID + batch-hard from 16 x 4 images", {"triplet_mining": "hard", "sampler": "identities"}),
    Row("identity", "PID + centroid triplets", {"identity_loss": "centroid"}, "worse"),
    Row("identity", "PID + center loss", {"identity_loss": "center"}, "worse"),
    Row("identity", "PID + island loss", {"identity_loss": "island"}, "worse"),
    Row("tasks", "attributes alone", {"pid_loss": False, "identity_loss": "none"}, "PID loss regularises both"),
    Row("tasks", "re-identification alone", {"attribute_losses": False}, "both together are better"),
    Row("training", "cosine schedule", {"schedule": "cosine"}, "no gain"),
    Row("training", "warm-up, then cosine", {"schedule": "cosine", "warmup_epochs": 0.5}, "no gain"),
    Row("training", "no weight decay", {"weight_decay": 0.0}, "weight decay kept"),
    Row("training", "no dropout", {"dropout": 0.0}, "dropout kept"),
    Row("training", "average of the weights", {"ema_decay": 0.98}),
    Row("backbone", "ResNet-34 from scratch", {"backbone": "resnet34", "pretrained": False}),
    Row("backbone", "DenseNet-121 from scratch", {"backbone": "densenet121", "pretrained": False}),
    Row("backbone", "ResNet-50 from scratch", {"backbone": "resnet50", "pretrained": False}),
    Row("backbone", "ResNet-18, ImageNet", {"backbone": "resnet18"}, "the report's own, kept"),
    Row("backbone", "ResNet-34, ImageNet", {"backbone": "resnet34"}, "overfits more than ResNet-18"),
    Row("backbone", "ResNet-50, ImageNet", {"backbone": "resnet50"}, "overfits more than ResNet-18"),
    Row("backbone", "DenseNet-121, ImageNet", {"backbone": "densenet121"}),
)


def folder_of(row: Row, seed: int, folder: Path) -> Path:
    """Where `row` with `seed` is trained under `folder`."""
    return folder / (re.sub(r"[^a-z0-9]+", "-", f"{row.group} {row.name}".lower()).strip("-") + f"-seed{seed}")


def measure(row: Row, seed: int, base: Recipe, split: Split, folder: Path, device: torch.device, log=print) -> dict:
    """Train one row on `split` and return its result; one that is already in `folder` is read, not measured again.

    `base` is the recipe that the row changes, with its `ablation_epochs` and `ablation_image_size`. Scores are fractions,
    of the best epoch by the validation score. `images_per_second` is that of the fastest epoch: other work only makes one
    slower.
    """
    settings = _settings(base, seed, **row.changes)
    place = folder_of(row, seed, folder)
    marks = fingerprint(settings, data=split.name, images=len(split.train), network=row.network)
    known = _read(place / "result.json", marks, settings.epochs)
    if known is not None:
        return known
    train = train_baseline if row.network == "baseline" else train_joint
    try:
        trained = train(split, settings, place, device, log)
    except checkpoints.OtherRun:
        shutil.rmtree(place)  # a row of an older recipe that was never finished
        trained = train(split, settings, place, device, log)
    history = trained.history
    best = history.loc[history["score"].idxmax()]
    result = {
        "group": row.group,
        "name": row.name,
        "seed": seed,
        "epochs": settings.epochs,
        "parameters": count_parameters(trained.network)["total"],
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


def _settings(base: Recipe, seed: int, **changes) -> Recipe:
    budget = {"epochs": base.ablation_epochs, "baseline_epochs": base.ablation_epochs}
    return replace(base, seed=seed, image_size=base.ablation_image_size, **budget, **changes)


def _read(path: Path, marks: dict, epochs: int) -> dict | None:
    if not path.exists():
        return None
    result = json.loads(path.read_text())
    same = result["fingerprint"] == json.loads(json.dumps(marks)) and result["epochs"] == epochs
    return result if same else None


def run(
    data: Dataset,
    base: Recipe,
    folder: Path,
    device: torch.device,
    rows: Iterable[Row] = ROWS,
    seeds: Sequence[int] | None = None,
    part: tuple[int, int] = (1, 1),
    log: Callable[[str], None] = print,
) -> list[dict]:
    """Measure `rows` for every seed, those of `part` = (i, n) where n processes share them; returns the results.

    A seed is a split as well: every row of one seed sees the same persons. A row whose ImageNet weights cannot be
    downloaded, that does not fit into the GPU or whose loss is not finite is left out with a line in the log, and so is one
    that another process is at.
    """
    seeds = range(base.ablation_seeds) if seeds is None else seeds
    jobs = [
        (seed, row) for slow in (False, True) for seed in seeds for row in rows if (row.group == "backbone") == slow
    ]
    results, split, split_seed, offline = [], None, None, False
    for seed, row in jobs[part[0] - 1 :: part[1]]:
        settings = _settings(base, seed, **row.changes)
        downloads = row.network == "joint" and settings.pretrained and settings.backbone != "efficientnet_lite0"
        if offline and downloads:
            continue
        if split_seed != seed:
            split, split_seed = decoded_split(data, _settings(base, seed)), seed
        try:
            result = measure(row, seed, base, split, folder, device, log=quiet)
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


def results_table(results: Sequence[dict]) -> pd.DataFrame:
    """One row a result, percent: what is kept as `ablation_runs.csv`, from which `table` makes the means."""
    columns = {"acc": "Acc", "macc": "mAcc", "mAP": "mAP", "rank1": "rank-1"}
    rows = [
        {
            "Group": result["group"],
            "Variant": result["name"],
            "Seed": result["seed"],
            "Epochs": result["epochs"],
            "Parameters (M)": result["parameters"] / 1e6,
            "Seconds an epoch": result["seconds_an_epoch"],
        }
        | {label: None if result[name] is None else 100 * result[name] for name, label in columns.items()}
        for result in results
    ]
    return pd.DataFrame(rows)


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """The means over the seeds, and how far apart they are: one row a variant, in the order they come in `runs`.

    "± mAP" and "± mAcc" are standard deviations over the seeds. "mAP - base" is the mean of the differences from the base
    with the same seed, that is on the same persons; "better in" counts the seeds in which the variant wins.
    """
    base = runs[runs["Variant"] == BASE].set_index("Seed")
    rows = []
    for (group, variant), of_row in runs.groupby(["Group", "Variant"], sort=False):
        means = of_row[["Parameters (M)", "Acc", "mAcc", "mAP", "rank-1"]].mean()
        row = {"Group": group, "Variant": variant, "Parameters (M)": means["Parameters (M)"]}
        row |= {"Seconds an epoch": of_row["Seconds an epoch"].min()}
        row |= {"Acc": means["Acc"], "mAcc": means["mAcc"], "± mAcc": of_row["mAcc"].std()}
        row |= {"mAP": means["mAP"], "± mAP": of_row["mAP"].std(), "rank-1": means["rank-1"], "Seeds": len(of_row)}
        for score in ("mAcc", "mAP"):
            difference = (of_row.set_index("Seed")[score] - base[score]).dropna()
            if variant != BASE and len(difference):
                row[f"{score} - base"] = difference.mean()
                row[f"{score} better in"] = f"{(difference > 0).sum()} of {len(difference)}"
        rows.append(row)
    return pd.DataFrame(rows)


def verdicts(means: pd.DataFrame) -> pd.DataFrame:
    """What the report says of each variant beside what `table` shows: "better" or "worse" where every seed agrees."""
    says = {(row.group, row.name): row.report for row in ROWS}
    rows = []
    for _, row in means.iterrows():
        said = says.get((row["Group"], row["Variant"]), "")
        if row["Variant"] == BASE or not said:
            continue
        found = {
            score: _verdict(row.get(f"{score} - base"), row.get(f"{score} better in")) for score in ("mAP", "mAcc")
        }
        rows.append({"Variant": row["Variant"], "Report": said, "mAP here": found["mAP"], "mAcc here": found["mAcc"]})
    return pd.DataFrame(rows)


def _verdict(difference, better_in) -> str:
    if pd.isna(difference):
        return ""
    wins, seeds = (int(number) for number in better_in.split(" of "))
    word = "better" if wins == seeds else "worse" if wins == 0 and difference < 0 else "seeds disagree"
    return f"{word} ({difference:+.1f})"


def _line(result: dict) -> str:
    scores = {"Acc": result["acc"], "mAcc": result["macc"], "mAP": result["mAP"], "rank-1": result["rank1"]}
    shown = "  ".join(f"{name} {100 * value:.1f}" for name, value in scores.items() if value is not None)
    name = f"{result['group']}: {result['name']}, seed {result['seed']}"
    return f"{name}:  {shown}  {result['images_per_second']:.0f} images/s"


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
    rows = [row for row in ROWS if row.short or not given.short]
    device = environment.device()
    changes = {"ablation_epochs": given.epochs, "ablation_image_size": given.size and tuple(given.size)}
    changes = {name: value for name, value in changes.items() if value}
    base = recipe(where.recipe, backbone=where.backbone, pretrained=where.pretrained, **changes)
    run(load(where.data), base, where.ablations, device, rows, given.seeds, (index, count), _say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
