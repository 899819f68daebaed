"""Attributes are visible in the drawn person, colours match their names, and cameras differ."""

import math
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from assignment_lib.data.attributes import TASKS
from synthetic_pedestrians.canvas import along, outline, toward, visible_span
from synthetic_pedestrians.figure import render_person
from synthetic_pedestrians.person import Pose, create_person
from synthetic_pedestrians.scenes import Renderer, Shot, create_cameras

PLAIN = dict.fromkeys(TASKS, 0) | {"age": 1, "clothes": 1, "upcolor": 5, "downcolor": 5}


def person(seed=5, **changes):
    return create_person(list((PLAIN | changes).values()), np.random.default_rng(seed))


def rendered(yaw=0.0, seed=5, **changes):
    """Colours and coverage of the plain person with some attributes changed."""
    return render_person(person(seed, **changes), Pose(yaw=yaw, phase=0.8))


@pytest.mark.parametrize("task", [task for task, classes in TASKS.items() if len(classes) == 2])
@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, np.pi])
def test_every_binary_attribute_is_visible_from_every_side(task, yaw):
    images = []
    for value in (0, 1):
        colors, coverage = rendered(yaw, **{task: value})
        images.append(colors * coverage + 120 * (1 - coverage))
    assert (np.abs(images[0] - images[1]).max(2) > 25).sum() >= 40


def test_ages_differ_in_shape_and_look():
    heights, heads = [], []
    for age in range(4):
        coverage = rendered(age=age)[1][..., 0] > 0.5
        rows = np.flatnonzero(coverage.any(1))
        heights.append(len(rows))
        heads.append(coverage[rows[0] : rows[0] + len(rows) // 8].sum(1).max() / len(rows))
    assert heights[0] < 0.92 * min(heights[1], heights[2])
    assert heads[0] > 1.25 * max(heads[1], heads[2])
    teenager = rendered(age=1)[0]
    assert all((np.abs(rendered(age=age)[0] - teenager).max(2) > 25).sum() > 150 for age in (0, 2, 3))
    assert np.abs(rendered(seed=6)[0] - teenager).mean() > 3, "people with equal attributes differ"


def middle_color(task, name, rows):
    """Mean over four people of the median colour in the middle of the body."""
    means = []
    for seed in range(4):
        colors, coverage = rendered(0.0, seed, **{task: TASKS[task].index(name)})
        means.append(np.median(colors[rows, 26:38][coverage[rows, 26:38, 0] > 0.9], axis=0))
    return np.mean(means, axis=0)


@pytest.mark.parametrize("task, rows", [("upcolor", slice(38, 56)), ("downcolor", slice(70, 84))])
def test_colors_match_their_names(task, rows):
    rgb = {name: middle_color(task, name, rows) for name in TASKS[task] if name != "multicolor"}
    assert max(rgb["black"]) < 60 and min(rgb["white"]) > 170
    assert np.ptp(rgb["gray"]) < 30 and 60 < rgb["gray"].mean() < 170
    assert rgb["blue"].argmax() == 2 and rgb["green"].argmax() == 1
    assert min(rgb["yellow"][:2]) > rgb["yellow"][2] + 60
    assert rgb["purple"].argmin() == 1
    if task == "upcolor":
        assert rgb["red"][0] > 2 * max(rgb["red"][1:])
    else:
        assert rgb["pink"].argmax() == 0 and rgb["pink"].min() > 90
        assert rgb["brown"][0] > rgb["brown"][1] > rgb["brown"][2]


def test_geometry_by_hand():
    nodes = [(0.0, 0.0, 1.0), (0.0, 10.0, 2.0), (0.0, 12.0, 4.0)]
    assert along(nodes, 0.5) == (0.0, 10.0, 2.0) and along(nodes, 0.75) == (0.0, 11.0, 3.0)
    assert along(nodes, 2.0) == nodes[-1] and toward(nodes[0], nodes[1], 1.5) == (0.0, 15.0, 2.5)
    edge = outline([(10.0, 0.0, 2.0), (10.0, 8.0, 3.0)], [(1.0, 0.0)] * 2, 1.0, 0.0, 0.0)
    assert edge == [(8.0, 0.0), (7.0, 8.0), (13.0, 8.0), (12.0, 0.0)]  # down one side, up the other
    assert visible_span(0.2, 0.5, 1.5) == pytest.approx((-0.3, 0.7))
    assert visible_span(1.4, 0.5, 1.5) == pytest.approx((0.9, 1.5))
    assert visible_span(2 * math.pi, 0.5, 1.5) == pytest.approx((-0.5, 0.5))
    assert visible_span(math.pi, 0.5, 1.5) is None


def test_cameras_after_the_sixth_are_variations():
    nine = create_cameras(9, seed=0)
    assert nine[:6] == create_cameras(6, seed=1)
    assert len(set(nine)) == 9 and nine[6:] != create_cameras(9, seed=1)[6:]
    with Image.open(BytesIO(Renderer(0, 9, {1: person()}).jpeg(Shot("train", "", 1, 1, 9, 1, 0)))) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 128))
