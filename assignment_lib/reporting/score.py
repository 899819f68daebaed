"""Score files that someone handed in against a truth that was kept apart, by the protocol of Market-1501.

    python -m assignment_lib.score FOLDER_OR_FILES --truth test_truth.csv [--details FOLDER]

What is there of `reid_test.txt`, `reid_sets.txt` and `classification_test.csv` is scored. Junk is neither right nor wrong,
images of the query's person from the query's camera leave, distractors are wrong, and a match that a list does not name
counts 0. A file that is not as it should be gets one sentence, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.attribute_scores import attribute_scores, confusion
from assignment_lib.evaluation.baselines import attribute_baselines
from assignment_lib.evaluation.list_scores import list_details, mean_scores
from assignment_lib.evaluation.scoring import known_cameras
from assignment_lib.reporting.handed_in import Truth, read_classes, read_lists, read_truth

LISTS, SETS, CLASSES = "reid_test.txt", "reid_sets.txt", "classification_test.csv"


def score_lists(lists: dict[str, list[str]], truth: Truth) -> tuple[dict[str, float], pd.DataFrame]:
    """The scores of ranked lists, query file name -> gallery file names, best first; and one row a query.

    The scores are those of `list_scores`, fractions between 0 and 1, with `rank5`, `rank10`, the number of `queries`, of
    those `scored`, and of `empty` lists. The rows: `query`, `pid`, then the columns of `list_details`. Raises `ValueError`
    where no query has a match, `KeyError` for names that the truth does not have.
    """
    places = {name: place for place, name in enumerate(truth.gallery["file"])}
    found = [np.array([places[name] for name in lists[query]], np.int64) for query in truth.query["file"]]
    ids = truth.query["pid"].to_numpy(), truth.gallery["pid"].to_numpy()
    details = list_details(found, *ids, *known_cameras(truth.query, truth.gallery))
    valid = details[details["valid"]]
    scores = mean_scores(details)
    scores |= {f"rank{rank}": float((valid["first"] <= rank).mean()) for rank in (5, 10)}
    scores |= {"queries": len(details), "scored": len(valid), "empty": sum(not len(places) for places in found)}
    details = details.assign(first=details["first"].astype("Int64"))
    details.insert(0, "query", truth.query["file"])
    details.insert(1, "pid", truth.query["pid"])
    return scores, details


def score_classes(classes: pd.DataFrame, truth: Truth) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores of attributes, class indices of the truth's gallery images with a column a task: by task and by class.

    By task (and "average"), in percent: `acc`, `macc`, the accuracy `majority` of always saying the most frequent class of
    the images scored, `chance`, the mean class accuracy of guessing, and `images per class`. By class: `images`, how many
    of them are `recognised`, and how often the class was `said`. Images without annotations take no part; raises
    `ValueError` where none has any.
    """
    known = (truth.gallery[list(TASKS)] >= 0).all(axis=1)
    if not known.any():
        raise ValueError(
            "no image of the truth has annotations, so attributes cannot be scored; leave the CSV file out"
        )
    predicted, wanted = classes[list(TASKS)][known], truth.gallery.loc[known, list(TASKS)]
    scores, baselines = attribute_scores(predicted, wanted), attribute_baselines(wanted, wanted)
    by_class = []
    for task, names in TASKS.items():
        counts = confusion(predicted[task].to_numpy(), wanted[task].to_numpy(), len(names))
        columns = zip(names, counts.sum(1).tolist(), counts.diagonal().tolist(), counts.sum(0).tolist(), strict=True)
        by_class += [(task, *values) for values in columns]
    rows = pd.DataFrame(by_class, columns=["task", "class", "images", "recognised", "said"])
    per_class = {
        task: ", ".join(f"{name} {images}" for name, images in zip(of_task["class"], of_task["images"], strict=True))
        for task, of_task in rows.groupby("task")
    }
    tasks = [
        {
            "task": task,
            "acc": 100 * scores[task]["acc"],
            "macc": 100 * scores[task]["macc"],
            "majority": 100 * baselines[task]["majority_acc"],
            "chance": 100 * baselines[task]["chance_macc"],
            "images per class": per_class.get(task, f"{known.sum()} images scored"),
        }
        for task in scores
    ]
    return pd.DataFrame(tasks), rows


def handed_in_files(given: list[Path]) -> dict[str, Path]:
    """The files to score, by what they are: in folders by name, else CSV, `.txt` with "sets" in its name, other `.txt`.

    Raises `ValueError` or `OSError` with one sentence where nothing is there or two files are the same thing.
    """
    files: dict[str, Path] = {}
    for path in given:
        if path.is_dir():
            found = {kind: path / kind for kind in (LISTS, SETS, CLASSES) if (path / kind).exists()}
            if not found:
                raise FileNotFoundError(f"{path} has none of {LISTS}, {SETS} and {CLASSES}; give another folder")
        elif path.suffix.lower() == ".csv":
            found = {CLASSES: path}
        elif path.suffix.lower() == ".txt":
            found = {SETS if "sets" in path.stem.lower() else LISTS: path}
        elif path.exists():
            raise ValueError(f"{path} ends with neither .txt nor .csv; rename it to {LISTS}, {SETS} or {CLASSES}")
        else:
            raise FileNotFoundError(f"{path} is not there; check the name")
        for kind, file in found.items():
            if kind in files:
                raise ValueError(f"{files[kind]} and {file} would both be {kind}; give one of them")
            files[kind] = file
    return files


def main(arguments: list[str] | None = None) -> int:
    """Command line: `FOLDER_OR_FILES --truth test_truth.csv [--details FOLDER] [--show N]`; the exit status."""
    description, _, protocol = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m assignment_lib.score", description=description, epilog=protocol.partition("\n\n")[2]
    )
    parser.add_argument(
        "handed_in", nargs="+", type=Path, help=f"a folder with {LISTS}, {SETS}, {CLASSES}, or the files"
    )
    parser.add_argument("--truth", required=True, type=Path, help="test_truth.csv, or the folder in which it lies")
    parser.add_argument("--details", type=Path, help="a folder for the details as CSV files; it is made")
    parser.add_argument("--show", type=int, default=10, help="how many of the worst queries are printed (default: 10)")
    options = parser.parse_args(arguments)
    try:
        if options.details and options.details.is_file():
            raise NotADirectoryError(f"{options.details} is a file; give a folder for the details")
        details = _score(options.handed_in, options.truth, options.show)
        if options.details:
            options.details.mkdir(parents=True, exist_ok=True)
            for name, table in details.items():
                table.to_csv(options.details / f"{name}.csv", index=False)
            print(f"details: {', '.join(f'{name}.csv' for name in details)} in {options.details}")
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` or `less`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _score(given: list[Path], truth_path: Path, show: int) -> dict[str, pd.DataFrame]:
    """Print the tables; returns those that `--details` writes. Every file is read before anything is scored."""
    files = handed_in_files(given)
    truth_file = truth_path / "test_truth.csv"
    truth_path = truth_file if truth_file.exists() else truth_path
    truth = read_truth(truth_path)
    queries, gallery = truth.query["file"].tolist(), truth.gallery["file"].tolist()
    lists = {kind: read_lists(files[kind], queries, gallery) for kind in (LISTS, SETS) if kind in files}
    classes = read_classes(files[CLASSES], gallery) if CLASSES in files else None
    cameras = known_cameras(truth.query, truth.gallery)[0] is not None
    print(f"truth: {truth_path}\n{_contents(truth)}")
    if not cameras and lists:
        print("Not every image has a camera, so images of the query's camera stay.")
    details: dict[str, pd.DataFrame] = {}
    for kind, of_kind in lists.items():
        scores, rows = score_lists(of_kind, truth)
        details[kind.removesuffix(".txt")] = rows
        print(f"\n{files[kind]}\n\n{_table(_summary(scores, ranked=kind == LISTS), '.1f')}")
        print(f"\n{_left_out(scores)}")
        worst = rows[rows["valid"]].sort_values(["ap", "missed"], ascending=[True, False], kind="stable").head(show)
        if kind == LISTS and len(worst):
            print(
                f"\nQueries with the lowest AP, {len(worst)} of {len(rows)}\n\n{_table(worst.drop(columns='valid'), '.3f')}"
            )
    if classes is not None:
        tasks, by_class = score_classes(classes, truth)
        details |= {"attribute_tasks": tasks, "attribute_classes": by_class}
        print(f"\n{files[CLASSES]}\n\n{_table(tasks, '.1f')}")
        absent = by_class[by_class["images"] == 0]
        if len(absent):
            names = ", ".join(absent["task"] + ": " + absent["class"])
            print(f"\nNo image has {names}: macc is the mean over the other classes.")
    return details


def _contents(truth: Truth) -> str:
    ids = truth.gallery["pid"]
    return (
        f"{len(truth.query)} queries of {truth.query['pid'].nunique()} people; {len(truth.gallery)} test images, "
        f"{(ids == 0).sum()} of them distractors and {(ids == -1).sum()} junk"
    )


def _summary(scores: dict[str, float], ranked: bool) -> pd.DataFrame:
    """One row in percent; where the order says nothing, only what does not look at it."""
    of_order = {"mAP": "mAP", "rank1": "rank-1", "rank5": "rank-5", "rank10": "rank-10"} if ranked else {}
    shares = of_order | {"precision": "precision", "recall": "recall", "f1": "F1"}
    row = {label: 100 * scores[name] for name, label in shares.items()}
    return pd.DataFrame([row | {"images a query": scores["length"]}])


def _left_out(scores: dict[str, float]) -> str:
    left_out = scores["queries"] - scores["scored"]
    words = f"{scores['scored']} of {scores['queries']} queries are scored"
    words += f"; {left_out} have no match in the test images" if left_out else ""
    return words + (f". {scores['empty']} lists are empty." if scores["empty"] else ".")


def _table(table: pd.DataFrame, number: str) -> str:
    shown = table.astype(object).where(table.notna(), "-")
    return shown.to_markdown(index=False, tablefmt="simple", floatfmt=number, stralign="left")
