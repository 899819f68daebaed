import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data.attributes import TASKS
from assignment_lib.retrieval import attribute_search as search


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_descriptions_are_parsed(text, expected):
    assert search.parse(text) == expected


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
def test_precision_compared_with_a_loop(seed):
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
    result = search.precision_at(order, targets, conditions, depth=4)
    assert (result.correct, result.judged) == (sum(map(bool, hits[:4])), len(hits[:4]))
    if hits:
        assert result.chance == pytest.approx(sum(map(bool, hits)) / len(hits))
        assert result.share == pytest.approx(sum(map(bool, hits[:4])) / len(hits[:4]))


@pytest.fixture
def probabilities():
    uniform = {task: torch.full((4, len(classes)), 1 / len(classes)) for task, classes in TASKS.items()}
    return uniform | {"hat": torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])}


def test_a_table_of_descriptions(probabilities):
    targets = torch.zeros(4, len(TASKS), dtype=torch.long)
    targets[[0, 3], list(TASKS).index("hat")] = 1
    table = search.precision_table(probabilities, targets, ["hat", "no hat"], depth=2)
    assert table["Description"].tolist() == ["hat", "no hat"] and table["Correct"].tolist() == ["1 of 2", "1 of 2"]
    assert table["Precision, %"].tolist() == [50, 50] and table["Chance, %"].tolist() == [50, 50]


def test_a_description_that_matches_no_image(probabilities):
    hat, purple = [search.Condition("hat", "yes")], [search.Condition("upcolor", "purple")]
    assert search.predicted(probabilities, hat).tolist() == [True, False, True, False]
    assert search.result_note(probabilities, hat).startswith("2 of 4")
    assert search.result_note(probabilities, [*hat, *purple]).startswith("No image")
    table = search.precision_table(probabilities, torch.zeros(4, len(TASKS), dtype=torch.long), ["purple top"])
    assert "no image" in table["Correct"][0]
    with pytest.raises(ValueError, match="no predictions for hat"):
        search.rank_by_attributes({}, hat)
