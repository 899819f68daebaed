import pandas as pd
import pytest

from assignment_lib.reporting import plots
from assignment_lib.training.repeat import mean_and_interval

RUNS = pd.DataFrame({"Seed": [0, 1, 2], "Epoch": [3, 4, 5], "mAcc": [60.0, 61.0, 62.0], "mAP": [30.0, 40.0, 35.0]})


def test_seeds_means_and_intervals_are_drawn_beside_the_report():
    figure = plots.seed_spread(RUNS)
    figure.canvas.draw()
    axes = figure.axes[0]
    table = mean_and_interval(RUNS)
    strokes = [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "|"]
    assert strokes == [[60, 61, 62], [30, 40, 35]]
    assert [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "D"] == [66.8, 56.3]
    wide = axes.collections[1].get_segments()[0][:, 0]
    assert wide[1] - wide[0] == pytest.approx(2 * table["±"][1])
    assert axes.get_title() == "3 seeds of one recipe: mAP moves most, by 10.0 points"


def test_one_seed_has_no_spread():
    with pytest.raises(ValueError, match="1 seed show no spread"):
        plots.seed_spread(RUNS.head(1))
