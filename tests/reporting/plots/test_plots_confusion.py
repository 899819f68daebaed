import numpy as np

from assignment_lib.reporting import plots


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_confusions_are_percent_of_the_true_class():
    figure = plots.confusion_matrices({"hat": np.array([[3, 1], [1, 1]])})
    axes = figure.axes[0]
    assert texts(axes) == ["75", "25", "50", "50"]
    assert [text.get_position() for text in axes.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["no (4)", "yes (2)"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["no", "yes"]
    assert axes.get_title() == "hat: mAcc 62 %, chance 50 %"


def test_an_absent_class_is_gray_and_zeros_are_hidden():
    axes = plots.confusion_matrices({"hat": np.array([[999, 1], [0, 0]])}).axes[0]
    assert texts(axes) == ["absent", "100"]
    assert [patch.get_xy() for patch in axes.patches] == [(-0.5, 0.5)]
    assert axes.get_title() == "hat: one class only"


def test_the_commonest_confusion_of_all_tasks_is_named():
    figure = plots.confusion_matrices({"hat": np.array([[3, 5], [2, 2]]), "up": np.array([[90, 1], [6, 4]])})
    assert figure.get_suptitle().startswith("Most often confused: up “short” is called “long” on 6 of 10 images\n")
    assert "nothing is confused" in plots.confusion_matrices({"hat": np.diag([3, 2])}).get_suptitle()
