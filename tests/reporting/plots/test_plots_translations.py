import pandas as pd
import pytest
import torch

from assignment_lib.reporting import plots

HISTORY = pd.DataFrame(
    {"epoch": [1, 2], "loss/deceived": [0.2, 0.3], "loss/discriminator": [0.3, 0.2], "loss/content": [2.0, 1.0]}
).assign(**{"loss/kept": [1.5, 0.5]})


def test_rows_stand_below_each_other_under_their_names():
    images = torch.rand(4, 3, 16, 8)
    figure = plots.translation_sheet({"before": images, "after": 1 - images}, "what", [f"camera {i}" for i in range(4)])
    assert len(figure.axes) == 8
    assert [axes.get_ylabel() for axes in figure.axes[::4]] == ["before", "after"]
    assert [axes.get_title() for axes in figure.axes[:5]] == ["camera 0", "camera 1", "camera 2", "camera 3", ""]
    shown = torch.from_numpy(figure.axes[5].images[0].get_array().data).permute(2, 0, 1)
    torch.testing.assert_close(shown, 1 - images[1])
    with pytest.raises(ValueError, match="rows of 3, 4 images"):
        plots.translation_sheet({"before": images, "after": images[1:]})


def test_the_losses_are_drawn_with_what_an_even_game_has():
    figure = plots.translation_curves(HISTORY)
    game, places = figure.axes
    curves = {tuple(line.get_ydata()) for line in game.lines if len(line.get_ydata()) == 2 and line.get_marker() == "."}
    assert curves == {(0.2, 0.3), (0.3, 0.2)}
    assert {line.get_ydata()[0] for line in game.lines if line.get_linestyle() == ":"} == {0.125, 0.25}
    assert {tuple(line.get_ydata()) for line in places.lines} == {(2.0, 1.0), (1.5, 0.5)}
    assert "discriminator is ahead" in figure.get_suptitle()
    even = HISTORY.assign(**{"loss/discriminator": [0.3, 0.26]})
    assert "generator is ahead" in plots.translation_curves(even).get_suptitle()
