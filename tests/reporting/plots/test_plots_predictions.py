import numpy as np
import pandas as pd

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting import plots, tables


def test_confusions_are_shares_of_the_true_class():
    figure = plots.confusion_matrices({"hat": np.array([[3, 1], [0, 0]])})
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.75", "0.25", "0.00", "0.00"]


def test_attribute_bars_can_be_drawn():
    scores = {task: {"acc": 0.5, "macc": 0.5} for task in (*TASKS, "average")}
    plots.attribute_bars(tables.attribute_table(scores)).canvas.draw()


def test_reliability_is_that_of_the_table():
    table = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 0.8], "images": [3, 4]})
    axes = plots.reliability({"as trained": table}).axes[0]
    assert axes.lines[1].get_ydata().tolist() == [0.5, 0.8]
