import numpy as np
import pandas as pd

from assignment_lib.data.attributes import TASKS
from assignment_lib.reporting import plots


def test_the_strongest_pair_is_named_and_a_constant_task_is_gray():
    random = np.random.default_rng(0)
    people = pd.DataFrame({task: random.integers(0, len(classes), 300) for task, classes in TASKS.items()})
    people["clothes"], people["hat"] = 1 - people["gender"], 0
    figure = plots.correlations(people)
    figure.canvas.draw()
    axes = figure.axes[0]
    assert axes.get_title() == (
        "Two-class attributes of 300 people: strongest are\n“gender: female” and “clothes: pants” (r = -1.00)"
    )
    texts = [text.get_text() for text in axes.texts]
    assert texts.count("one class only") == 1
    pairs = 9 * 8 // 2
    assert len(texts) == pairs - 8 + 1  # hat has no correlation with the eight others
    assert texts[0] == f"{people['backpack'].corr(people['bag']):.2f}"


def test_people_who_are_all_alike_can_be_drawn():
    figure = plots.correlations(pd.DataFrame({task: [0, 0] for task in TASKS}))
    figure.canvas.draw()
    assert figure.axes[0].get_title() == "Two-class attributes of 2 people"
