import numpy as np
import pytest
from drawn_people import look

from assignment_lib.data.attributes import TASKS


def middle_color(task: str, name: str, rows: slice) -> np.ndarray:
    """Mean colour of the middle of the body; from behind, where no print is, over several people."""
    means = []
    for seed in range(4):
        colors, cover = look(0.0, seed, **{task: TASKS[task].index(name)})
        region = colors[rows, 26:38][cover[rows, 26:38, 0] > 0.9]
        means.append(np.median(region, axis=0))
    return np.mean(means, axis=0)


@pytest.mark.parametrize("task, rows", [("upcolor", slice(38, 56)), ("downcolor", slice(70, 84))])
def test_colors_have_their_name(task, rows):
    seen = {name: middle_color(task, name, rows) for name in TASKS[task] if name != "multicolor"}
    assert max(seen["black"]) < 60 and min(seen["white"]) > 170
    assert np.ptp(seen["gray"]) < 30 and 60 < seen["gray"].mean() < 170
    assert seen["blue"].argmax() == 2 and seen["green"].argmax() == 1
    assert min(seen["yellow"][:2]) > seen["yellow"][2] + 60
    assert seen["purple"].argmin() == 1
    if task == "upcolor":
        assert seen["red"][0] > 2 * max(seen["red"][1:])
    else:
        assert seen["pink"].argmax() == 0 and seen["pink"].min() > 90
        assert seen["brown"][0] > seen["brown"][1] > seen["brown"][2]


def test_multicolor_has_more_than_one_color():
    def variety(**changes):
        colors, cover = look(0.0, 7, **changes)
        region = colors[36:62, 24:40][cover[36:62, 24:40, 0] > 0.9]
        chroma = region / region.sum(1, keepdims=True)
        return chroma.std(0).max()

    assert variety(upcolor=8) > 3 * variety(upcolor=6)
