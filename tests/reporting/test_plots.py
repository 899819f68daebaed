"""Figures are looked at by people; here only what can be wrong without being seen: what is drawn, and that it is written."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from assignment_lib.batches import balance
from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.reporting import plots, report


def test_saved_figures_are_the_same_file_each_time(tmp_path, make_table):
    for name in ("a", "b"):
        figure = plots.save_figure(plots.camera_table(make_table(5, 4)), name, tmp_path / "new")
        assert figure.axes
    assert (tmp_path / "new" / "a.png").read_bytes() == (tmp_path / "new" / "b.png").read_bytes()


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


def test_frames_of_the_retrieval_grid():
    images = torch.zeros(3, 3, 8, 4, dtype=torch.uint8)
    figure = plots.retrieval_grid([images[0]], [images], [[0.9, 0.8, 0.7]], [[True, False, None]])
    from matplotlib.colors import to_hex

    colors = [to_hex(axes.spines["top"].get_edgecolor()).upper() for axes in figure.axes[1:]]
    assert colors == [plots.GREEN, plots.RED, plots.GRAY]
    assert [axes.get_title() for axes in figure.axes] == ["query", "0.90", "0.80", "0.70"]


def test_best_epoch_is_marked():
    history = pd.DataFrame(
        {"epoch": [1, 2, 3], "score": [0.1, 0.5, 0.2], "loss/pid": [3.0, 2, 1], "reid/mAP": [0.1, 0.5, 0.2]}
    )
    figure = plots.training_curves(history)
    assert len(figure.axes) == 2
    marks = [line.get_xdata()[0] for line in figure.axes[1].lines if line.get_label() == "best epoch"]
    assert marks == [2]


def test_confusions_are_shares_of_the_true_class():
    figure = plots.confusion_matrices({"hat": np.array([[3, 1], [0, 0]])})
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.75", "0.25", "0.00", "0.00"]


def test_an_image_for_a_widget():
    image = torch.zeros(3, 16, 8, dtype=torch.uint8)
    image[0] = 255
    picture = Image.open(io.BytesIO(plots.as_png(image, height=32)))
    assert picture.size == (16, 32) and picture.getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("persons", [1, 3])
def test_all_figures_can_be_drawn(make_table, persons):
    table = make_table(20, 3)
    images = torch.zeros(len(table), 3, 16, 8, dtype=torch.uint8)
    figures = [
        plots.image_sheet(list(images[:7]), ["x"] * 7, columns=3),
        plots.identity_sheet(images, table, table["pid"].unique()[:persons], most=2),
        plots.counts(table["pid"].value_counts(), "t", "x", "y"),
        plots.correlations(table.drop_duplicates("pid")),
        plots.coverage(pd.DataFrame({"heuristic": [30, 31], "blind draw": [25, 28]})),
        plots.architecture("resnet18", (512, 4, 2), 512, 10),
        plots.attribute_bars(report.attribute_table({t: {"acc": 0.5, "macc": 0.5} for t in (*TASKS, "average")})),
        plots.similarity_histogram(np.array([0.5, 0.9]), np.array([0.1, 0.2]), 0.4),
    ]
    for figure in figures:
        figure.canvas.draw()
        plots.plt.close(figure)


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


def test_the_chosen_threshold_is_marked_on_the_curve():
    scores = pd.DataFrame(
        {"threshold": [0.1, 0.5, 0.9], "precision": [0.2, 0.6, 1.0], "recall": [1.0, 0.7, 0.1], "f1": [0.3, 0.6, 0.2]}
    )
    left, right = plots.precision_recall(scores, {"f1": 0.55}).axes
    marks = [line for line in left.lines if line.get_marker() == "o"]
    assert [(float(m.get_xdata()[0]), float(m.get_ydata()[0])) for m in marks] == [(0.7, 0.6)]
    assert "f1 0.55" in [line.get_label() for line in right.lines]


def test_costs_and_reliability_are_drawn():
    means = pd.DataFrame({"Variant": ["a (b)"], "Seconds an epoch": [3.0], "mAP": [50.0], "Parameters (M)": [5.0]})
    assert [text.get_text() for text in plots.cost(means).axes[0].get_legend().get_texts()] == ["a, 5.0 M"]
    table = pd.DataFrame({"confidence": [0.6, 0.9], "accuracy": [0.5, 0.8], "images": [3, 4]})
    axes = plots.reliability({"as trained": table}).axes[0]
    assert axes.lines[1].get_ydata().tolist() == [0.5, 0.8]
    rows = pd.DataFrame({"loss": [2.0, 1.0], "accuracy": [0.5, 1.0]})
    assert plots.overfitting({"x": rows}).axes[1].lines[0].get_ydata().tolist() == [50.0, 100.0]
