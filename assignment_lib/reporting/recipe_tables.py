"""The recipes beside each other on real people: from their runs to committed numbers, and from these to two tables.

    python -m assignment_lib.reporting.recipe_tables --data course.zip runs/course-report/metrics.json \\
        runs/course-strong/joint-*/history.csv --out docs/recipes_course.csv

The built-in run shows these tables beside its own, since what lies in `runs/` is not part of the project.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.dataset import Dataset, load
from assignment_lib.data.split import split_table
from assignment_lib.evaluation.baselines import attribute_baselines
from assignment_lib.reporting.metrics_file import read_metrics
from assignment_lib.reporting.speed_to_quality import read_history, recipe_and_seed
from assignment_lib.reporting.tables import REPORT_TABLE_1, REPORT_TABLE_2_MAP, recipe_column
from assignment_lib.training.recipes import Recipe

#: What "Figure" says of the rows that are about no task.
REID = "re-ID"
#: Name of a score -> where it stands in the scores; the report's mAP is that of the search among validation images alone.
_REID_SCORES = {
    "mAP": ("mAP",),
    "rank-1": ("rank1",),
    "rank-10": ("rank10",),
    "mINP": ("mINP",),
    "mAP among validation images alone": ("among_validation", "mAP"),
}
_ATTRIBUTE_SCORES = {"Acc": ("acc", "majority_acc"), "mAcc": ("macc", "chance_macc")}


def read_scores(path: Path) -> tuple[str, int, dict[str, Any]]:
    """Recipe, seed and scores of a run: from its `metrics.json`, or from the best epoch of a `history.csv`.

    Scores are `{"attributes": {task: {"acc", "macc"}, …}, "reid": {"mAP", …}}` as fractions. Raises `FileNotFoundError`,
    or `ValueError` naming a file that holds no such scores.
    """
    if path.suffix == ".json":
        content = read_metrics(path)
        scores, whose = content, (content.get("recipe"), content.get("seed"))
    else:
        history, whose = read_history(path), recipe_and_seed(path)
        if "score" not in history or history.empty:
            raise ValueError(f"{path} has no epoch with a score; give the history.csv of a trained network")
        best = history.loc[history["score"].idxmax()]
        scores = _nested(best.filter(regex="^(attributes|reid)/"))
    lacking = [name for name in ("attributes", "reid") if name not in scores]
    if None in whose or lacking:
        raise ValueError(
            f"{path.parent.name}/{path.name} does not hold the scores of notebook 04; run it, or give a history.csv"
        )
    return str(whose[0]), int(whose[1] or 0), scores


def _nested(row: pd.Series) -> dict[str, Any]:
    """`{"reid/mAP": 0.5}` -> `{"reid": {"mAP": 0.5}}`."""
    nested: dict[str, Any] = {}
    for name, value in row.items():
        *outer, last = str(name).split("/")
        place = nested
        for key in outer:
            place = place.setdefault(key, {})
        place[last] = value
    return nested


def baselines_of(data: Dataset, seeds: Sequence[int], validation_share: float) -> list[dict[str, dict[str, float]]]:
    """`attribute_baselines` of the split of each seed, as notebook 04 has them; without decoding an image."""
    splits = [split_table(data.train, validation_share, seed) for seed in seeds]
    targets = [[target_tensor(part) for part in split] for split in splits]
    if any(part is None for split in targets for part in split):
        raise ValueError(f"{data.name} has no annotations, so there is nothing to compare attributes with")
    return [attribute_baselines(train, validation) for train, validation in targets]


def compared(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], baselines: Sequence[Mapping[str, Mapping[str, float]]]
) -> pd.DataFrame:
    """One row a figure, in percent: of what ("Figure": a task, "average" or `REID`), which "Score", and whose.

    `runs` is recipe -> the scores of its seeds (`read_scores`), of which the mean is taken; so it is of `baselines`
    (`baselines_of`), which are the most frequent class's Acc and the mAcc of chance. "report" is what the report published.
    Columns: Figure, Score, baseline, report, and "recipe <name>" for each recipe.
    """
    rows = []
    for task in (*TASKS, "average"):
        for place, (score, (key, of_baseline)) in enumerate(_ATTRIBUTE_SCORES.items()):
            row = {"Figure": task, "Score": score, "baseline": 100 * _mean([of[task][of_baseline] for of in baselines])}
            row |= {"report": REPORT_TABLE_1[task][place]}
            rows.append(row | _of_recipes(runs, ("attributes", task, key)))
    for score, keys in _REID_SCORES.items():
        published = REPORT_TABLE_2_MAP if keys[0] == "among_validation" else None
        row = {"Figure": REID, "Score": score, "baseline": None, "report": published}
        rows.append(row | _of_recipes(runs, ("reid", *keys)))
    return pd.DataFrame(rows)


def _of_recipes(runs: Mapping[str, Sequence[Mapping[str, Any]]], keys: Sequence[str]) -> dict[str, float]:
    return {recipe_column(name): 100 * _mean([_at(scores, keys) for scores in seeds]) for name, seeds in runs.items()}


def _at(scores: Any, keys: Sequence[str]) -> float:
    for key in keys:
        scores = scores[key]
    return float(scores)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def read(path: Path) -> pd.DataFrame:
    """The table of `compared` from the CSV that `main` wrote.

    Raises `FileNotFoundError` and `ValueError`, each with a sentence, where it is not there or is another table.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"{path.name} is not there; write it with python -m assignment_lib.reporting.recipe_tables"
        )
    table = pd.read_csv(path)
    lacking = [name for name in ("Figure", "Score", "baseline", "report") if name not in table]
    if lacking:
        raise ValueError(
            f"{path.name} has no column {', '.join(lacking)}; write it anew with assignment_lib.reporting.recipe_tables"
        )
    return table


def attribute_figures(table: pd.DataFrame) -> pd.DataFrame:
    """The tasks of `table` (of `read`) in the form of `tables.attribute_table`: a row a task, Acc and mAcc of everyone."""
    of_tasks = table[table["Figure"] != REID]
    shown = pd.DataFrame({"Task": of_tasks["Figure"].unique()})
    for score, baseline in {"Acc": "majority", "mAcc": "chance"}.items():
        figures = of_tasks[of_tasks["Score"] == score].set_index("Figure").drop(columns="Score")
        for column in figures:
            label = baseline if column == "baseline" else column
            shown[f"{score} ({label})"] = shown["Task"].map(figures[column]).round(1)
    return shown


def reid_figures(table: pd.DataFrame) -> pd.DataFrame:
    """The re-identification of `table` (of `read`) in the form of `tables.reid_table`: a row a score, a column a recipe."""
    of_reid = table[table["Figure"] == REID].drop(columns=["Figure", "baseline"])
    return of_reid.rename(columns={"Score": "Re-ID"}).round(1).reset_index(drop=True)


def main(arguments: list[str] | None = None) -> int:
    """Write the figures of runs as CSV and print both tables."""
    parser = argparse.ArgumentParser(description="Put the scores of several recipes beside each other, as numbers.")
    parser.add_argument(
        "runs", type=Path, nargs="+", help="metrics.json or history.csv; several seeds of a recipe: the mean"
    )
    parser.add_argument(
        "--data", required=True, help="what they were trained on, for the most frequent class and chance"
    )
    parser.add_argument("--out", type=Path, required=True, help="where the CSV goes")
    given = parser.parse_args(arguments)
    runs: dict[str, dict[int, dict[str, Any]]] = {}
    for path in given.runs:
        recipe, seed, scores = read_scores(path)
        if seed in runs.setdefault(recipe, {}):
            raise ValueError(f"{path} is a second run of {recipe} with seed {seed}; give each seed once")
        runs[recipe][seed] = scores
    seeds = sorted({seed for of_recipe in runs.values() for seed in of_recipe})
    baselines = baselines_of(load(given.data), seeds, Recipe("").data.validation_share)
    table = compared({recipe: list(of_recipe.values()) for recipe, of_recipe in runs.items()}, baselines)
    table.round(3).to_csv(given.out, index=False)
    print({recipe: f"seeds {sorted(of_recipe)}" for recipe, of_recipe in runs.items()})
    print(attribute_figures(table).to_string(index=False))
    print(reid_figures(table).to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
