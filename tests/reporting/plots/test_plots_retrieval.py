import numpy as np
import pandas as pd
import torch
from matplotlib.colors import to_hex

from assignment_lib.reporting import plots
from assignment_lib.reporting.plots.theme import GRAY, GREEN, RED


def test_frames_of_the_retrieval_grid():
    images = torch.zeros(3, 3, 8, 4, dtype=torch.uint8)
    figure = plots.retrieval_grid([images[0]], [images], [[0.9, 0.8, 0.7]], [[True, False, None]])
    colors = [to_hex(axes.spines["top"].get_edgecolor()).upper() for axes in figure.axes[1:]]
    assert colors == [GREEN, RED, GRAY]
    assert [axes.get_title() for axes in figure.axes] == ["query", "0.90", "0.80", "0.70"]


def test_the_chosen_threshold_is_marked_on_the_curve():
    scores = pd.DataFrame(
        {"threshold": [0.1, 0.5, 0.9], "precision": [0.2, 0.6, 1.0], "recall": [1.0, 0.7, 0.1], "f1": [0.3, 0.6, 0.2]}
    )
    left, right = plots.precision_recall(scores, {"f1": 0.55}).axes
    marks = [line for line in left.lines if line.get_marker() == "o"]
    assert [(float(m.get_xdata()[0]), float(m.get_ydata()[0])) for m in marks] == [(0.7, 0.6)]
    assert "f1 0.55" in [line.get_label() for line in right.lines]


def test_a_similarity_histogram_can_be_drawn():
    plots.similarity_histogram(np.array([0.5, 0.9]), np.array([0.1, 0.2]), 0.4).canvas.draw()
