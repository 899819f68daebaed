import pandas as pd
import pytest

from assignment_lib.reporting import plots

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 4],
        "score": [0.1, 0.4, 0.5, 0.2],
        "loss/pid": [3.0, 2, 1, 1],
        "reid/mAP": [0.1, 0.3, 0.5, 0.2],
        "attributes/average/macc": [0.5, 0.62, 0.6, 0.4],
    }
)


def lines(axes, label):
    return [line for line in axes.lines if line.get_label() == label]


def test_the_kept_epoch_is_marked_and_what_follows_is_shaded():
    figure = plots.training_curves(HISTORY, patience=1)
    losses, reid, attributes = figure.axes
    for axes in figure.axes:
        assert lines(axes, "kept epoch")[0].get_xdata()[0] == 3
        assert axes.patches[0].get_x() == 3 and axes.patches[0].get_width() == 1
    assert lines(losses, "pid") and not lines(reid, "mAcc") and lines(attributes, "mAcc")
    assert lines(reid, "mAP")[0].get_ydata().tolist() == pytest.approx([10, 30, 50, 20])
    assert reid.get_title() == "Re-identification: mAP 50.0 % in epoch 3"


def test_the_title_says_what_was_kept_and_what_fell():
    first = "Epoch 3 of 4 is kept: mAP 50.0 %, mAcc 60.0 %; "
    then = "\nfrom epoch 2 to 3 mAcc falls by 2.0 points while mAP rises by 20.0"
    for patience, middle in (
        (1, "stopped after 1 epochs without a gain (patience 1)"),
        (8, "1 epoch without a gain after it, patience 8"),
        (None, "1 epoch without a gain after it"),
    ):
        assert plots.training_curves(HISTORY, patience).get_suptitle() == first + middle + then


def test_attributes_alone_and_learned_weights_have_their_panels():
    alone = HISTORY.drop(columns="reid/mAP")
    assert len(plots.training_curves(alone).axes) == 2
    weights = alone.assign(**{"weight/attributes": [1, 2, 3, 4], "weight/pid": 1.0})
    figure = plots.training_curves(weights)
    figure.canvas.draw()
    assert figure.axes[2].get_title() == "Learned loss weights"
    fixed = alone.assign(**{"weight/attributes": 1.0, "weight/pid": 1.0})
    assert len(plots.training_curves(fixed).axes) == 2, "none was learned"


def test_accuracy_on_one_batch_is_in_percent():
    rows = pd.DataFrame({"loss": [2.0, 1.0], "accuracy": [0.5, 1.0]})
    figure = plots.overfitting({"x": rows})
    assert figure.axes[1].lines[0].get_ydata().tolist() == [50.0, 100.0]
    assert figure.get_suptitle() == "After 2 steps on one batch the attributes are right in: x 100 %"
