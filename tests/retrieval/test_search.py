import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data.attributes import TASKS
from assignment_lib.retrieval import search


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("female, backpack, red top", [("gender", "female"), ("backpack", "yes"), ("upcolor", "red")]),
        (
            "a man without a hat; blue jeans",
            [("gender", "male"), ("hat", "no"), ("downcolor", "blue"), ("clothes", "pants")],
        ),
        (
            "woman with a backpack and a blue dress",
            [("gender", "female"), ("backpack", "yes"), ("downcolor", "blue"), ("clothes", "dress")],
        ),
        ("blue trousers, pants, jeans", [("downcolor", "blue"), ("clothes", "pants")]),
        ("Old and no bag", [("age", "old"), ("bag", "no")]),
        ("pink skirt", [("downcolor", "pink"), ("clothes", "dress")]),
        ("with long hair, short sleeves, shorts", [("hair", "long"), ("up", "short"), ("down", "short")]),
        ("multicolor shirt,", [("upcolor", "multicolor")]),
    ],
)
def test_what_people_type(text, wanted):
    assert search.parse(text) == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("female, umbrella, tall", "not understood: umbrella, tall; say for example"),
        ("pink top", "not understood: pink top"),  # no such class for the upper body
        ("no female", "not understood: no female"),
        ("male, woman", "two wishes about gender"),
        ("blue trousers, dress", "two wishes about clothes"),
        (" , ", "nothing is asked for"),
    ],
)
def test_what_is_not_understood_is_said(text, message):
    with pytest.raises(ValueError, match=message):
        search.parse(text)


def test_every_word_names_a_class():
    for task, name in search.WORDS.values():
        assert name in TASKS[task]


@settings(deadline=None)
@given(st.sets(st.sampled_from(list(TASKS)), min_size=1), st.integers(0, 2**31))
def test_ranking_is_by_the_product(tasks, seed):
    generator = torch.Generator().manual_seed(seed)
    probabilities = {
        task: torch.rand(9, len(classes), generator=generator).softmax(1) for task, classes in TASKS.items()
    }
    conditions = [search.Condition(task, TASKS[task][-1]) for task in tasks]
    order, together = search.rank_by_attributes(probabilities, conditions)
    for place, probability in zip(order.tolist(), together.tolist(), strict=True):
        product = 1.0
        for task in tasks:
            product *= float(probabilities[task][place, -1])
        assert probability == pytest.approx(product, rel=1e-4)
    assert together.tolist() == sorted(together.tolist(), reverse=True)
    assert sorted(order.tolist()) == list(range(9))
