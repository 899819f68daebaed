import pytest

from assignment_lib.batches import balance
from assignment_lib.data.attributes import target_tensor
from assignment_lib.reporting import plots


def test_class_shares_are_those_of_the_table(make_table):
    table = make_table(20, 2)
    figure = plots.class_shares(table)
    hat = next(axes for axes in figure.axes if axes.get_title() == "hat")
    assert [bar.get_width() for bar in hat.patches] == pytest.approx([(table["hat"] == c).mean() for c in (0, 1)])


def test_weights_are_drawn_in_the_order_of_the_classes(make_table):
    targets = target_tensor(make_table(30, 2))
    weights = balance.class_weights(targets)
    table = balance.weights_table(before=weights, after=weights * 2)
    axes = plots.weights_before_after(table, "before", "after").axes[0]
    assert axes.lines[0].get_xdata() == pytest.approx(weights.double().numpy())
    assert axes.get_yticklabels()[10].get_text() == "clothes: dress" and axes.get_xscale() == "log"
