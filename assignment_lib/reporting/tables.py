"""Tables of a run beside the report's own figures, and their way to CSV, Markdown and LaTeX files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.data.dataset import Dataset

#: Table 1 of the report: task -> accuracy and mean class accuracy on the validation split, in percent.
REPORT_TABLE_1 = {
    "age": (77.8, 41.7),
    "backpack": (81.9, 73.9),
    "bag": (72.2, 54.1),
    "handbag": (91.7, 55.4),
    "clothes": (92.6, 79.1),
    "down": (93.9, 93.1),
    "up": (92.3, 60.2),
    "hair": (80.4, 83.4),
    "hat": (96.5, 62.5),
    "gender": (79.8, 81.1),
    "upcolor": (69.0, 66.2),
    "downcolor": (64.6, 51.0),
    "average": (82.7, 66.8),
}
#: Table 2 of the report: validation mAP in percent.
REPORT_TABLE_2_MAP = 56.3


def data_table(data: Dataset) -> pd.DataFrame:
    """Count images, identities and cameras of the three parts of a data set; "?" where the test is anonymous."""
    rows = []
    for part, table in (("train", data.train), ("query", data.query), ("gallery", data.gallery)):
        people = table.loc[table["pid"] > 0, "pid"].nunique()
        cameras = table.loc[table["camera"] >= 0, "camera"].nunique()
        rows.append({"part": part, "images": len(table), "people": people or "?", "cameras": cameras or "?"})
    return pd.DataFrame(rows)


def people_per_class(table: pd.DataFrame) -> pd.DataFrame:
    """Count the identities and images of each of the 41 classes; `table` has pid and the target columns, a row an image.

    Columns: Task, Class, People, Images. Images without annotations (-1) are not counted.
    """
    rows = [
        {"Task": task, "Class": name, "People": of_class["pid"].nunique(), "Images": len(of_class)}
        for task, classes in TASKS.items()
        for value, name in enumerate(classes)
        for of_class in [table[table[task] == value]]
    ]
    return pd.DataFrame(rows)


def rare_classes(table: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """List the classes with the fewest identities; `table` has the target columns, one row per image.

    Returns at most `most` rows with the columns Class, People, Images; classes that nobody has come first.
    """
    counts = people_per_class(table)
    counts["Class"] = counts.pop("Task") + ": " + counts["Class"]
    return counts.sort_values(["People", "Images"], kind="stable").head(most).reset_index(drop=True)


def absent_classes(table: pd.DataFrame) -> pd.DataFrame:
    """List the tasks of which a class is on no image of `table`, which has the target columns, a row an image.

    Columns: Task, Classes ("3 of 4" occur), Absent (their names, separated by commas). No row where all 41 occur.
    """
    rows = []
    for task, classes in TASKS.items():
        there = set(table[task])
        absent = [name for value, name in enumerate(classes) if value not in there]
        if absent:
            counts = f"{len(classes) - len(absent)} of {len(classes)}"
            rows.append({"Task": task, "Classes": counts, "Absent": ", ".join(absent)})
    return pd.DataFrame(rows, columns=["Task", "Classes", "Absent"])


def attribute_table(
    scores: dict[str, dict[str, float]],
    baselines: dict[str, dict[str, float]] | None = None,
    others: Mapping[str, dict[str, dict[str, float]]] | None = None,
    name: str = "",
) -> pd.DataFrame:
    """Make Table 1: Acc and mAcc of the twelve tasks and their average in percent, the report's figures beside ours.

    "Acc (report)" is what the report published. `name` is the recipe of `scores`: with it, their columns are "Acc (recipe
    strong)" and "mAcc (recipe strong)" rather than "Acc" and "mAcc". `others`, recipe -> scores of the same form on the same
    data (`metrics_file.other_recipes`), stand before them.

    `scores` is task -> `{"acc", "macc"}` as fractions, with an entry "average" (`evaluation.attribute_scores`). With
    `baselines` (`evaluation.baselines.attribute_baselines`), "Acc (majority)" is that of always saying the training
    images' most frequent class, "mAcc (chance)" that of guessing, and "Classes" says how many of a task's classes occur
    among the images scored: mAcc is a mean over those only.
    """
    recipes = {recipe_column(other): of_other for other, of_other in (others or {}).items()} | {
        recipe_column(name): scores
    }

    def columns(label: str, key: str, task: str) -> dict[str, str | float]:
        return {f"{label} ({column})" if column else label: 100 * of[task][key] for column, of in recipes.items()}

    rows = []
    for task, (report_acc, report_macc) in REPORT_TABLE_1.items():
        row: dict[str, str | float] = {"Task": task}
        if baselines is not None:
            classes = len(TASKS[task]) if task in TASKS else N_CLASSES
            row |= {"Classes": f"{baselines[task]['classes']} of {classes}"}
            row |= {"Acc (majority)": 100 * baselines[task]["majority_acc"]}
        row |= {"Acc (report)": report_acc} | columns("Acc", "acc", task)
        if baselines is not None:
            row |= {"mAcc (chance)": 100 * baselines[task]["chance_macc"]}
        rows.append(row | {"mAcc (report)": report_macc} | columns("mAcc", "macc", task))
    return pd.DataFrame(rows).round(1)


def recipe_column(name: str) -> str:
    """What a table calls a recipe, so that it is not taken for the report's published figures; "" stays so."""
    return f"recipe {name}" if name else ""


#: Key in the scores -> what a table calls it.
REID_FIGURES = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "mINP": "mINP"}


def reid_table(
    scores: dict[str, Any],
    untrained: dict[str, Any] | None = None,
    among_validation: dict[str, Any] | None = None,
    others: Mapping[str, dict[str, Any]] | None = None,
    name: str = "",
) -> pd.DataFrame:
    """Make Table 2: mAP, rank-1, rank-5, rank-10 and mINP in percent from fractions; the report gives mAP only.

    `untrained` are the scores of the same search with ImageNet features (`evaluation.baselines.untrained_embeddings`).
    With `among_validation`, the scores of validation images searched for among each other alone, as the report did it,
    `scores` are those of `evaluation.as_test` and their column says so. A column is left out where its scores are None.
    `name` and `others` are as in `attribute_table`: the recipe of `scores`, and the scores of other recipes in the same search.
    """
    search = "" if among_validation is None else " (validation as test)"
    columns = {"untrained ImageNet": untrained}
    columns |= {recipe_column(other) + search: of_other for other, of_other in (others or {}).items()}
    columns |= {(recipe_column(name) or "ours") + search: scores, "among validation images alone": among_validation}
    table = pd.DataFrame({"Re-ID": list(REID_FIGURES.values())})
    for column, figures in columns.items():
        if figures is not None:
            table[column] = [round(100 * figures[key], 1) for key in REID_FIGURES]
    table["report"] = [REPORT_TABLE_2_MAP] + [None] * (len(table) - 1)
    return table


def foretold(validation: dict[str, Any], test: dict[str, Any]) -> pd.DataFrame:
    """Put what the validation said beside what the test gives, in percent; both as `evaluation.scoring` returns them.

    `validation["reid"]` are the figures of `evaluation.as_test`, those of validation images alone in its
    "among_validation"; attributes have one validation figure, which stands under "validation as test". "test - …" are the
    differences in points: how far each of the two lies from the test. Columns and rows whose figures are not there are
    left out.
    """
    rows = []
    reid, alone = validation.get("reid"), validation.get("reid", {}).get("among_validation")
    if reid is not None and "reid" in test:
        for name, label in REID_FIGURES.items():
            row = {"Figure": label, "among validation images alone": alone[name] if alone else np.nan}
            row |= {"validation as test": reid[name], "test": test["reid"][name]}
            if f"{name}_low" in reid:
                row["95 % interval"] = f"{100 * reid[f'{name}_low']:.1f} to {100 * reid[f'{name}_high']:.1f}"
            rows.append(row)
    if "attributes" in validation and "attributes" in test:
        for name, label in {"acc": "Acc", "macc": "mAcc"}.items():
            means = (scores["attributes"]["average"][name] for scores in (validation, test))
            rows.append({"Figure": label, **dict(zip(("validation as test", "test"), means, strict=True))})
    columns = ["Figure", "among validation images alone", "validation as test", "95 % interval", "test"]
    table = pd.DataFrame(rows, columns=columns)
    table["test - among validation"] = table["test"] - table["among validation images alone"]
    table["test - as test"] = table["test"] - table["validation as test"]
    numbers = table.columns.difference(["Figure", "95 % interval"])
    table[numbers] = (100 * table[numbers].astype(float)).round(1)
    return table.dropna(axis=1, how="all")


def save_table(table: pd.DataFrame, name: str, folder: Path, digits: int = 1) -> pd.DataFrame:
    """Write `table` as `name.csv`, `name.md` and `name.tex` into `folder`, which is made if need be.

    Returns it as it should be shown in a cell: numbers with `digits` decimals, nothing where there is no number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{name}.csv", index=False)
    shown = table.astype(object).where(table.notna(), "")
    form = f".{digits}f"
    (folder / f"{name}.md").write_text(shown.to_markdown(index=False, floatfmt=form) + "\n")
    (folder / f"{name}.tex").write_text(table.to_latex(index=False, float_format=f"%{form}", na_rep="", escape=True))
    return shown.map(lambda value: format(value, form) if isinstance(value, float) else value)
