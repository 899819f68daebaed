"""Score output files against the identities and attributes of the test, which the files' author did not have.

    python -m assignment_lib.score FOLDER --truth test_truth.csv [--details FOLDER]

Scores those of `reid_test.txt`, `reid_sets.txt` and `classification_test.csv` that are present. Lists are scored by two
protocols. "cross-camera (Market-1501)" excludes junk images and images of the query's person from the query's camera.
"as the course scores it" counts all images of the person, the query's own copy included, and excludes nothing. In both,
distractors are wrong, and a match that a list omits counts as missed. A malformed file gets one sentence and status 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib import files
from assignment_lib.data.annotations import Truth, read_truth
from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.attribute_scores import attribute_baselines, attribute_scores, confusion
from assignment_lib.evaluation.reid_scores import list_details, mean_scores
from assignment_lib.evaluation.validation import known_cameras
from assignment_lib.reporting import output_files
from assignment_lib.reporting.output_files import CLASSIFICATION_TEST, REID_SETS, REID_TEST

CROSS_CAMERA, COURSE = "cross-camera (Market-1501)", "as the course scores it"
_NAMES = (REID_TEST, REID_SETS, CLASSIFICATION_TEST)


def score_lists(
    lists: dict[str, list[str]], truth: Truth, protocol: str = CROSS_CAMERA
) -> tuple[dict[str, float], pd.DataFrame]:
    """Scores of ranked lists, query file name -> gallery file names, best first; and a table with one row per query.

    The scores are those of `evaluation.reid_scores.list_scores`, fractions between 0 and 1, with `rank5` and `rank10`, and
    the numbers of `queries`, of `scored` ones, and of `empty` lists. The columns are `query`, `pid`, then those of
    `list_details`. Raises `ValueError` if no query has a match, `KeyError` for names that the truth does not have.
    """
    position_of = {name: position for position, name in enumerate(truth.gallery["file"])}
    positions = [np.array([position_of[name] for name in lists[query]], np.int64) for query in truth.query["file"]]
    ids = truth.query["pid"].to_numpy(), truth.gallery["pid"].to_numpy()
    details = list_details(positions, *ids, *known_cameras(truth.query, truth.gallery), course=protocol == COURSE)
    scores = mean_scores(details)
    valid = details[details["valid"]]
    scores |= {f"rank{rank}": float((valid["first"] <= rank).mean()) for rank in (5, 10)}
    scores |= {"queries": len(details), "scored": len(valid), "empty": sum(not len(listed) for listed in positions)}
    details = details.assign(first=details["first"].astype("Int64"))
    details.insert(0, "query", truth.query["file"])
    details.insert(1, "pid", truth.query["pid"])
    return scores, details


def score_classes(classes: pd.DataFrame, truth: Truth) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of attributes, class indices of the truth's gallery images with one column per task: by task and by class.

    By task (and "average"), in percent: `acc`, `macc`, the accuracy `majority` of always predicting the most frequent
    class of the scored images, and `chance`, the mean class accuracy of guessing. By class: `images`, how many of them are
    `recognised`, and how often the class was `predicted`. Images without annotations are excluded. Raises `ValueError` if
    no image has annotations.
    """
    known = (truth.gallery[list(TASKS)] >= 0).all(axis=1)
    if not known.any():
        raise ValueError("The truth has no attributes; score the folder without its classification_test.csv")
    predicted, targets = classes[list(TASKS)][known], truth.gallery.loc[known, list(TASKS)]
    scores, baselines = attribute_scores(predicted, targets), attribute_baselines(targets, targets)
    tasks = 100 * pd.concat([pd.DataFrame(scores), pd.DataFrame(baselines).drop("classes")]).T
    tasks = (
        tasks.rename(columns={"majority_acc": "majority", "chance_macc": "chance"}).rename_axis("task").reset_index()
    )
    by_class = []
    for task, names in TASKS.items():
        counts = confusion(predicted[task].to_numpy(), targets[task].to_numpy(), len(names))
        columns = {"images": counts.sum(1), "recognised": counts.diagonal(), "predicted": counts.sum(0)}
        by_class.append(pd.DataFrame({"task": task, "class": names} | columns))
    return tasks, pd.concat(by_class, ignore_index=True)


def find_files(given: Path) -> dict[str, Path]:
    """The files to score, by name: those in a folder, or a single file that has one of the names.

    Raises `FileNotFoundError` without any, and names what is there instead: other spellings, an archive, a folder below.
    """
    present = [given] if given.is_file() else [given / name for name in _NAMES]
    found = {path.name: path for path in present if path.name in _NAMES and path.exists()}
    if found:
        return found
    if not given.exists():
        raise FileNotFoundError(f"{given} does not exist; check the name")
    if given.is_file() and not given.name.endswith(files.SUFFIXES):
        raise FileNotFoundError(f"{given} is not named like a file to hand in; rename it to one of {', '.join(_NAMES)}")
    message = f"{given} has none of {', '.join(_NAMES)}"
    for path in (given, *sorted(given.rglob("*"))):
        name = path.name.lower()
        if path.name in _NAMES:
            raise FileNotFoundError(f"{message}, but {path.parent} has; pass that folder")
        if name in _NAMES:
            raise FileNotFoundError(f"{message}, but {path.name}; rename it to {name}")
        if name.endswith(files.SUFFIXES):
            raise FileNotFoundError(f"{message}, but the archive {path.name}; unpack it and pass its folder")
    raise FileNotFoundError(f"{message}; pass another folder")


def main(arguments: list[str] | None = None) -> int:
    """Command line: `FOLDER --truth test_truth.csv [--details FOLDER]`; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m assignment_lib.score", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help=f"a folder with {', '.join(_NAMES)}, or one of the files")
    parser.add_argument("--truth", required=True, type=Path, help="test_truth.csv, or its folder")
    parser.add_argument("--details", type=Path, help="a folder for CSV files with the details; created if necessary")
    options = parser.parse_args(arguments)
    try:
        if options.details and options.details.is_file():
            raise NotADirectoryError(f"{options.details} is a file; pass a folder for the details")
        details = _score(options.folder, options.truth)
        if options.details:
            for name, table in details.items():
                files.write_text(options.details / f"{name}.csv", table.to_csv(index=False, lineterminator="\n"))
            print(f"details: {', '.join(f'{name}.csv' for name in details)} in {options.details}")
        sys.stdout.flush()
    except BrokenPipeError:  # the output goes to `head` or `less`, which has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _score(folder: Path, truth_path: Path) -> dict[str, pd.DataFrame]:
    """Print the scores and return the tables of `--details`. All files are read before any is scored."""
    found, truth = find_files(folder), read_truth(truth_path)
    queries, gallery = truth.query["file"].tolist(), truth.gallery["file"].tolist()
    attributes = found.pop(CLASSIFICATION_TEST, None)
    classes = output_files.read_classification_test(attributes, gallery) if attributes else None
    lists = {name: output_files.read_reid_test(path, queries, gallery) for name, path in found.items()}
    ids = truth.gallery["pid"]
    print(
        f"truth: {truth_path}\n{len(truth.query)} queries of {truth.query['pid'].nunique()} people; {len(ids)} test images, "
        f"{(ids == 0).sum()} of them distractors and {(ids == -1).sum()} junk"
    )
    if lists and known_cameras(truth.query, truth.gallery)[0] is None:
        print("The cameras are not known, so the cross-camera protocol excludes only junk.")
    details: dict[str, pd.DataFrame] = {}
    for name, listed in lists.items():
        print(f"\n{found[name]}\n")
        details |= _print_lists(name, listed, truth)
    if classes is not None:
        tasks, by_class = score_classes(classes, truth)
        details |= {"attribute_tasks": tasks, "attribute_classes": by_class}
        print(f"\n{attributes}\n\n{_text(tasks, '.1f')}")
        absent = by_class[by_class["images"] == 0]
        if len(absent):
            missing = ", ".join(absent["task"] + ": " + absent["class"])
            print(f"\nNo image has {missing}: macc is the mean over the other classes.")
    return details


def _print_lists(name: str, lists: dict[str, list[str]], truth: Truth) -> dict[str, pd.DataFrame]:
    """Print the scores of one file by both protocols; the details by CSV name. A set has no order, so no AP or rank."""
    shares = {"precision": "precision", "recall": "recall", "f1": "F1"}
    if name == REID_TEST:
        shares = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10"} | shares
    rows, notes, details = [], [], {}
    for protocol, suffix in ((CROSS_CAMERA, ""), (COURSE, "_course")):
        try:
            scores, table = score_lists(lists, truth, protocol)
        except ValueError as error:
            notes.append(f"Not scored {protocol}: {error}")
            continue
        details[name.removesuffix(".txt") + suffix] = table
        row = {"protocol": protocol} | {label: 100 * scores[key] for key, label in shares.items()}
        rows.append(row | {"images per query": scores["length"], "scored queries": scores["scored"]})
    empty = sum(not images for images in lists.values())
    print("\n".join([_text(pd.DataFrame(rows), ".1f"), "", f"{len(lists)} queries, {empty} empty lists.", *notes]))
    table = details.get(name.removesuffix(".txt"), pd.DataFrame({"valid": []}))
    worst = table[table["valid"].astype(bool)]
    if name == REID_TEST and len(worst):
        worst = worst.sort_values(["ap", "missed"], ascending=[True, False], kind="stable").head(10)
        print(f"\nQueries with the lowest AP, {CROSS_CAMERA}\n\n{_text(worst.drop(columns='valid'), '.3f')}")
    return details


def _text(table: pd.DataFrame, number: str) -> str:
    shown = table.astype(object).where(table.notna(), "-")
    return shown.to_markdown(index=False, tablefmt="simple", floatfmt=number, stralign="left")
