import pytest
import torch

from assignment_lib.batches import balance
from assignment_lib.data.attributes import target_tensor
from assignment_lib.reporting import plots
from assignment_lib.reporting.report_weights import report_shares, report_weights


def test_class_shares_are_the_counts_of_the_table(make_table):
    table = make_table(20, 2)
    table.loc[:3, "hat"] = -1
    figure = plots.class_shares(table, report_shares())
    hat = next(axes for axes in figure.axes if axes.get_title() == "hat")
    counts = [(table["hat"] == c).sum() for c in (0, 1)]
    assert [bar.get_width() for bar in hat.patches] == counts and hat.get_xscale() == "log"
    balanced, theirs = hat.lines
    assert balanced.get_xdata()[0] == sum(counts) / 2
    assert theirs.get_xdata() == pytest.approx([sum(counts) / (2 * w) for w in (0.5112, 22.8990)])


def test_class_shares_say_how_many_classes_are_rare(make_table):
    table = make_table(20, 4)
    for task in (
        "age",
        "backpack",
        "bag",
        "handbag",
        "clothes",
        "down",
        "up",
        "hair",
        "gender",
        "upcolor",
        "downcolor",
    ):
        table[task] = 0  # the 28 other classes of these tasks have no image
    table["hat"] = [1] * 9 + [0] * (len(table) - 9)
    title = plots.class_shares(table).get_suptitle()
    assert title.startswith("29 of 41 classes") and title.endswith(" only 0")


def test_weights_are_drawn_in_the_order_of_the_classes(make_table):
    targets = target_tensor(make_table(30, 2))
    weights = balance.class_weights(targets)
    table = balance.weights_table(before=weights, after=weights * 2)
    axes = plots.weights_before_after(table, "before", "after").axes[0]
    assert axes.lines[0].get_xdata() == pytest.approx(weights.double().numpy())
    assert axes.get_yticklabels()[10].get_text() == "clothes: dress" and axes.get_xscale() == "log"


def test_weights_beside_those_of_the_report(make_table):
    weights = balance.class_weights(target_tensor(make_table(30, 2)))
    first, second = report_weights()
    table = balance.weights_table(before=weights, after=weights, theirs=first, after_theirs=second)
    axes = plots.weights_before_after(table, "before", "after", report=("theirs", "after_theirs")).axes[0]
    assert axes.lines[2].get_xdata()[34] == pytest.approx(82.4364) and axes.lines[3].get_xdata()[34] == pytest.approx(
        10.7995
    )
    assert axes.get_title().endswith("(report: from 82.4 to 10.8)")


def test_shares_that_come_nearer_to_balance_are_counted():
    before = torch.full((41,), 0.2)
    after = before.clone()
    before[19], after[19] = 0.05, 0.1  # hat: yes, balanced at 1/2
    after[20] = 0.1  # gender: male goes away from 1/2
    before[0] = after[0] = 0.0
    axes = plots.shares_before_after(before, after, ("before", "after")).axes[0]
    assert axes.get_title().startswith("1 of 40 classes")
