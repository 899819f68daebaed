import pandas as pd

from assignment_lib.reporting import plots
from assignment_lib.reporting.speed_to_quality import COLUMNS


def test_the_mark_stands_where_the_other_recipe_passes():
    rows = [["report", 0, 1, 2.0, 10.0, 50.0, 70.0], ["report", 0, 2, 4.0, 30.0, 50.0, 70.0]]
    rows += [["strong", 0, 1, 1.5, 20.0, 50.0, 70.0], ["strong", 0, 2, 3.0, 36.0, 50.0, 70.0]]
    runs = pd.DataFrame(rows, columns=COLUMNS)
    figure = plots.speed_to_quality(runs)
    figure.canvas.draw()
    axes = figure.axes[0]
    assert axes.get_title() == "strong passes report's final mAP after 3 of 4 minutes"
    assert [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"] == [30.0]
    dots = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert dots == [(4.0, 30.0), (3.0, 36.0)]
    assert [text.get_text() for text in axes.texts] == ["report", "strong"]
    labels = [(text.xy, text.get_color()) for text in axes.texts]
    assert labels[0][0] == (4.0, 30.0) and labels[1][0] == (3.0, 36.0) and labels[0][1] != labels[1][1]


def test_a_recipe_that_never_passes_has_no_mark():
    rows = [["report", 0, 1, 2.0, 30.0, None, None], ["strong", 0, 1, 1.0, 20.0, None, None]]
    axes = plots.speed_to_quality(pd.DataFrame(rows, columns=COLUMNS)).axes[0]
    assert "does not reach" in axes.get_title()
    assert len([line for line in axes.lines if line.get_marker() == "o"]) == 1  # report's own end
