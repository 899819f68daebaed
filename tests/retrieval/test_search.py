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


@given(st.integers(0, 10**6))
@settings(max_examples=30)
def test_precision_beside_a_loop(seed):
    random = torch.Generator().manual_seed(seed)
    images = int(torch.randint(1, 15, (1,), generator=random))
    targets = torch.randint(-1, 2, (images, len(TASKS)), generator=random)
    order = torch.randperm(images, generator=random)
    conditions = [search.Condition("hat", "yes"), search.Condition("gender", "male")]
    hat, gender = (list(TASKS).index(task) for task in ("hat", "gender"))
    hits = []
    for place in order.tolist():
        if targets[place, hat] >= 0 and targets[place, gender] >= 0:
            hits.append(targets[place, hat] == 1 and targets[place, gender] == 0)
    found = search.precision_at(order, targets, conditions, depth=4)
    assert (found.right, found.judged) == (sum(map(bool, hits[:4])), len(hits[:4]))
    if hits:
        assert found.chance == pytest.approx(sum(map(bool, hits)) / len(hits))
        assert found.share == pytest.approx(sum(map(bool, hits[:4])) / len(hits[:4]))


def test_a_table_of_descriptions():
    probabilities = {task: torch.full((4, len(classes)), 1 / len(classes)) for task, classes in TASKS.items()}
    probabilities["hat"] = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    targets = torch.zeros(4, len(TASKS), dtype=torch.long)
    targets[[0, 3], list(TASKS).index("hat")] = 1
    table = search.precision_table(probabilities, targets, ["hat", "no hat"], depth=2)
    assert table["Asked"].tolist() == ["hat", "no hat"] and table["Right"].tolist() == ["1 of 2", "1 of 2"]
    assert table["Precision, %"].tolist() == [50, 50] and table["Chance, %"].tolist() == [50, 50]
