"""The tables of the ablations: one row a run, the means over the seeds, and what they say of the report's conclusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from assignment_lib.training.ablation_rows import BASE, ROWS


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

    "± mAP" and "± mAcc" are standard deviations over the seeds. "mAP - base" is the mean of the differences from the base
    with the same seed, that is on the same split; "better in" counts the seeds in which the variant wins. "Seconds an
    epoch" is the fastest run's: other work on the computer only makes one slower.
    """
    base = runs[runs["Variant"] == BASE].set_index("Seed")
    rows = []
    for (group, variant), of_row in runs.groupby(["Group", "Variant"], sort=False):
        means = of_row[["Parameters (M)", "Acc", "mAcc", "mAP", "rank-1"]].mean()
        row = {"Group": group, "Variant": variant, "Parameters (M)": means["Parameters (M)"]}
        row |= {"Seconds an epoch": of_row["Seconds an epoch"].min()}
        row |= {"Acc": means["Acc"], "mAcc": means["mAcc"], "± mAcc": of_row["mAcc"].std()}
        row |= {"mAP": means["mAP"], "± mAP": of_row["mAP"].std(), "rank-1": means["rank-1"], "Seeds": len(of_row)}
        for score in ("mAcc", "mAP"):
            difference = (of_row.set_index("Seed")[score] - base[score]).dropna()
            if variant != BASE and len(difference):
                row[f"{score} - base"] = difference.mean()
                row[f"{score} better in"] = f"{(difference > 0).sum()} of {len(difference)}"
        rows.append(row)
    return pd.DataFrame(rows)


def verdicts(means: pd.DataFrame) -> pd.DataFrame:
    """Put what the report says of each variant beside `means` (of `table`): "better" or "worse" where every seed agrees."""
    says = {(row.group, row.name): row.report for row in ROWS}
    rows = []
    for _, row in means.iterrows():
        said = says.get((row["Group"], row["Variant"]), "")
        if row["Variant"] == BASE or not said:
            continue
        found = {
            score: _verdict(row.get(f"{score} - base"), row.get(f"{score} better in")) for score in ("mAP", "mAcc")
        }
        rows.append({"Variant": row["Variant"], "Report": said, "mAP here": found["mAP"], "mAcc here": found["mAcc"]})
    return pd.DataFrame(rows)


def _verdict(difference: float | None, better_in: str | None) -> str:
    if difference is None or better_in is None or pd.isna(difference):
        return ""
    wins, seeds = (int(number) for number in better_in.split(" of "))
    word = "better" if wins == seeds else "worse" if wins == 0 and difference < 0 else "seeds disagree"
    return f"{word} ({difference:+.1f})"
