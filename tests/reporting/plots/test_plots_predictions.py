import numpy as np
import pandas as pd

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.baselines import attribute_baselines
from assignment_lib.reporting import plots, tables


def test_confusions_are_shares_of_the_true_class():
    figure = plots.confusion_matrices({"hat": np.array([[3, 1], [2, 2]])})
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["0.75", "0.25", "0.50", "0.50"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no (4)", "yes (4)"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["no", "yes"]


def test_an_absent_class_is_marked_and_zeros_are_hidden():
    axes = plots.confusion_matrices({"hat": np.array([[4, 0], [0, 0]])}).axes[0]
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["1.00", "absent"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no (4)", "yes (0)"]
    assert [patch.get_xy() for patch in axes.patches if patch.get_hatch()] == [(0, 1)]
    axes = plots.confusion_matrices({"hat": np.array([[999, 1], [0, 5]])}).axes[0]
    assert [text.get_text() for text in axes.texts if text.get_text()] == ["1.00", "1.00"]


SCORES = {task: {"acc": 0.5, "macc": 0.5} for task in (*TASKS, "average")}


def test_attribute_bars_can_be_drawn():
    figure = plots.attribute_bars(tables.attribute_table(SCORES))
    figure.canvas.draw()
    assert [text.get_text() for text in figure.axes[0].get_legend().texts] == ["this run", "the report (Market-1501)"]


def test_attribute_bars_of_a_named_recipe():
    better = {task: {"acc": 0.7, "macc": 0.9} for task in SCORES}
    table = tables.attribute_table(SCORES, others={"report": better}, name="strong")
    axes = plots.attribute_bars(table, name="strong").axes[0]
    assert {bar.get_height() for bar in axes.patches[:13]} == {50}
    assert axes.get_legend().texts[0].get_text() == "recipe strong"


def test_attribute_bars_mark_absent_classes_and_baselines():
    targets = pd.DataFrame({task: np.arange(20) % len(classes) for task, classes in TASKS.items()})
    targets["hat"], targets["age"] = 0, targets["age"] % 3
    table = tables.attribute_table(SCORES, attribute_baselines(targets, targets))
    for column, baseline in (("mAcc", "chance"), ("Acc", "most frequent class")):
        figure = plots.attribute_bars(table, column)
        figure.canvas.draw()
        axes = figure.axes[0]
        assert [text.get_text() for text in axes.texts] == ["1 absent", "1 absent", "2 absent"]
        assert [bar.get_hatch() is not None for bar in axes.patches[:13]].count(True) == 3
        assert [text.get_text() for text in axes.get_legend().texts][2:] == [
            baseline, "some classes are absent", "only one class present",
        ]  # fmt: skip


def test_reliability_is_that_of_the_table():
    table = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 0.8], "images": [3, 4]})
    axes = plots.reliability({"as trained": table}).axes[0]
    assert axes.lines[1].get_ydata().tolist() == [0.5, 0.8]
