"""The same recipe on several splits: a mean, and an interval that other people and other first weights are in.

python -m assignment_lib.training.repeat --data course.zip --recipe report --seeds 0 1 2

A seed draws its own validation people, first weights and batches. What is trained is read, not trained again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from scipy import stats

from assignment_lib import environment
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.training import assembly
from assignment_lib.training.recipes import recipe

#: Column of a history -> its name in the table.
FIGURES = {
    "attributes/average/acc": "Acc",
    "attributes/average/macc": "mAcc",
    "reid/mAP": "mAP",
    "reid/rank1": "rank-1",
    "reid/among_validation/mAP": "mAP among validation alone",
}


def repeat(data: Dataset, where: environment.Settings, seeds: Sequence[int], device: torch.device) -> pd.DataFrame:
    """Train the JointConvNet of `where` once a seed; one row a seed, the scores of its best epoch in percent."""
    rows = []
    for seed in seeds:
        own = replace(where, seed=seed)
        chosen = recipe(own.recipe, backbone=own.backbone, pretrained=own.pretrained, seed=seed)
        training = assembly.joint(assembly.decoded_split(data, chosen), chosen, device)
        history = assembly.run(training, own.training_folder("joint"))
        best = history.loc[history["score"].idxmax()]
        figures = {label: 100 * best[name] for name, label in FIGURES.items() if name in best}
        rows.append({"Seed": seed, "Epoch": int(best["epoch"])} | figures)
    return pd.DataFrame(rows)


def mean_and_interval(runs: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Mean and half-width of Student's t-interval over the rows of `repeat`: one row a figure.

    The half-width is `t * s / sqrt(n)` with n - 1 degrees of freedom, not a number for a single seed.
    """
    n = len(runs)
    factor = stats.t.ppf((1 + level) / 2, n - 1) / n**0.5 if n > 1 else float("nan")
    names = [label for label in FIGURES.values() if label in runs]
    return pd.DataFrame(
        {
            "Figure": names,
            "Mean": [runs[name].mean() for name in names],
            "±": [factor * runs[name].std() for name in names],
        }
    )


def main(arguments: list[str] | None = None) -> int:
    """Train, print both tables and write the rows to `repeats.csv` in the run's folder."""
    parser = argparse.ArgumentParser(description="Train a recipe on several splits and say how far its figures move.")
    parser.add_argument("--data", default="synthetic", help="synthetic, or an archive or folder (see data/README.md)")
    parser.add_argument("--recipe", default="report")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args(arguments)
    where = replace(environment.settings(), data=given.data, recipe=given.recipe)
    runs = repeat(load(where.data), where, given.seeds, environment.device())
    where.folder.mkdir(parents=True, exist_ok=True)
    runs.to_csv(where.folder / "repeats.csv", index=False)
    print(runs.to_string(index=False, float_format="%.1f"))
    print(mean_and_interval(runs).to_string(index=False, float_format="%.1f"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
