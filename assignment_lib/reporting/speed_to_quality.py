"""How soon a recipe reaches the figure at which another one ends: from the histories of their trainings, as numbers.

    python -m assignment_lib.reporting.speed_to_quality runs/course-report/joint-*/history.csv \\
        runs/course-strong/joint-*/history.csv --out docs/speed_course.csv

The file holds no more than the numbers that `plots.speed_to_quality` draws, a row an epoch.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

COLUMNS = ["recipe", "seed", "epoch", "minutes", "mAP", "mAcc", "acc"]
#: Column of a history -> its name here.
_SCORES = {"reid/mAP": "mAP", "attributes/average/macc": "mAcc", "attributes/average/acc": "acc"}


def epochs(history: pd.DataFrame, recipe: str, seed: int) -> pd.DataFrame:
    """The epochs of one training with the columns `COLUMNS`, from a history as `loop.fit` returns it.

    "minutes" are those from the beginning to the end of the epoch, its validation included, as the history has them;
    pauses between two sittings are not counted. Scores are in percent, of validation as test; mAcc and acc are empty
    where nothing was learned of attributes. Raises `ValueError` where the history has no epoch, time or mAP.
    """
    lacking = [name for name in ("epoch", "seconds", "reid/mAP") if name not in history]
    if lacking or history.empty:
        what = f"no column {', '.join(lacking)}" if lacking else "no epoch"
        raise ValueError(f"the history of {recipe}, seed {seed}, has {what}; take the history.csv of a joint network")
    table = pd.DataFrame({"recipe": recipe, "seed": seed, "epoch": history["epoch"].astype(int)})
    table["minutes"] = history["seconds"].cumsum() / 60
    for column, name in _SCORES.items():
        table[name] = 100 * history[column] if column in history else float("nan")
    return table[COLUMNS]


def recipe_and_seed(path: Path) -> tuple[str, int]:
    """Those of `runs/<data>-<recipe>/joint-…-seed<k>/history.csv`; `ValueError` where the folders are named otherwise."""
    seed = re.search(r"-seed(\d+)$", path.resolve().parent.name)
    recipe = re.search(r"-([^-]+)$", path.resolve().parent.parent.name)
    if not seed or not recipe:
        raise ValueError(f"{path} does not lie in <data>-<recipe>/joint-<backbone>-seed<k>/; give such a history.csv")
    return recipe[1], int(seed[1])


def read_history(path: Path) -> pd.DataFrame:
    """The `history.csv` of a training; raises `ValueError` with one sentence for a file that is no table."""
    try:
        return pd.read_csv(path)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read as a table ({error}); train that network anew") from error


def read_histories(paths: Iterable[Path]) -> pd.DataFrame:
    """The epochs of several trainings, one below the other; `paths` are `runs/<data>-<recipe>/joint-…-seed<k>/history.csv`.

    Recipe and seed are those of the folders' names, which have to be so; raises `ValueError` naming the first that is not,
    and one that is no such table.
    """
    tables = []
    for path in paths:
        recipe, seed = recipe_and_seed(path)
        tables.append(epochs(read_history(path), recipe, seed))
    if not tables:
        raise ValueError("no history.csv was named; give at least one of each recipe")
    return pd.concat(tables, ignore_index=True)


def read(path: Path) -> pd.DataFrame:
    """What `write` wrote; raises `ValueError` naming the columns that are missing."""
    table = pd.read_csv(path)
    lacking = [name for name in COLUMNS if name not in table]
    if lacking:
        raise ValueError(f"{path} has no column {', '.join(lacking)}; write it anew with reporting.speed_to_quality")
    return table[COLUMNS]


def write(runs: pd.DataFrame, path: Path) -> None:
    """Write `runs` as CSV, in hundredths of a minute and thousandths of a percent."""
    runs[COLUMNS].round({"minutes": 2, "mAP": 3, "mAcc": 3, "acc": 3}).to_csv(path, index=False)


def final(runs: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """Where each training of `recipe` ends up: the row of its kept epoch, that of the best mean of mAP and mAcc.

    Columns: seed, epoch, minutes (to the end of that epoch), mAP, and total (the minutes of the whole training). Raises
    `ValueError` where `runs` has no such recipe.
    """
    of = runs[runs["recipe"] == recipe].reset_index(drop=True)  # `runs` may be several tables put together
    if of.empty:
        raise ValueError(f"there is no training of {recipe!r}, only of {', '.join(map(repr, runs['recipe'].unique()))}")
    score = of[["mAP", "mAcc"]].mean(axis=1)  # of mAP alone where there are no attributes
    kept = of.loc[score.groupby(of["seed"]).idxmax(), ["seed", "epoch", "minutes", "mAP"]]
    return kept.assign(total=kept["seed"].map(of.groupby("seed")["minutes"].max())).reset_index(drop=True)


def passing(runs: pd.DataFrame, reference: str = "report") -> pd.DataFrame:
    """When each training of another recipe first reaches the final mAP of `reference`: a row a training.

    A seed is a split too, so a training is held against the reference's of the same seed, on the same people; where there
    is none, against the mean of all. Columns: recipe, seed, "final mAP" (the reference's) and "of" (the minutes that the
    reference took to reach it: to the end of its kept epoch, not to the end of its patience), then epoch, minutes and mAP
    of the first epoch at or above that figure, and share = minutes / of; these are empty where it never gets there.
    """
    ends = final(runs, reference).set_index("seed")
    rows = []
    for (recipe, seed), of in runs[runs["recipe"] != reference].groupby(["recipe", "seed"], sort=False):
        mark, within = ends[["mAP", "minutes"]].mean() if seed not in ends.index else ends.loc[seed, ["mAP", "minutes"]]
        row = {"recipe": recipe, "seed": seed, "final mAP": mark, "of": within}
        there = of[of["mAP"] >= mark]
        if len(there):
            first = there.iloc[there["minutes"].argmin()]
            row |= first[["epoch", "minutes", "mAP"]].to_dict() | {"share": first["minutes"] / within}
        rows.append(row)
    return pd.DataFrame(rows, columns=["recipe", "seed", "final mAP", "of", "epoch", "minutes", "mAP", "share"])


def sentence(passed: pd.DataFrame, recipe: str, reference: str = "report") -> str:
    """`passed` (of `passing`) in words: "strong passes report's final mAP after 12 of 36 minutes"."""
    of = passed[passed["recipe"] == recipe]
    there = of.dropna(subset=["minutes"])
    if there.empty:
        return f"{recipe} does not reach {reference}'s final mAP"
    seeds = ""
    if len(of) > 1:
        seeds = f" (mean of {len(of)} seeds)" if len(there) == len(of) else f" (in {len(there)} of {len(of)} seeds)"
    minutes = " of ".join(f"{there[column].mean():.0f}" for column in ("minutes", "of"))
    return f"{recipe} passes {reference}'s final mAP after {minutes} minutes{seeds}"


def main(arguments: list[str] | None = None) -> int:
    """Write the numbers of trainings to a CSV and print when one passes the other."""
    parser = argparse.ArgumentParser(description="How soon a recipe reaches the figure at which another one ends.")
    parser.add_argument(
        "histories", type=Path, nargs="+", help="runs/<data>-<recipe>/joint-<backbone>-seed<k>/history.csv"
    )
    parser.add_argument("--reference", default="report", help="the recipe whose final mAP is to be reached")
    parser.add_argument("--out", type=Path, help="where the CSV goes; without it, it is not written")
    given = parser.parse_args(arguments)
    runs = read_histories(given.histories)
    passed = passing(runs, given.reference)
    if given.out:
        write(runs, given.out)
    print(final(runs, given.reference).to_string(index=False, float_format="%.1f"))
    print(passed.to_string(index=False, float_format="%.2f"))
    for recipe in passed["recipe"].unique():
        print(sentence(passed, recipe, given.reference))
    return 0


if __name__ == "__main__":
    sys.exit(main())
