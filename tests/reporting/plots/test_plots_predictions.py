import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.baselines import attribute_baselines
from assignment_lib.reporting import plots, tables
from assignment_lib.reporting.plots.theme import BLUE

SCORES = {task: {"acc": 0.5, "macc": 0.5} for task in (*TASKS, "average")}


def names(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_report_is_a_mark_on_our_bars():
    figure = plots.attribute_bars(tables.attribute_table(SCORES))
    axes = figure.axes[0]
    assert names(figure) == ["this run", "the report (Market-1501)"]
    marks = next(line for line in axes.lines if line.get_marker() == "D")
    assert marks.get_ydata().tolist() == [macc for _, macc in tables.REPORT_TABLE_1.values()]
    assert {bar.get_height() for bar in axes.patches[:13]} == {50}
    assert axes.get_title() == "mAcc 50.0 % on average"


def test_attribute_bars_of_a_named_recipe():
    better = {task: {"acc": 0.7, "macc": 0.9} for task in SCORES}
    table = tables.attribute_table(SCORES, others={"report": better}, name="strong")
    figure = plots.attribute_bars(table, name="strong")
    assert {bar.get_height() for bar in figure.axes[0].patches[:13]} == {50}
    assert names(figure)[0] == "recipe strong"


def test_absent_classes_are_gray_and_the_title_counts_what_beats_chance():
    targets = pd.DataFrame({task: np.arange(20) % len(classes) for task, classes in TASKS.items()})
    targets["hat"], targets["age"] = 0, targets["age"] % 3
    table = tables.attribute_table(SCORES, attribute_baselines(targets, targets))
    for column, baseline in (("mAcc", "chance"), ("Acc", "most frequent class")):
        figure = plots.attribute_bars(table, column)
        axes = figure.axes[0]
        said = [text.get_text() for text in axes.texts]
        assert said[:13] == ["50"] * 13 and said[13:] == ["1 absent", "1 absent", "2 absent"]
        colours = [to_hex(bar.get_facecolor()).upper() for bar in axes.patches[:13]]
        assert colours[list(TASKS).index("hat")] != BLUE and colours.count(BLUE) == 12
        assert names(figure)[2:] == [baseline, "only one class present"]
        of_tasks = table[table["Task"] != "average"]
        above = (of_tasks[column] > of_tasks[f"{column} ({'chance' if baseline == 'chance' else 'majority'})"]).sum()
        assert axes.get_title() == f"{column} 50.0 % on average, above {baseline} in {above} of 12 tasks"


def test_reliability_is_that_of_the_table_over_counts_on_a_log_scale():
    table = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 0.8], "images": [3, 4]})
    axes, below = plots.reliability({"as trained": table}).axes
    assert axes.lines[1].get_ydata().tolist() == [50, 80]
    assert below.get_yscale() == "log" and below.collections[0].get_segments()[1][1].tolist() == [90, 4]
    assert axes.get_title().endswith("as trained 10.0")
