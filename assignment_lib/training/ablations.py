"""Ablations: a recipe compared with copies of it that differ in one setting, row by row; and a recipe with several seeds.

Every finished row is a file `<row>-seed<k>/result.json` in the run's ablation folder, so an interrupted run resumes with the
row it was in, and a second process that is started on the same table takes the rows that the first has not begun.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import stats

from assignment_lib import environment, files
from assignment_lib.data.dataset import Dataset, fingerprint
from assignment_lib.evaluation.validation import evaluate
from assignment_lib.models.joint import count_parameters
from assignment_lib.training import assembly, checkpoints, recipes
from assignment_lib.training.assembly import Split, Training
from assignment_lib.training.history import flatten
from assignment_lib.training.recipes import Recipe, changed, flat

BASE = "JointConvNet (the report's final system)"
STRONG_BASE = "the whole recipe"


class Row(NamedTuple):
    """One line of the table: the base recipe with `changes`."""

    group: str
    name: str
    changes: dict[str, Any]
    report: str = ""  # the report's conclusion
    network: str = "joint"  # or "baseline": the network of notebook 03, which predicts attributes only
    short: bool = False  # part of the short table
    size: float = 1.0  # of height and width, as a share of ablation_image_size


_FROM_SCRATCH = "overfits early"
#: The report's system and what the report tried. Slow rows last, so that an interrupted run has most of the table.
ROWS = (
    Row("base", BASE, {}, "kept", short=True),
    Row("network", "JointNet: fully connected heads", {"head": "fc"}, "tried before the convolutional heads"),
    Row("network", "self-attention in heads and embedding", {"head": "attention"}, "an idea for later"),
    Row("network", "same backbone from scratch", {"pretrained": False}, _FROM_SCRATCH, short=True),
    Row("network", "ResNet-18 from scratch", {"backbone": "resnet18", "pretrained": False}, _FROM_SCRATCH),
    Row("network", "MultiHead DenseNet-SE from scratch", {}, _FROM_SCRATCH, "baseline"),
    Row("network", "MultiHead DenseNet, no SE", {"squeeze_excitation": False}, "", "baseline"),
    Row("embedding", "with attribute predictions", {"embedding": "concatenated"}, "worse than plain"),
    Row("embedding", "with re-weighted predictions", {"embedding": "reweighted"}, "worse than plain"),
    Row("attributes", "weighted cross-entropy", {"gamma": 0.0}, "focal is an improvement"),
    Row("attributes", "images drawn evenly", {"sampler": "uniform"}, "weighted sampler kept"),
    Row("attributes", "no augmentation", {"augmentation": "none"}, "augmentation kept"),
    Row("weighting", "uniform sum", {"multitask": "uniform"}, "worse"),
    Row("weighting", "loss-balanced", {"multitask": "balanced"}, "worse"),
    Row("weighting", "dynamic priority", {"multitask": "priority"}, "worse"),
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
    Row("backbone", "ResNet-34 from scratch", {"backbone": "resnet34", "pretrained": False}),
    Row("backbone", "DenseNet-121 from scratch", {"backbone": "densenet121", "pretrained": False}),
    Row("backbone", "ResNet-50 from scratch", {"backbone": "resnet50", "pretrained": False}),
    Row("backbone", "ResNet-18, ImageNet", {"backbone": "resnet18"}, "the report's own, kept"),
    Row("backbone", "ResNet-34, ImageNet", {"backbone": "resnet34"}, "overfits more than ResNet-18"),
    Row("backbone", "ResNet-50, ImageNet", {"backbone": "resnet50"}, "overfits more than ResNet-18"),
    Row("backbone", "DenseNet-121, ImageNet", {"backbone": "densenet121"}),
)

_REPORT_WEIGHTING = {
    "multitask": "uncertainty",
    "class_weighting": 1.0,
    "gamma": 2.0,
    "attribute_scale": 1.0,
}
#: The recipe `strong` without one of its parts; the setting of `report`, or none, replaces it. The row of another image
#: size is last, since it needs images of its own.
STRONG_ROWS = (
    Row("base", STRONG_BASE, {}, short=True),
    Row("network", "no BN neck", {"neck": "none"}, short=True),
    Row("network", "convolutional heads instead of part heads", {"head": "conv"}),
    Row("network", "nothing frozen", {"frozen_stages": -1}),
    Row("network", "from scratch, nothing frozen", {"pretrained": False, "frozen_stages": -1}),
    Row("network", "last stride 1", {"last_stride": 1}),
    Row("data", "the report's weighted sampler", {"sampler": "weighted"}, short=True),
    Row("data", "the report's augmentation", {"augmentation": "report"}),
    Row("data", "no augmentation", {"augmentation": "none"}),
    Row("attributes", "the report's weighting: uncertainty, class weights, focal", _REPORT_WEIGHTING),
    Row("attributes", "no logit adjustment", {"logit_adjustment": 0.0}),
    Row("identity", "no label smoothing", {"label_smoothing": 0.0}),
    Row("identity", "triplets of all kinds", {"triplet_mining": "all"}),
    Row("training", "constant learning rate", {"schedule": "constant"}),
    Row("data", "half the height and width", {}, size=0.5),
)


def rows_of(recipe: Recipe) -> tuple[Row, ...]:
    """The rows of `recipe`, its base first: `STRONG_ROWS` for `strong` and `adapted`, `ROWS` for all others.

    Leaves out a row whose settings the recipe has already: it would measure the base again.
    """
    base, *others = STRONG_ROWS if recipe.name in ("strong", "adapted") else ROWS
    has = flat(recipe)
    differs = [
        row.network != "joint" or row.size != 1 or any(has[name] != value for name, value in row.changes.items())
        for row in others
    ]
    return (base, *(row for row, different in zip(others, differs, strict=True) if different))


def folder_of(row: Row, seed: int, folder: Path) -> Path:
    """Where `row` is trained with `seed`, under `folder`."""
    return folder / (re.sub(r"[^a-z0-9]+", "-", f"{row.group} {row.name}".lower()).strip("-") + f"-seed{seed}")


def row_recipe(base: Recipe, seed: int, row: Row) -> Recipe:
    """`base` with the budget of the ablation table and the changes of `row`.

    The warm-up takes the same share of the epochs as in `base`, and no row stops early.
    """
    epochs = base.ablation.ablation_epochs
    height, width = (round(row.size * side) for side in base.ablation.ablation_image_size)
    budget: dict[str, Any] = {"epochs": epochs, "baseline_epochs": epochs, "patience": epochs}
    budget |= {
        "warmup_epochs": base.training.warmup_epochs * epochs / base.training.epochs,
        "image_size": (height, width),
    }
    return changed(base, seed=seed, **(budget | row.changes))


def measure(
    row: Row,
    seed: int,
    base: Recipe,
    split: Split,
    folder: Path,
    device: torch.device,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train one row on `split`, write its result to `folder` and return it.

    Scores are fractions, of the best epoch by the validation score, in the full validation search.
    `images_per_second` is that of the fastest epoch, since other programs only slow an epoch down.
    """
    recipe, place = row_recipe(base, seed, row), folder_of(row, seed, folder)
    assemble = assembly.baseline if row.network == "baseline" else assembly.joint
    training = assemble(split, recipe, device)
    history = checkpoints.replacing_others(lambda: assembly.run(training, place, log), place)
    scores = final_scores(training, split)
    result = {
        "group": row.group,
        "name": row.name,
        "seed": seed,
        "epochs": recipe.training.epochs,
        "parameters": count_parameters(training.network)["total"],
        "images_per_second": history["images_per_second"].max(),
        "seconds_an_epoch": len(split.train) / history["images_per_second"].max(),
        "acc": scores.get("attributes/average/acc"),
        "macc": scores.get("attributes/average/macc"),
        "mAP": scores.get("reid/mAP"),
        "rank1": scores.get("reid/rank1"),
        "amp": history["amp"].iloc[-1],
        "fingerprint": _marks(recipe, row, split.data_fingerprint),
    }
    files.write_text(place / "result.json", json.dumps(result, indent=1))
    for weights in place.glob("*.pt"):
        weights.unlink(missing_ok=True)  # a hundred rows of tens of megabytes; only the numbers are kept
    return result


def final_scores(training: Training, split: Split) -> dict[str, Any]:
    """The flattened scores of a trained network in the validation search among all distractors."""
    images, table = split.validation_images, split.validation
    return flatten(evaluate(training.network, images, table, split.distractor_images, split.train))


def run(
    data: Dataset,
    base: Recipe,
    folder: Path,
    device: torch.device,
    rows: Iterable[Row] | None = None,
    seeds: Sequence[int] | None = None,
    log: Callable[[str], None] = print,
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Measure `rows`, by default those of `base`, with every seed; returns the results.

    A seed determines the split as well: all rows of one seed have the same people. A row that fails is reported in the log
    and the others continue; so is one that another process is training.
    """
    seeds = range(base.ablation.ablation_seeds) if seeds is None else seeds
    rows = rows_of(base) if rows is None else tuple(rows)
    jobs = [
        (seed, row) for slow in (False, True) for seed in seeds for row in rows if (row.group == "backbone") == slow
    ]
    results: list[dict[str, Any]] = []
    splits: dict[tuple[int, tuple[int, int]], Split] = {}  # of one seed and image size at a time
    offline = False
    for seed, row in files.bar(jobs, "rows", show=progress):
        recipe = row_recipe(base, seed, row)
        downloads = row.network == "joint" and recipe.model.pretrained and recipe.model.backbone != "efficientnet_lite0"
        if offline and downloads:
            continue
        key, path = (seed, recipe.data.image_size), folder_of(row, seed, folder) / "result.json"
        try:
            result = _read(path, _marks(recipe, row, fingerprint(data)), recipe.training.epochs)
            if result is None:
                splits = splits if key in splits else {key: assembly.decoded_split(data, recipe)}
                result = measure(row, seed, base, splits[key], folder, device, log=files.quiet)
        except checkpoints.InUse:
            log(f"skipped, since another process trains it: {row.name}, seed {seed}")
        except Exception as error:  # one failing row must not end a table of many hours
            offline = offline or isinstance(error, ConnectionError)
            log(f"failed: {row.name}, seed {seed}: {type(error).__name__}: {error}")
        else:
            results.append(result)
            log(_line(result))
    return results


def _marks(recipe: Recipe, row: Row, data_fingerprint: str) -> dict[str, Any]:
    return recipes.fingerprint(recipe, data_fingerprint=data_fingerprint, network=row.network)


def _read(path: Path, marks: dict[str, Any], epochs: int) -> dict[str, Any] | None:
    """The result in `path`; None where it is missing, damaged or of other settings, so that the row is measured again."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        same = result["fingerprint"] == marks and result["epochs"] == epochs
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return result if same else None


def _line(result: dict[str, Any]) -> str:
    """A result as a printed line."""
    scores = {"Acc": result["acc"], "mAcc": result["macc"], "mAP": result["mAP"], "rank-1": result["rank1"]}
    shown = "  ".join(f"{name} {100 * value:.1f}" for name, value in scores.items() if value is not None)
    return f"{result['group']}: {result['name']}, seed {result['seed']}:  {shown}"


#: Flattened score -> its column in the table of `repeat`.
SCORES = {
    "attributes/average/acc": "Acc",
    "attributes/average/macc": "mAcc",
    "reid/mAP": "mAP",
    "reid/mAP_representative": "mAP, representative",
    "reid/rank1": "rank-1",
    "reid/among_validation/mAP": "mAP among validation alone",
}


def in_percent(scores: dict[str, Any]) -> dict[str, float]:
    """Those of the flattened `scores` that `SCORES` names, by their label, in percent."""
    return {label: 100 * scores[name] for name, label in SCORES.items() if name in scores}


def repeat(
    data: Dataset,
    settings: environment.Settings,
    seeds: Sequence[int],
    device: torch.device,
    log: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train the JointConvNet of `settings` with every seed, which draws its own validation people and first weights.

    Returns one row per seed: its best epoch, and the scores of the full validation search in percent, then those of each
    task, whose columns are named "attributes/hat/acc". A finished training is not repeated.
    """
    rows = []
    for seed in seeds:
        chosen = replace(settings, seed=seed)
        recipe = recipes.from_settings(chosen)
        split = assembly.decoded_split(data, recipe)
        training = assembly.joint(split, recipe, device)
        history = assembly.run(training, chosen.training_folder("joint"), log)
        scores = final_scores(training, split)
        row = {"Seed": seed, "Epoch": int(history["epoch"][history["score"].idxmax()])}
        of_tasks = {
            name: 100 * value for name, value in scores.items() if name.startswith("attributes/") and name not in SCORES
        }
        rows.append(row | in_percent(scores) | of_tasks)
    return pd.DataFrame(rows)


def mean_and_interval(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and half-width of the 95 % Student interval over the rows of `repeat`: one row per score."""
    labels = [label for label in SCORES.values() if label in runs]
    intervals = [student_interval(runs[label].to_numpy()) for label in labels]
    means, halves = [mean for mean, _, _ in intervals], [high - mean for mean, _, high in intervals]
    return pd.DataFrame({"Figure": labels, "Mean": means, "±": halves})


def student_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of `values` `(n,)` and the ends of its 95 % Student interval, `mean ± t(n - 1) s / sqrt(n)` (Student 1908).

    The ends are NaN for a single value, and all three are for none.
    """
    if len(values) < 2:
        return (float(values[0]) if len(values) else np.nan), np.nan, np.nan
    mean, error = float(np.mean(values)), float(stats.sem(values))
    half = float(stats.t.ppf(0.975, len(values) - 1)) * error
    return mean, mean - half, mean + half
