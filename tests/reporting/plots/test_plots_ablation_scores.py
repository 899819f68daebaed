import matplotlib.colors as colors
import numpy as np
import pandas as pd
import pytest

from assignment_lib.reporting import plots
from assignment_lib.reporting.plots.theme import BLUE, GRAY, GREEN, RED
from assignment_lib.training.ablation_rows import BASE


def runs(**variants):
    """Three seeds of a base at 40, 50 and 60 %, and variants by their differences from it."""
    rows = []
    for name, differences in {BASE: (0, 0, 0), **variants}.items():
        for seed, difference in enumerate(differences):
            rows.append(
                {
                    "Group": "base" if name == BASE else "network",
                    "Variant": name,
                    "Seed": seed,
                    "mAP": 40 + 10 * seed + difference,
                    "mAcc": None if name == "no attributes" else 50.0 + difference,
                }
            )
    return pd.DataFrame(rows)


def said(axes):
    return [text.get_text() for text in axes.texts]


def test_differences_are_drawn_with_what_is_decided():
    figure = plots.ablations(runs(good=(1, 1.1, 0.9), bad=(-1, -1.1, -0.9), unclear=(3, -3, 1)), BASE)
    figure.canvas.draw()
    left, right = figure.axes
    assert said(left) == said(right) == ["+1.0", "-1.0", "+0.3 (not decided)"]
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx([1, -1, 1 / 3])
    assert [dot.get_color() for dot in dots] == [GREEN, RED, GRAY]
    seeds = [np.asarray(line.get_xdata()).tolist() for line in left.lines if line.get_marker() == "|"]
    assert seeds[2] == [3, -3, 1]
    assert [label.get_text() for label in left.get_yticklabels()] == ["network", "good", "bad", "unclear"]
    assert figure.get_suptitle() == (
        "mAP (base 50.0 %): of 3 changes 1 better, 1 worse, 1 not decided; best: good (+1.0)\n"
        "mAcc (base 50.0 %): of 3 changes 1 better, 1 worse, 1 not decided; best: good (+1.0)"
    )


def test_networks_from_scratch_have_a_scale_of_their_own():
    figure = plots.ablations(
        runs(**{"one thing": (1, 2, 3), "same backbone from scratch": (-40, -41, -42), "no attributes": (1, 1, 1)}),
        BASE,
    )
    above, below = figure.axes[0], figure.axes[2]
    assert [label.get_text() for label in below.get_yticklabels()] == ["network", "same backbone from scratch"]
    assert above.get_xlim()[0] > -5 and below.get_xlim()[0] < -40
    assert said(figure.axes[1])[-1] == "no such score"


def test_one_seed_decides_nothing():
    figure = plots.ablations(runs(good=(5, 5, 5)).query("Seed == 0"), BASE)
    figure.canvas.draw()
    assert said(figure.axes[0]) == ["+5.0 (not decided)"]


def test_a_base_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="no variant is called 'other'"):
        plots.ablations(runs(good=(1, 1, 1)), "other")
    with pytest.raises(ValueError, match="nothing beside"):
        plots.ablations(runs(), BASE)


def means(rows):
    return pd.DataFrame(rows, columns=["Variant", "Seconds an epoch", "mAP", "Parameters (M)"])


def test_the_cost_names_each_network_its_size_and_those_that_none_beats():
    figure = plots.cost(
        means([["a (b)", 3.0, 50.0, 5.0], ["slow, bad", 9.0, 20.0, 1.0], ["slow, good", 8.0, 60.0, 1.0]])
    )
    axes = figure.axes[0]
    assert set(said(axes)) == {"a, 5.0 M", "slow, bad, 1.0 M", "slow, good, 1.0 M"}
    drawn = dict(
        zip(axes.collections[0].get_offsets()[:, 0].tolist(), axes.collections[0].get_facecolors(), strict=True)
    )
    assert {x: colors.to_hex(colour).upper() for x, colour in drawn.items()} == {3.0: BLUE, 8.0: BLUE, 9.0: GRAY}
    assert axes.get_title().startswith("2 of 3 networks are beaten by none") and "a, slow, good" in axes.get_title()


def test_one_network_may_beat_all():
    axes = plots.cost(means([["a", 3.0, 50.0, 5.0], ["b", 9.0, 20.0, 1.0]])).axes[0]
    assert axes.get_title() == "a is the fastest and has the highest mAP of 2"
