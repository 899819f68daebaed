"""Write the tables of README.md and docs/ from results/ and figures/, so that text and results agree. Called by `make docs`.

usage: python tools/write_numbers.py [--check]     (--check changes nothing and exits with status 1 if a document is outdated)

A document marks a table by two comments, `<!-- table: NAME -->` and `<!-- end of table -->`. NAME is a key of `TABLES`.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from assignment_lib.data.attributes import TASKS  # noqa: E402
from assignment_lib.reporting import tables  # noqa: E402
from assignment_lib.training import ablations  # noqa: E402

RESULTS, FIGURES = ROOT / "results", ROOT / "figures"
MARKED = re.compile(r"(<!-- table: ([\w -]+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESULTS / name)


def metrics(name: str) -> dict[str, Any]:
    """`results/<name>/metrics.json`."""
    return json.loads((RESULTS / name / "metrics.json").read_text(encoding="utf-8"))


def markdown(frame: pd.DataFrame, digits: int = 1) -> str:
    """A Markdown table; numbers are right-aligned and rounded, missing values are empty."""

    def text(value: object) -> str:
        if isinstance(value, float):
            return "" if pd.isna(value) else f"{value:.{digits}f}"
        return str(value)

    numeric = [pd.api.types.is_numeric_dtype(frame[column]) for column in frame]
    lines = [list(map(str, frame.columns)), ["--:" if number else ":--" for number in numeric]]
    lines += [[text(value) for value in row] for row in frame.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def attributes() -> str:
    """Accuracy and mean class accuracy per task on the assignment's data: the report's Table 1 and three recipes."""
    seeds = read("report_seeds.csv").mean()
    recipes = {name: metrics(f"assignment-{name}")["attributes"] for name in ("strong", "adapted")}
    rows = []
    for task in (*TASKS, "average"):
        mean = ("Acc", "mAcc") if task == "average" else (f"attributes/{task}/acc", f"attributes/{task}/macc")
        ours = [100 * scores[task][key] for scores in recipes.values() for key in ("acc", "macc")]
        rows.append([task, *tables.REPORT_TABLE_1[task], *seeds[list(mean)], *ours])
    systems = ["the report", "`report`", *(f"`{name}`" for name in recipes)]
    names = [f"{system}: {score}" for system in systems for score in ("Acc", "mAcc")]
    return markdown(pd.DataFrame(rows, columns=["task", *names]))


def report_seeds() -> str:
    """The averages of the report's Tables 1 and 2 next to those of the recipe `report` with several seeds."""
    published = dict(zip(("Acc", "mAcc"), tables.REPORT_TABLE_1["average"], strict=True))
    published["mAP among validation alone"] = tables.REPORT_TABLE_2_MAP
    ours = ablations.mean_and_interval(read("report_seeds.csv"))
    ours.insert(1, "the report", ours["Figure"].map(published))
    return markdown(ours.rename(columns={"Figure": "score", "Mean": "`report`: mean", "±": "± (95 %)"}))


def ablation_decisions() -> str:
    """The differences of the variants from the base: on the assignment's data where measured, else on the proxy data."""
    measured = [
        tables.decisions_table(read(f"ablations_{name}.csv")).assign(Data=name) for name in ("assignment", "proxy")
    ]
    chosen = pd.concat(measured).drop_duplicates("Variant")
    return markdown(chosen[["Variant", "Report", "Data", "mAP here", "mAcc here"]])


def translation() -> str:
    return markdown(tables.decisions_table(read("translation_proxy.csv")).drop(columns=["Report", "Group"]))


def drawn() -> str:
    """The built-in data: the averages of Table 1 and the rows of Table 2 that the README shows."""
    attribute, reid = pd.read_csv(FIGURES / "table1_attributes.csv"), pd.read_csv(FIGURES / "table2_reid.csv")
    average = attribute.set_index("Task").loc["average"]
    columns = [column for column in average.index if "recipe" in column]
    rows = [[column.split(" ")[0], average[column]] for column in columns]
    found = reid.set_index("Re-ID, without flip")
    for column in found.columns:
        if "recipe" in column:
            rows += [[f"{score}, {column.split(', ')[1]}", found.loc[score, column]] for score in ("mAP", "rank-1")]
    return markdown(pd.DataFrame(rows, columns=["score", "recipe `smoke`"]))


def plain(name: str, digits: int = 1) -> Callable[[], str]:
    """A table that is a file of results/ as it is."""
    return lambda: markdown(read(name), digits)


TABLES: dict[str, Callable[[], str]] = {
    "assignment": plain("assignment.csv"),
    "assignment attributes": attributes,
    "report seeds": report_seeds,
    "strong seeds": plain("strong_seeds.csv"),
    "validation estimates": plain("validation_estimates.csv"),
    "adaptation": plain("adaptation.csv"),
    "post-processing": plain("post_processing.csv", 3),
    "list length": plain("list_length.csv"),
    "junk filter": plain("junk_filter.csv"),
    "trials": plain("trials.csv", 2),
    "class weights": plain("class_weights.csv"),
    "ablation decisions": ablation_decisions,
    "translation": translation,
    "speed": plain("speed.csv"),
    "drawn": drawn,
}


def updated(text: str) -> str:
    """`text` with every marked table written anew. Raises `ValueError` for an unknown name."""

    def table(found: re.Match[str]) -> str:
        if found[2] not in TABLES:
            raise ValueError(f"there is no table {found[2]!r}; use one of {', '.join(TABLES)}")
        return f"{found[1]}\n{TABLES[found[2]]()}\n{found[4]}"

    return MARKED.sub(table, text)


def main(arguments: list[str]) -> int:
    outdated = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        new = updated(text)
        if new != text:
            outdated.append(path.relative_to(ROOT).as_posix())
            if "--check" not in arguments:
                path.write_text(new, encoding="utf-8")
    if outdated:
        print(f"{'outdated' if '--check' in arguments else 'updated'}: {', '.join(outdated)}")
    return 1 if outdated and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
