"""What is in a data set: counts, cameras, attributes that go together, and the classes in its validation part."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from assignment_lib.data.attributes import TASKS
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
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3))
    cameras = table.groupby("camera")
    for axes, values, label in ((left, cameras.size(), "images"), (right, cameras["pid"].nunique(), "people")):
        axes.bar(values.index.astype(str), values.to_numpy(), color=BLUE)
        axes.bar_label(axes.containers[0], fontsize=8)
        axes.set(xlabel="camera", ylabel=label, title=f"{label.capitalize()} a camera")
        axes.grid(axis="x", visible=False)
    figure.tight_layout()
    return figure


def correlations(people: pd.DataFrame) -> Figure:
    """Draw the Pearson correlations of the two-class tasks; `people` has the target columns, one row per identity."""
    binary = [task for task, classes in TASKS.items() if len(classes) == 2]
    # "clothes: pants" says more than a 1: the label names what a 1 means
    table = people[binary].rename(columns={task: f"{task}: {TASKS[task][1]}" for task in binary})
    figure, axes = plt.subplots(figsize=(7, 5.6))
    mask = np.triu(np.ones((len(binary), len(binary)), dtype=bool))
    sns.heatmap(table.corr(), ax=axes, mask=mask, vmin=-1, vmax=1, cmap="RdBu_r", annot=True, fmt=".2f", square=True)
    axes.set_title("Correlation of two-class attributes over people")
    figure.tight_layout()
    return figure


def coverage(table: pd.DataFrame, most: int = 41) -> Figure:
    """Draw how many seeds gave how many classes; `table` has one column per way to split (`split.compare_coverage`)."""
    figure, axes = plt.subplots(figsize=(8, 3.2))
    bins = np.arange(table.to_numpy().min(), most + 2) - 0.5
    for column, color in zip(table, (BLUE, GRAY), strict=False):
        label = f"{column}: {table[column].mean():.1f} on average"
        axes.hist(table[column], bins.tolist(), alpha=0.7, color=color, label=label)
    axes.set(xlabel=f"classes of {most} in the validation part", ylabel="seeds", title="Class coverage of the split")
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.tight_layout()
    return figure
