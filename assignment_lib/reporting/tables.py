"""Tables of a run next to the report's published figures, the tables of the ablations, and their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from assignment_lib import files
from assignment_lib.batches.sampling import by_task
from assignment_lib.data.attributes import N_CLASSES, TASKS
from assignment_lib.data.dataset import Dataset
from assignment_lib.training.ablations import ROWS, Row, student_interval

#: Table 1 of the report: task -> accuracy and mean class accuracy on its validation split, in percent.
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
#: Table 2 of the report: mAP in percent of searching its validation images alone.
REPORT_TABLE_2_MAP = 56.3

_ = float("nan")  # not legible in the report
#: The two tensors of the report's Figure 1, in the order of `attributes.TASKS`: all images, and the weighted sampler.
_FIGURE_1_ALL_IMAGES = [
    39.0862, 0.3045, 1.6345, 12.6648, 0.6739, _, 0.6643, _, 0.5537, 5.1523, 3.4401, 0.5850, 1.3764, 0.7852, 7.4942, _,
    0.7995, 1.3347, 0.5112, 22.8990, 0.9470, 1.0593,
    0.7999, 0.3922, 1.0188, 3.3585, 1.3727, 0.9020, 1.5430, 1.4602, 1.3345,
    0.2588, 1.3616, 2.8074, 82.4364, 10.5442, 0.6813, _, _, _, 1.8431,
]  # fmt: skip
_FIGURE_1_SAMPLER = [
    9.6075, 0.3236, 1.5264, 6.6256, 0.6594, 2.0688, 0.6700, 1.9702, 0.5728, 3.9361, 2.6479, 0.6164, 1.2880, 0.8172,
    4.6822, 0.5598, 0.8716, _, 0.5356, 7.5286, 1.0662, 0.9415,
    0.7777, _, 1.0243, 3.1227, 1.3393, 0.9939, 1.6387, 1.2034, 1.1224,
    0.2933, 1.2347, 2.0687, 10.7995, 3.8670, 0.6777, 0.5356, _, _, _,
]  # fmt: skip

#: Key of a re-identification score -> its name in tables.
REID_FIGURES = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "mINP": "mINP"}
#: The two validation searches, as columns name them.
TEST_LIKE, ALONE = "test-like search", "validation images alone"


def report_weights() -> tuple[Tensor, Tensor]:
    """The class weights in the report's Figure 1, for all images and for the weighted sampler.

    Both are `(41,)` float32, NaN where the report is illegible. A single illegible weight of a task follows from the
    others: with w_c = 1 / (C p_c) the shares p_c sum to 1.
    """
    tensors = torch.tensor(_FIGURE_1_ALL_IMAGES), torch.tensor(_FIGURE_1_SAMPLER)
    for tensor in tensors:
        for weights in by_task(tensor).values():  # views
            illegible = weights.isnan()
            if illegible.sum() == 1:
                remaining_share = 1 - (1 / (len(weights) * weights[~illegible])).sum()
                weights[illegible] = 1 / (len(weights) * remaining_share)
    return tensors


def report_shares() -> Tensor:
    """Class shares of the report's training images, `(41,)` float32 fractions, computed from the weights in its Figure 1."""
    shares = report_weights()[0]
    for weights in by_task(shares).values():
        weights.copy_(1 / (len(weights) * weights))
    return shares


def data_table(data: Dataset) -> pd.DataFrame:
    """Count images, identities and cameras of the three parts of a data set; "?" where the test is anonymous."""
    rows = []
    for part, table in (("train", data.train), ("query", data.query), ("gallery", data.gallery)):
        people = table.loc[table["pid"] > 0, "pid"].nunique()
        cameras = table.loc[table["camera"] >= 0, "camera"].nunique()
        rows.append({"part": part, "images": len(table), "people": people or "?", "cameras": cameras or "?"})
    return pd.DataFrame(rows)


def rare_classes(table: pd.DataFrame) -> pd.DataFrame:
    """The ten of the 41 classes with the fewest identities, rarest first: columns Class, People, Images.

    `table` has one row per image, with pid and targets; images without annotations (-1) are not counted.
    """
    rows = []
    for task, classes in TASKS.items():
        for value, name in enumerate(classes):
            images = table[table[task] == value]
            rows.append({"Class": f"{task}: {name}", "People": images["pid"].nunique(), "Images": len(images)})
    return pd.DataFrame(rows).sort_values(["People", "Images"], kind="stable").head(10).reset_index(drop=True)


def absent_classes(table: pd.DataFrame) -> pd.DataFrame:
    """The tasks with classes that no image of `table` has; `table` has one row per image, with the target columns.

    Columns: Task, Classes (for example "3 of 4" occur), Absent (their names, separated by commas).
    """
    rows = []
    for task, classes in TASKS.items():
        present = set(table[task])
        absent = [name for value, name in enumerate(classes) if value not in present]
        if absent:
            counts = f"{len(classes) - len(absent)} of {len(classes)}"
            rows.append({"Task": task, "Classes": counts, "Absent": ", ".join(absent)})
    return pd.DataFrame(rows, columns=["Task", "Classes", "Absent"])


def attribute_table(
    scores: Mapping[str, Mapping[str, float]], baselines: Mapping[str, Mapping[str, float]], name: str = ""
) -> pd.DataFrame:
    """Table 1: Acc and mAcc of the twelve tasks and their average in percent, next to the report's published figures.

    `scores` (`attribute_scores.attribute_scores`) are those of the recipe `name`: with it, the columns are
    "Acc (recipe strong)" instead of "Acc". The `baselines` (`attribute_scores.attribute_baselines`) are "Acc (majority)",
    the accuracy of always predicting the most frequent class, and "mAcc (chance)", the mean class accuracy of guessing.
    "Classes" counts the classes that occur among the scored images: mAcc is a mean over those only.
    """
    suffix = f" (recipe {name})" if name else ""  # the recipe `report` differs from the report
    rows = []
    for task, (report_acc, report_macc) in REPORT_TABLE_1.items():
        n_classes = len(TASKS[task]) if task in TASKS else N_CLASSES
        rows.append(
            {
                "Task": task,
                "Classes": f"{baselines[task]['classes']} of {n_classes}",
                "Acc (majority)": 100 * baselines[task]["majority_acc"],
                "Acc (report)": report_acc,
                f"Acc{suffix}": 100 * scores[task]["acc"],
                "mAcc (chance)": 100 * baselines[task]["chance_macc"],
                "mAcc (report)": report_macc,
                f"mAcc{suffix}": 100 * scores[task]["macc"],
            }
        )
    return pd.DataFrame(rows).round(1)


def reid_table(
    scores: Mapping[str, Any], untrained: Mapping[str, Any] | None, alone: Mapping[str, Any], name: str
) -> pd.DataFrame:
    """Table 2: mAP, rank-1, rank-5, rank-10 and mINP in percent; the report published only mAP.

    All scores are fractions. `scores` are those of the recipe `name` in the search that matches the test, `untrained`
    those of ImageNet features in the same search (None omits the column), and `alone` those of searching the validation
    images alone.
    """
    columns = {
        f"ImageNet features, {TEST_LIKE}": untrained,
        f"recipe {name}, {TEST_LIKE}": scores,
        f"recipe {name}, {ALONE}": alone,
    }
    table = pd.DataFrame({"Re-ID, without flip": list(REID_FIGURES.values())})
    for column, values in columns.items():
        if values is not None:
            table[column] = [round(100 * values[key], 1) for key in REID_FIGURES]
    table["report"] = [REPORT_TABLE_2_MAP] + [None] * (len(table) - 1)
    return table


def predicted_versus_test(validation: Mapping[str, Any], test: Mapping[str, Any] | None) -> pd.DataFrame:
    """Compare the validation scores, which predict the test scores, with the test scores, in percent.

    Both are nested scores as `evaluation.validation` returns them. `validation["reid"]` holds the scores of the search
    that matches the test, with 95 % intervals where computed; its "among_validation" those of the validation images
    alone. The differences are in percentage points. Rows and columns without scores are omitted.
    """
    test, rows = test or {}, []
    reid, test_reid = validation.get("reid"), test.get("reid")
    if reid and test_reid:
        alone = reid.get("among_validation") or {}
        for name, label in REID_FIGURES.items():
            row = {"Score, with flip": label, ALONE: alone.get(name), TEST_LIKE: reid[name], "test": test_reid[name]}
            if f"{name}_low" in reid:
                row["95 % interval"] = f"{100 * reid[f'{name}_low']:.1f} to {100 * reid[f'{name}_high']:.1f}"
            rows.append(row)
    if validation.get("attributes") and test.get("attributes"):
        for name, label in {"acc": "Acc", "macc": "mAcc"}.items():
            predicted, measured = (scores["attributes"]["average"][name] for scores in (validation, test))
            rows.append({"Score, with flip": label, TEST_LIKE: predicted, "test": measured})
    table = pd.DataFrame(rows, columns=["Score, with flip", ALONE, TEST_LIKE, "95 % interval", "test"])
    for column in (ALONE, TEST_LIKE):
        table[f"test - {column}"] = table["test"].astype(float) - table[column].astype(float)
    numbers = table.columns.difference(["Score, with flip", "95 % interval"])
    table[numbers] = (100 * table[numbers].astype(float)).round(1)
    return table.dropna(axis=1, how="all")


def changes_table(rows: Sequence[Row]) -> pd.DataFrame:
    """What each of `rows` changes in the base recipe: Group, Variant, Changed."""
    table = []
    for row in rows:
        changes = [f"{name}={value}" for name, value in row.changes.items()]
        changes += [f"image size x {row.size:g}"] if row.size != 1 else []
        table.append({"Group": row.group, "Variant": row.name, "Changed": ", ".join(changes)})
    return pd.DataFrame(table)


def results_table(results: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per result of `ablations.run`, scores in percent, empty where a run has no such score."""
    columns = {
        "group": "Group", "name": "Variant", "seed": "Seed", "epochs": "Epochs", "parameters": "Parameters (M)",
        "seconds_an_epoch": "Seconds per epoch", "acc": "Acc", "macc": "mAcc", "mAP": "mAP", "rank1": "rank-1",
    }  # fmt: skip
    table = pd.DataFrame(results, columns=list(columns)).rename(columns=columns)
    table["Parameters (M)"] /= 1e6
    scores = ["Acc", "mAcc", "mAP", "rank-1"]
    table[scores] = 100 * table[scores].astype(float)
    return table


def ablation_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Means of `runs` (as `results_table` returns them) over the seeds: one row per variant, in the order of `runs`.

    The base is the variant in the group "base"; without it, nothing is subtracted. "± mAP" and "± mAcc" are standard
    deviations over the seeds. "mAP - base" is the mean difference from the base of the same seed, that is on the same
    split; "mAP better in" counts the seeds in which the variant is better. "Seconds per epoch" is the smallest of the
    runs, because other programs only slow an epoch down.
    """
    base = runs[runs["Group"] == "base"].set_index("Seed")
    rows = []
    for (group, variant), seeds in runs.groupby(["Group", "Variant"], sort=False):
        row = {"Group": group, "Variant": variant, "Parameters (M)": seeds["Parameters (M)"].mean()}
        if "Seconds per epoch" in runs:
            row["Seconds per epoch"] = seeds["Seconds per epoch"].min()
        row |= {"Acc": seeds["Acc"].mean(), "mAcc": seeds["mAcc"].mean(), "± mAcc": seeds["mAcc"].std()}
        row |= {"mAP": seeds["mAP"].mean(), "± mAP": seeds["mAP"].std(), "rank-1": seeds["rank-1"].mean()}
        row["Seeds"] = len(seeds)
        for score in ("mAcc", "mAP"):
            differences = paired_differences(seeds, base, score)
            if group != "base" and len(differences):
                row[f"{score} - base"] = differences.mean()
                row[f"{score} better in"] = f"{(differences > 0).sum()} of {len(differences)}"
        rows.append(row)
    return pd.DataFrame(rows)


def paired_differences(seeds: pd.DataFrame, base: pd.DataFrame, score: str) -> pd.Series:
    """A variant's `score` minus that of the `base` (indexed by seed), for each seed that has both."""
    return (seeds.set_index("Seed")[score] - base[score]).dropna()


def paired_intervals(runs: pd.DataFrame) -> pd.DataFrame:
    """The mean difference of each variant of `runs` (as of `results_table`) from the base, and its 95 % Student interval.

    The runs of one seed share their split, so the differences are paired. Columns: Group, Variant, Seeds, and for mAP
    (the same for mAcc) "mAP - base", "mAP low" and "mAP high" in percentage points, NaN ends for a single seed. "mAP
    verdict" is "better" or "worse" if the interval excludes zero, otherwise "not decided"; empty without such a score.
    Raises `ValueError` for runs without a base.
    """
    base = runs[runs["Group"] == "base"].set_index("Seed")
    if base.empty:
        raise ValueError("The runs have no row in the group base; measure the base recipe as well")
    rows = []
    for (group, variant), seeds in runs[runs["Group"] != "base"].groupby(["Group", "Variant"], sort=False):
        row = {"Group": group, "Variant": variant, "Seeds": len(seeds)}
        for score in ("mAP", "mAcc"):
            differences = paired_differences(seeds, base, score).to_numpy(float)
            mean, low, high = student_interval(differences)
            verdict = "better" if low > 0 else "worse" if high < 0 else "not decided"
            row |= {f"{score} - base": mean, f"{score} low": low, f"{score} high": high}
            row[f"{score} verdict"] = verdict if len(differences) else ""
        rows.append(row)
    return pd.DataFrame(rows)


def decisions_table(runs: pd.DataFrame) -> pd.DataFrame:
    """`paired_intervals` as text, next to the report's conclusions: Group, Variant, Report, mAP here, mAcc here."""
    conclusions = {(row.group, row.name): row.report for row in ROWS}
    lines = []
    for _, row in paired_intervals(runs).iterrows():
        variant = row["Group"], row["Variant"]
        line = {"Group": variant[0], "Variant": variant[1], "Report": conclusions.get(variant, "")}
        for score in ("mAP", "mAcc"):
            mean, low, high, verdict = (row[f"{score} {column}"] for column in ("- base", "low", "high", "verdict"))
            numbers = f"{mean:+.1f}" + (f", {low:+.1f} to {high:+.1f}" if np.isfinite(low) else "")
            line[f"{score} here"] = f"{verdict} ({numbers})" if verdict else ""
        lines.append(line)
    return pd.DataFrame(lines)


def save_table(table: pd.DataFrame, name: str, folder: Path, digits: int = 1) -> pd.DataFrame:
    """Write `table` as `name.csv`, `name.md` and `name.tex` into `folder`.

    Returns the table for display: numbers with `digits` decimals, missing values empty.
    """
    shown = table.astype(object).where(table.notna(), "")
    number = f".{digits}f"
    latex = table.to_latex(index=False, float_format=f"%{number}", na_rep="", escape=True)
    files.write_text(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
    files.write_text(folder / f"{name}.md", shown.to_markdown(index=False, floatfmt=number) + "\n")
    files.write_text(folder / f"{name}.tex", latex)
    return shown.map(lambda value: format(value, number) if isinstance(value, float) else value)
