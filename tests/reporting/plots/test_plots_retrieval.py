import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex

from assignment_lib.reporting import plots
from assignment_lib.reporting.plots.theme import GRAY, GREEN, RED

IMAGES = torch.zeros(3, 3, 8, 4, dtype=torch.uint8)


def test_frames_and_names_of_the_retrieval_grid():
    figure = plots.retrieval_grid(
        [IMAGES[0]], [IMAGES], [[0.9, 0.8, 0.7]], [[True, False, None]], pids=[[7, 0, -1]]
    )  # fmt: skip
    colors = [to_hex(axes.spines["top"].get_edgecolor()).upper() for axes in figure.axes[1:]]
    assert colors == [GREEN, RED, GRAY]
    assert [axes.get_title() for axes in figure.axes] == ["query", "✓ 0.90", "✗ 0.80", "– 0.70"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "person 7", "distractor", "junk"]
    assert figure.get_suptitle() == (
        "The first image is the query's person for 1 of 1 queries;\n1 of the 2 images shown are "
        "(– not counted: 1, junk or the query's own camera)"
    )


def test_a_grid_whose_truth_is_unknown_has_no_frames():
    figure = plots.retrieval_grid([IMAGES[0]], [IMAGES[:1]], [[0.5]], query_titles=["someone"])
    assert [axes.get_title() for axes in figure.axes] == ["someone", "0.50"]
    assert not figure.axes[1].spines["top"].get_visible() and not figure.get_suptitle()


def test_the_chosen_thresholds_are_marked_and_equal_ones_share_a_name():
    scores = pd.DataFrame(
        {"threshold": [0.1, 0.5, 0.9], "precision": [0.2, 0.6, 1.0], "recall": [1.0, 0.7, 0.1], "f1": [0.3, 0.6, 0.2]}
    )
    left, right = plots.precision_recall(scores, {"f1": 0.55, "fixed": 0.5, "map": 0.1, "none": np.inf}).axes
    marks = next(line for line in left.lines if line.get_marker() == "o")
    assert list(zip(marks.get_xdata(), marks.get_ydata(), strict=True)) == [(0.7, 0.6), (1.0, 0.2)]
    assert {text.get_text() for text in left.texts} == {"f1, fixed", "map"}
    assert {text.get_text() for text in right.texts} == {"f1, fixed: 0.55", "map: 0.10"}
    assert right.get_title() == "What a threshold decides: the best F1 is 0.60, at 0.50"


def test_the_similarities_are_counted_with_their_base_rate():
    same, different = np.array([0.5, 0.9, 0.1, 0.8]), np.array([0.1, 0.2, 0.6, 0.0])
    figure = plots.similarity_histogram(same, different, 0.4, thinned=4)
    upper, lower = figure.axes
    assert upper.get_title() == (
        "Only 20 % of the pairs are the same person: the cut finds 75 % of those,\nand 43 % of the 7 pairs above it are right"
    )
    assert lower.get_yscale() == "log"
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [
        "same person: 4 pairs, 20 % of all, 75 % above the cut",
        "different people: 16 pairs, 80 % of all, 25 % above the cut",
    ]
    assert [line.get_xdata()[0] for line in upper.lines] == [0.4]
    heights = [patch.get_height() for patch in upper.patches]
    width = upper.patches[0].get_width()
    assert sum(heights) * width == pytest.approx(2)  # two densities


def test_a_cut_above_all_pairs_is_said():
    upper = plots.similarity_histogram(np.array([0.5]), np.array([0.1]), 0.95).axes[0]
    assert upper.get_title() == "No pair is above the cut of 0.95"
