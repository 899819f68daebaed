import pandas as pd

from assignment_lib.reporting import plots


def test_best_epoch_is_marked():
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "score": [0.1, 0.5, 0.2], "loss/pid": [3.0, 2, 1], "reid/mAP": [0.1, 0.5, 0.2]}
    )
    figure = plots.training_curves(history)
    assert len(figure.axes) == 2
    marks = [line.get_xdata()[0] for line in figure.axes[1].lines if line.get_label() == "best epoch"]
    assert marks == [2]


def test_accuracy_on_one_batch_is_in_percent():
    rows = pd.DataFrame({"loss": [2.0, 1.0], "accuracy": [0.5, 1.0]})
    assert plots.overfitting({"x": rows}).axes[1].lines[0].get_ydata().tolist() == [50.0, 100.0]
