"""The tables of the ablations: one row a run, the means over the seeds, and what they say of the report's conclusions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

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


def paired_intervals(runs: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """How far each variant of `runs` (of `results_table`) lies from the base, as the seeds tell: one row a variant.

    The differences d of one seed share their split, so they are paired: their mean, and Student's interval of it,
    `mean(d) +- t(n - 1) std(d) / sqrt(n)` over n seeds (Student 1908), in the columns "mAP - base", "mAP low" and
    "mAP high", in percentage points. "mAP verdict" is "better" or "worse" where the interval leaves zero out, "not
    decided" where it holds it or a single seed gives none, and empty where the variant has no such score. The same for
    mAcc. Raises `ValueError` for runs without a base.
    """
    base = runs[runs["Group"] == "base"].set_index("Seed")
    if base.empty:
        raise ValueError("the runs have no row of the group base, so there is nothing to compare with: measure it too")
    rows = []
    for (group, variant), of_row in runs[runs["Group"] != "base"].groupby(["Group", "Variant"], sort=False):
        row = {"Group": group, "Variant": variant, "Seeds": len(of_row)}
        for score in ("mAP", "mAcc"):
            differences = (of_row.set_index("Seed")[score] - base[score]).dropna().to_numpy(float)
            mean, low, high = _student(differences, confidence)
            verdict = "better" if low > 0 else "worse" if high < 0 else "not decided"
            row |= {f"{score} - base": mean, f"{score} low": low, f"{score} high": high}
            row[f"{score} verdict"] = verdict if len(differences) else ""
        rows.append(row)
    return pd.DataFrame(rows)


def decisions_table(runs: pd.DataFrame, rows: Sequence[Row] = ROWS, confidence: float = 0.95) -> pd.DataFrame:
    """`paired_intervals` for a reader, beside what the report says of `rows`: Variant, Report, mAP here, mAcc here."""
    says = {(row.group, row.name): row.report for row in rows}
    lines = []
    for _, row in paired_intervals(runs, confidence).iterrows():
        line = {"Variant": row["Variant"], "Report": says.get((row["Group"], row["Variant"]), "")}
        for score in ("mAP", "mAcc"):
            numbers = f"{row[f'{score} - base']:+.1f}"
            if np.isfinite(row[f"{score} low"]):
                numbers += f", {row[f'{score} low']:+.1f} to {row[f'{score} high']:+.1f}"
            verdict = row[f"{score} verdict"]
            line[f"{score} here"] = f"{verdict} ({numbers})" if verdict else ""
        lines.append(line)
    return pd.DataFrame(lines)


def _student(differences: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Mean of `(n,)` differences and the ends of its interval; NaN ends for a single one, NaN for none."""
    n = len(differences)
    if n == 0:
        return np.nan, np.nan, np.nan
    mean = float(differences.mean())
    if n == 1:
        return mean, np.nan, np.nan
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * differences.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half
