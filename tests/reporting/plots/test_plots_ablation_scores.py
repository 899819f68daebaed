import pandas as pd

from assignment_lib.reporting import plots


def test_seeds_and_means_of_the_ablations():
    runs = pd.DataFrame(
        {
            "Group": ["base", "base", "network"],
            "Variant": ["one", "one", "two"],
            "mAP": [40.0, 60.0, 45.0],
            "mAcc": [1.0, 3.0, None],
        }
    )
    left, right = plots.ablations(runs, "one").axes
    assert [line.get_xdata().tolist() for line in left.lines if line.get_marker() == "."] == [[40.0, 60.0], [45.0]]
    assert [float(line.get_xdata()[0]) for line in left.lines if line.get_marker() == "o"] == [50.0, 45.0]
    assert float(left.lines[-1].get_xdata()[0]) == 50.0 and float(right.lines[-1].get_xdata()[0]) == 2.0
    assert [label.get_text() for label in left.get_yticklabels()] == ["one", "two"]


def test_the_cost_names_each_network_and_its_size():
    means = pd.DataFrame({"Variant": ["a (b)"], "Seconds an epoch": [3.0], "mAP": [50.0], "Parameters (M)": [5.0]})
    assert [text.get_text() for text in plots.cost(means).axes[0].get_legend().get_texts()] == ["a, 5.0 M"]
