"""The tables of the ablations: one row a run, the means over the seeds, and what they say of the report's conclusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from assignment_lib.training.ablation_rows import ROWS, Row


def changes_table(rows: Sequence[Row]) -> pd.DataFrame:
    """What each of `rows` changes in the base recipe, as a reader sees it: Group, Variant, Changed."""
    changed = [
        [f"{name}={value}" for name, value in row.changes.items()] + ([f"image size x {row.size:g}"] * (row.size != 1))
        for row in rows
    ]
    texts = [", ".join(parts) for parts in changed]
    return pd.DataFrame(
        [{"Group": row.group, "Variant": row.name, "Changed": text} for row, text in zip(rows, texts, strict=True)]
    )


def results_table(results: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Tabulate what `ablations.run` returned: one row a result, scores in percent.

    It is kept as `ablation_runs.csv`, from which `table` makes the means. A score that a run does not have is empty.
    """
    columns = {"acc": "Acc", "macc": "mAcc", "mAP": "mAP", "rank1": "rank-1"}
    rows = [
        {
            "Group": result["group"],
            "Variant": result["name"],
            "Seed": result["seed"],
            "Epochs": result["epochs"],
            "Parameters (M)": result["parameters"] / 1e6,
            "Seconds an epoch": result["seconds_an_epoch"],
        }
        | {label: None if result[name] is None else 100 * result[name] for name, label in columns.items()}
        for result in results
    ]
    return pd.DataFrame(rows)


def table(runs: pd.DataFrame) -> pd.DataFrame:
    """Average `runs` (of `results_table`) over the seeds: one row a variant, in the order of `runs`.

    The base is the variant of the group "base"; without it, as in a part of a table, nothing is subtracted.
    "± mAP" and "± mAcc" are standard deviations over the seeds. "mAP - base" is the mean of the differences from the base
    with the same seed, that is on the same split; "better in" counts the seeds in which the variant wins. "Seconds an
    epoch" is the fastest run's: other work on the computer only makes one slower.
    """
    base = runs[runs["Group"] == "base"].set_index("Seed")
    rows = []
    for (group, variant), of_row in runs.groupby(["Group", "Variant"], sort=False):
        means = of_row[["Parameters (M)", "Acc", "mAcc", "mAP", "rank-1"]].mean()
        row = {"Group": group, "Variant": variant, "Parameters (M)": means["Parameters (M)"]}
        row |= {"Seconds an epoch": of_row["Seconds an epoch"].min()}
        row |= {"Acc": means["Acc"], "mAcc": means["mAcc"], "± mAcc": of_row["mAcc"].std()}
        row |= {"mAP": means["mAP"], "± mAP": of_row["mAP"].std(), "rank-1": means["rank-1"], "Seeds": len(of_row)}
        for score in ("mAcc", "mAP"):
            difference = (of_row.set_index("Seed")[score] - base[score]).dropna()
            if group != "base" and len(difference):
                row[f"{score} - base"] = difference.mean()
                row[f"{score} better in"] = f"{(difference > 0).sum()} of {len(difference)}"
        rows.append(row)
    return pd.DataFrame(rows)


def verdicts(means: pd.DataFrame, rows: Sequence[Row] = ROWS) -> pd.DataFrame:
    """Say of each variant of `means` (of `table`) whether it is "better" or "worse" than the base: where every seed agrees.

    Where the report says something of `rows`, that stands beside it, and variants that it does not speak of are left out.
    """
    says = {(row.group, row.name): row.report for row in rows}
    reported = any(says.values())
    lines = []
    for _, row in means.iterrows():
        said = says.get((row["Group"], row["Variant"]), "")
        if row["Group"] == "base" or (reported and not said):
            continue
        found = {
            score: _verdict(row.get(f"{score} - base"), row.get(f"{score} better in")) for score in ("mAP", "mAcc")
        }
        beside = {"Report": said} if reported else {}
        lines.append({"Variant": row["Variant"]} | beside | {f"{score} here": text for score, text in found.items()})
    return pd.DataFrame(lines)


def _verdict(difference: float | None, better_in: str | None) -> str:
    if difference is None or better_in is None or pd.isna(difference):
        return ""
    wins, seeds = (int(number) for number in better_in.split(" of "))
    word = "better" if wins == seeds else "worse" if wins == 0 and difference < 0 else "seeds disagree"
    return f"{word} ({difference:+.1f})"
