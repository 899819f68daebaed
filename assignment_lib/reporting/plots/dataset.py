"""What is in a data set: counts, cameras, and the classes in its validation part."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from assignment_lib.reporting.plots.theme import BLUE, GRAY


def counts(values: pd.Series, title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw a histogram of whole numbers, one bar per value."""
    figure, axes = plt.subplots(figsize=(7, 3))
    found = values.value_counts().sort_index()
    axes.bar(found.index, found.to_numpy(), color=BLUE)
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    axes.grid(axis="x", visible=False)
    figure.tight_layout()
    return figure


def camera_table(table: pd.DataFrame) -> Figure:
    """Draw the number of images (left) and of identities (right) of each camera; `table` has a row per image."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    cameras = table.groupby("camera")
    people = table["pid"].nunique()
    for axes, values, label in ((left, cameras.size(), "images"), (right, cameras["pid"].nunique(), "people")):
        axes.bar(values.index.astype(str), values.to_numpy(), color=BLUE)
        axes.bar_label(axes.containers[0], fontsize=8)
        has, of = ("sees", f" of {people}") if label == "people" else ("has", "")
        title = f"A camera {has} {values.min()} to {values.max()}{of} {label}"
        axes.set(xlabel="camera", ylabel=label, title=title)
        axes.grid(axis="x", visible=False)
    right.axhline(people, color="black", linewidth=0.8, linestyle="--", label="all people")
    right.legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    return figure


def coverage(table: pd.DataFrame, most: int = 41) -> Figure:
    """Draw how many seeds gave how many classes; `table` has one column per way to split (`split.compare_coverage`)."""
    figure, axes = plt.subplots(figsize=(8, 3.2))
    bins = np.arange(table.to_numpy().min(), most + 2) - 0.5
    for column, color in zip(table, (BLUE, GRAY), strict=False):
        label = f"{column}: {table[column].mean():.1f} on average"
        axes.hist(table[column], bins.tolist(), alpha=0.7, color=color, label=label)
    first, *others = table.mean().items()
    title = f"The {first[0]} keeps {first[1]:.1f} of {most} classes" + "".join(
        f", the {name} {classes:.1f}" for name, classes in others
    )
    axes.axvline(most, color="black", linewidth=0.8, linestyle="--", label="all classes")
    axes.set(xlabel=f"classes of {most} in the validation part", ylabel="seeds", title=title)
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure
