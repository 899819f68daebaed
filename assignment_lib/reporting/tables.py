"""Tables of a run beside the report's own figures, and their way to CSV, Markdown and LaTeX files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from assignment_lib.data.attributes import TASKS
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
        persons = table.loc[table["pid"] > 0, "pid"].nunique()
        cameras = table.loc[table["camera"] >= 0, "camera"].nunique()
        rows.append({"part": part, "images": len(table), "persons": persons or "?", "cameras": cameras or "?"})
    return pd.DataFrame(rows)


def rare_classes(table: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """List the classes with the fewest identities; `table` has the target columns, one row per image.

    Returns at most `most` rows with the columns Class, Persons, Images; classes that nobody has come first.
    """
    rows = [
        {"Class": f"{task}: {name}", "Persons": of_class["pid"].nunique(), "Images": len(of_class)}
        for task, classes in TASKS.items()
        for value, name in enumerate(classes)
        for of_class in [table[table[task] == value]]
    ]
    return pd.DataFrame(rows).sort_values(["Persons", "Images"], kind="stable").head(most).reset_index(drop=True)


def attribute_table(scores: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Make Table 1: Acc and mAcc of the twelve tasks and their average in percent, the report's figures beside ours.

    `scores` is task -> `{"acc", "macc"}` as fractions, with an entry "average" (`evaluation.attribute_scores`).
    """
    rows = [
        {
            "Task": task,
            "Acc": 100 * scores[task]["acc"],
            "mAcc": 100 * scores[task]["macc"],
            "Acc (report)": report_acc,
            "mAcc (report)": report_macc,
        }
        for task, (report_acc, report_macc) in REPORT_TABLE_1.items()
    ]
    return pd.DataFrame(rows).round(1)


def reid_table(scores: dict[str, float]) -> pd.DataFrame:
    """Make Table 2: mAP, rank-1, rank-5, rank-10 and mINP in percent from fractions; the report gives mAP only."""
    names = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "mINP": "mINP"}
    rows = [{"Re-ID": label, "ours": round(100 * scores[name], 1)} for name, label in names.items()]
    table = pd.DataFrame(rows)
    table["report"] = [REPORT_TABLE_2_MAP] + [None] * (len(rows) - 1)
    return table


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
