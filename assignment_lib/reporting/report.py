"""What a run hands over: tables beside the report's own figures, `metrics.json`, and the two files of the course."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from assignment_lib.data.attributes import CLASSIFICATION_COLUMNS, TASKS, to_annotations, to_targets
from assignment_lib.data.dataset import Dataset

#: Table 1 of the report: accuracy and mean class accuracy on the validation split, in percent.
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
    """Images, persons and cameras of the three parts of a data set; "?" where the test is anonymous."""
    rows = []
    for part, table in (("train", data.train), ("query", data.query), ("gallery", data.gallery)):
        persons = table.loc[table["pid"] > 0, "pid"].nunique()
        cameras = table.loc[table["camera"] >= 0, "camera"].nunique()
        rows.append({"part": part, "images": len(table), "persons": persons or "?", "cameras": cameras or "?"})
    return pd.DataFrame(rows)


def rare_classes(table: pd.DataFrame, most: int = 10) -> pd.DataFrame:
    """The classes with the fewest persons: columns Class, Persons, Images; classes that no one has come first."""
    rows = [
        {"Class": f"{task}: {name}", "Persons": of_class["pid"].nunique(), "Images": len(of_class)}
        for task, classes in TASKS.items()
        for value, name in enumerate(classes)
        for of_class in [table[table[task] == value]]
    ]
    return pd.DataFrame(rows).sort_values(["Persons", "Images"], kind="stable").head(most).reset_index(drop=True)


def attribute_table(scores: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Table 1: Acc and mAcc of the twelve tasks and their average in percent, the report's figures beside ours.

    `scores` is task -> `{"acc", "macc"}` as fractions, with an entry "average" (`metrics.attribute_scores`).
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
    """Table 2: validation mAP and what belongs beside it in percent; the report gives mAP only."""
    names = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10", "mINP": "mINP"}
    rows = [{"Re-ID": label, "ours": round(100 * scores[name], 1)} for name, label in names.items()]
    table = pd.DataFrame(rows)
    table["report"] = [REPORT_TABLE_2_MAP] + [None] * (len(rows) - 1)
    return table


def save_table(table: pd.DataFrame, name: str, folder: Path, digits: int = 1) -> pd.DataFrame:
    """Write `table` as `name.csv`, `name.md` and `name.tex` into `folder`.

    Returns it as it should be shown in a cell: numbers with `digits` decimals, nothing where there is no number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / f"{name}.csv", index=False)
    shown = table.astype(object).where(table.notna(), "")
    form = f".{digits}f"
    (folder / f"{name}.md").write_text(shown.to_markdown(index=False, floatfmt=form) + "\n")
    (folder / f"{name}.tex").write_text(table.to_latex(index=False, float_format=f"%{form}", na_rep="", escape=True))
    return shown.map(lambda value: format(value, form) if isinstance(value, float) else value)


def write_metrics(path: Path, **content) -> None:
    """Write `metrics.json`; fields that an earlier notebook of the same run wrote are kept unless given anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | content, indent=2) + "\n")


def read_metrics(path: Path) -> dict:
    """What `write_metrics` wrote. `FileNotFoundError` with one sentence where notebook 04 has not run yet."""
    if not path.exists():
        raise FileNotFoundError(f"{path} is not there; run notebook 04 first, it measures and writes it")
    return json.loads(path.read_text())


def write_reid_test(
    path: Path, query_files: Sequence[str], gallery_files: Sequence[str], matches: Sequence[torch.Tensor]
) -> None:
    """Write the course's `reid_test.txt`: a line a query, `000012.jpg: 000345.jpg, 004711.jpg`, best first.

    `matches[i]` are positions in `gallery_files` for the i-th query. Raises `ValueError` instead of writing where a query
    is missing or doubled, an image stands twice in a line or is none of the gallery, or a name would break the line.
    """
    for name in (*query_files, *gallery_files):
        if re.search(r"[\s:,]", name):
            raise ValueError(f"{path.name}: the file name {name!r} has a space, comma or colon; rename it")
    if len(set(gallery_files)) != len(gallery_files):
        raise ValueError(f"{path.name}: a gallery file has two places; every image is to be there once")
    if len(matches) != len(query_files) or len(set(query_files)) != len(query_files):
        raise ValueError(f"{path.name}: {len(matches)} lists for {len(set(query_files))} different queries")
    lines = []
    for query, positions in zip(query_files, matches, strict=True):
        places = positions.tolist()
        if places and not 0 <= min(places) <= max(places) < len(gallery_files):
            raise ValueError(f"{path.name}: the list of {query} names an image that the gallery does not have")
        found = [gallery_files[place] for place in places]
        if len(set(found)) != len(found):
            raise ValueError(f"{path.name}: an image stands twice in the list of {query}")
        lines.append(f"{query}: {', '.join(found)}".rstrip())
    path.write_text("\n".join(lines) + "\n")


def read_reid_test(path: Path) -> dict[str, list[str]]:
    """Query file name -> the gallery file names of its line, best first. `ValueError` names a line of another form."""
    retrieved = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.fullmatch(r"([^:,\s]+):((?: [^:,\s]+)(?:, [^:,\s]+)*)?", line)
        if match is None or match[1] in retrieved:
            raise ValueError(f"{path}: line {number} is not 'query.jpg: a.jpg, b.jpg' with each query once")
        retrieved[match[1]] = match[2].strip().split(", ") if match[2] else []
    return retrieved


def check_deliverables(folder: Path, data: Dataset) -> list[str]:
    """What is wrong with the two files of a run, read back from `folder`: an empty list where they can be handed in.

    Every query has one line, no line names an unknown image or one image twice, every test image has one row with all 29
    values. `classification_test.csv` is asked for where the training images have annotations.
    """
    faults = []
    queries, gallery = set(data.query["file"]), set(data.gallery["file"])
    names = ["reid_test.txt"] + (["classification_test.csv"] if data.has_attributes else [])
    missing = [f"{name} is not there; run notebook 05" for name in names if not (folder / name).exists()]
    if missing:
        return missing
    try:
        lists = read_reid_test(folder / "reid_test.txt")
    except ValueError as error:
        return [f"reid_test.txt: {error}"]
    for name, wrong in (("queries without a line", queries - set(lists)), ("lines of no query", set(lists) - queries)):
        if wrong:
            faults.append(f"reid_test.txt: {len(wrong)} {name}, for example {min(wrong)}")
    for query, found in lists.items():
        if len(set(found)) != len(found) or not set(found) <= gallery:
            faults.append(f"reid_test.txt: the list of {query} has an image twice or one that is not in the gallery")
    if data.has_attributes:
        table = pd.read_csv(folder / "classification_test.csv", dtype={"id": str})
        if list(table.columns) != ["id", *CLASSIFICATION_COLUMNS]:
            faults.append("classification_test.csv: the columns are not id and the 29 of the annotations")
        else:
            try:
                right = to_annotations(to_targets(table, "classification_test.csv"))
            except ValueError as error:
                faults.append(str(error))
            else:
                wrong = (right.to_numpy() != table[list(CLASSIFICATION_COLUMNS)].to_numpy()).any(1)
                if wrong.any():
                    name = table["id"][wrong.argmax()]
                    faults.append(f"classification_test.csv: {name} has not exactly one colour a body part")
        if sorted(table["id"]) != sorted(gallery):
            faults.append("classification_test.csv: not every test image has exactly one row")
    return faults


def write_classification_test(path: Path, files: Sequence[str], predictions: torch.Tensor) -> None:
    """Write the course's `classification_test.csv`: `id` (file name) and the 29 annotation columns of each test image.

    `predictions` `(N, 12)` int64 in the target form. Raises `ValueError` instead of writing where the lengths differ or a
    file stands twice.
    """
    if len(files) != len(predictions) or len(set(files)) != len(files):
        raise ValueError(f"{path.name}: {len(predictions)} predictions for {len(set(files))} different images")
    table = to_annotations(pd.DataFrame(predictions.numpy(), columns=list(TASKS)))
    table.insert(0, "id", list(files))
    table[["id", *CLASSIFICATION_COLUMNS]].to_csv(path, index=False)
