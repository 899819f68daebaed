import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data.attributes import TASKS
from assignment_lib.retrieval import attribute_search as search


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("female, backpack, red top", "gender female, backpack yes, upcolor red"),
        ("a man without a hat; blue jeans", "gender male, hat no, downcolor blue, clothes pants"),
        ("woman with a backpack and a blue dress", "gender female, backpack yes, downcolor blue, clothes dress"),
        ("blue trousers, pants, jeans", "downcolor blue, clothes pants"),
        ("Old and no bag, cap", "age old, bag no, hat yes"),
        ("with long hair, short sleeves, shorts", "hair long, up short, down short"),
        ("child, multicolor shirt,", "age young, upcolor multicolor"),
    ],
)
def test_descriptions_are_parsed(text, expected):
    assert ", ".join(f"{task} {name}" for task, name in search.parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("female, umbrella, tall", "umbrella, tall"),
        ("pink top", "pink top"),  # no such class for the upper body
        ("no female", "no female"),
        ("male, woman", "gender"),
        ("blue trousers, dress", "clothes"),
        (" , ", "empty"),
    ],
)
def test_descriptions_that_cannot_be_parsed(text, message):
    with pytest.raises(ValueError, match=message):
        search.parse(text)


def test_every_word_names_a_class():
    assert all(name in TASKS[task] for task, name in search.WORDS.values())


@settings(deadline=None, max_examples=30)
@given(st.sets(st.sampled_from(list(TASKS)), min_size=1), st.integers(0, 2**31))
def test_ranking_is_by_the_product(tasks, seed):
    generator = torch.Generator().manual_seed(seed)
    probabilities = {task: torch.rand(9, len(names), generator=generator).softmax(1) for task, names in TASKS.items()}
    conditions = [search.Condition(task, TASKS[task][-1]) for task in tasks]
    order, joint = search.rank_by_attributes(probabilities, conditions)
    for position, probability in zip(order.tolist(), joint.tolist(), strict=True):
        assert probability == pytest.approx(math.prod(float(probabilities[task][position, -1]) for task in tasks), 1e-4)
    assert joint.tolist() == sorted(joint.tolist(), reverse=True) and sorted(order.tolist()) == list(range(9))


@pytest.fixture
def probabilities():
    uniform = {task: torch.full((4, len(classes)), 1 / len(classes)) for task, classes in TASKS.items()}
    return uniform | {"hat": torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])}


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=30)
def test_precision_compared_with_a_loop(seed):
    random = torch.Generator().manual_seed(seed)
    images = int(torch.randint(1, 40, (1,), generator=random))
    targets = torch.randint(-1, 2, (images, len(TASKS)), generator=random)
    probabilities = {task: torch.rand(images, len(c), generator=random).softmax(1) for task, c in TASKS.items()}
    order, _ = search.rank_by_attributes(probabilities, search.parse("hat, man"))
    hat, gender = (list(TASKS).index(task) for task in ("hat", "gender"))
    known = [row for row in targets[order].tolist() if row[hat] >= 0 and row[gender] >= 0]
    hits = [row[hat] == 1 and row[gender] == 0 for row in known]
    row = search.precision_table(probabilities, targets, ["hat, man"]).iloc[0]
    assert row["Correct"].startswith(f"{sum(hits[:10])} of {len(hits[:10])}")
    expected = [100 * sum(values) / len(values) if values else math.nan for values in (hits[:10], hits)]
    assert row[["Precision, %", "Chance, %"]].tolist() == pytest.approx(expected, nan_ok=True)


def test_descriptions_that_match_some_and_no_images(probabilities):
    hat = [search.Condition("hat", "yes")]
    assert search.predicted(probabilities, hat).tolist() == [True, False, True, False]
    targets = torch.zeros(4, len(TASKS), dtype=torch.long)
    table = search.precision_table(probabilities, targets, ["no hat", "purple top"])
    assert table["Description"].tolist() == ["no hat", "purple top"]
    assert table["Correct"][0] == "4 of 4" and "no image" in table["Correct"][1]
    with pytest.raises(ValueError, match="no predictions for hat"):
        search.rank_by_attributes({}, hat)
