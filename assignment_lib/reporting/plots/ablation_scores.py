"""The ablation table as figures: what each variant scores, and what it costs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure


def ablations(runs: pd.DataFrame, base: str) -> Figure:
    """Draw mAP and mAcc of every variant: a small dot per seed, a large one for their mean, a line at the base's mean.

    `runs` as `ablation_tables.results_table` makes it, in percent; `base` is the name of the variant that the others
    change; one colour per group.
    """
    variants = list(dict.fromkeys(runs["Variant"]))
    groups = list(dict.fromkeys(runs["Group"]))
    palette = dict(zip(groups, sns.color_palette("colorblind", len(groups)), strict=True))
    colours = {row["Variant"]: palette[row["Group"]] for _, row in runs.iterrows()}
    figure, panels = plt.subplots(1, 2, figsize=(12, 1.2 + 0.3 * len(variants)), sharey=True)
    for axes, score in zip(panels, ("mAP", "mAcc"), strict=True):
        for place, variant in enumerate(variants):
            values = runs.loc[runs["Variant"] == variant, score].dropna()
            axes.plot(values, [place] * len(values), ".", color=colours[variant], alpha=0.6, markersize=6)
            axes.plot(values.mean(), place, "o", color=colours[variant], markersize=9)
        axes.axvline(runs.loc[runs["Variant"] == base, score].mean(), color="black", linestyle="--", linewidth=1)
        axes.set(title=f"{score}, percent", yticks=range(len(variants)))
    panels[0].set_yticklabels(variants, fontsize=9)
    panels[0].set_ylim(len(variants) - 0.5, -0.5)
    figure.tight_layout()
    return figure


def cost(means: pd.DataFrame) -> Figure:
    """Draw seconds per epoch against mAP, one dot per network of `means`, its area growing with the parameters.

    `means` as `ablation_tables.table` makes it.
    """
    figure, axes = plt.subplots(figsize=(10, 4))
    for colour, (_, row) in zip(sns.color_palette("husl", len(means)), means.iterrows(), strict=True):
        label = f"{row['Variant'].split(' (')[0]}, {row['Parameters (M)']:.1f} M"
        axes.scatter(
            row["Seconds an epoch"], row["mAP"], s=20 + 8 * row["Parameters (M)"], color=colour, label=label, alpha=0.8
        )
    axes.set(xlabel="seconds an epoch", ylabel="mAP, percent", title="Cost and gain", xlim=(0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    figure.tight_layout()
    return figure
