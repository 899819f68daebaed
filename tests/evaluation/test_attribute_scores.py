import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.attribute_scores import (
    attribute_baselines,
    attribute_scores,
    confident_errors,
    confusion,
    worst_queries,
)

NAMES = list(TASKS)


@st.composite
def attribute_cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = draw(st.integers(1, 40))
    return tuple(
        np.stack([rng.integers(0, draw(st.integers(1, len(classes))), images) for classes in TASKS.values()], 1)
        for _ in range(2)
    )


@settings(max_examples=15, deadline=None)
@given(attribute_cases())
def test_attribute_scores_equal_scikit_learn(case):
    predictions, targets = case
    scores = attribute_scores(predictions, targets)
    assert list(scores) == [*TASKS, "average"]
    for column, task in enumerate(TASKS):
        predicted, wanted = predictions[:, column], targets[:, column]
        assert scores[task]["acc"] == pytest.approx(sklearn_metrics.accuracy_score(wanted, predicted))
        recall = sklearn_metrics.recall_score(wanted, predicted, labels=np.unique(wanted), average="macro")
        assert scores[task]["macc"] == pytest.approx(recall)
        expected = sklearn_metrics.confusion_matrix(wanted, predicted, labels=range(len(TASKS[task])))
        np.testing.assert_array_equal(confusion(predicted, wanted, len(TASKS[task])), expected)
    for key in ("acc", "macc"):
        assert scores["average"][key] == pytest.approx(np.mean([scores[task][key] for task in TASKS]))
    assert attribute_scores(torch.tensor(predictions), torch.tensor(targets, dtype=torch.int32)) == scores
    in_another_order = pd.DataFrame(targets, columns=NAMES)[NAMES[::-1]]
    assert attribute_scores(predictions, in_another_order) == scores


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (np.zeros((0, 12), int), r"predictions have .* shape \(0, 12\)"),
        (np.zeros((5, 11), int), r"predictions have .* shape \(5, 11\)"),
        (np.full((5, 12), np.nan), "predictions have dtype float64"),
        (np.zeros((4, 12), int), "4 rows and targets 5"),
        (np.full((5, 12), 2), r"predictions: backpack has a class outside 0\.\.1"),
        (np.full((5, 12), -1), r"predictions: age has a class outside 0\.\.3"),
        (pd.DataFrame(np.zeros((5, 10), int), columns=NAMES[2:]), "predictions: no column for age, backpack"),
    ],
)
def test_wrong_attribute_predictions_are_named(predictions, message):
    with pytest.raises(ValueError, match=message):
        attribute_scores(predictions, np.zeros((5, 12), int))


def test_wrong_confusion_input_is_named():
    with pytest.raises(ValueError, match=r"targets has a class outside 0\.\.1"):
        confusion([0, 1], [0, 2], 2)
    with pytest.raises(ValueError, match="predictions has 2 entries for 3"):
        confusion([0, 1], [0, 1, 1], 2)


def frame(rows, **columns):
    """A frame of class 0 except for the given tasks."""
    return pd.DataFrame({task: columns.get(task, [0] * rows) for task in TASKS})


def test_baselines_by_hand():
    train = frame(5, hat=[1, 1, 1, 0, 0], upcolor=[3, 5, 5, 3, 8])  # upcolor: a tie of 3 and 5
    scored = frame(4, hat=[1, 0, 0, 0], upcolor=[3, 3, 5, 0], age=[0, 2, 2, 3])
    baselines = attribute_baselines(train, scored)
    assert baselines["hat"] == {"majority_acc": 0.25, "chance_macc": 0.5, "classes": 2}
    assert baselines["upcolor"] == {"majority_acc": 0.5, "chance_macc": pytest.approx(1 / 3), "classes": 3}
    assert baselines["bag"] == {"majority_acc": 1, "chance_macc": 1, "classes": 1}
    average = {"majority_acc": 10 / 12, "chance_macc": (9 + 1 / 2 + 2 / 3) / 12, "classes": 17}
    assert list(baselines) == [*TASKS, "average"] and baselines["average"] == pytest.approx(average)
    assert attribute_baselines(train.to_numpy(), torch.tensor(scored.to_numpy())) == baselines
    with pytest.raises(ValueError, match=r"train_targets: hat has a class outside 0\.\.1"):
        attribute_baselines(frame(1, hat=[2]), frame(1))


def probabilities(images, **chosen):
    """Probability 1 for class 0 except for the given tasks, task -> `(N, C)`."""
    even = {task: torch.eye(len(classes))[torch.zeros(images, dtype=torch.long)] for task, classes in TASKS.items()}
    return even | {task: torch.tensor(values) for task, values in chosen.items()}


def test_confident_errors_are_sorted_and_skip_unknown_targets():
    targets = torch.zeros(6, len(TASKS), dtype=torch.long)
    targets[3] = -1
    hat = torch.tensor([0.6, 0.9, 0.1, 1.0, 0.55, 0.7])
    values = probabilities(6, hat=torch.stack([1 - hat, hat], 1).tolist(), up=[[0.2, 0.8]] + [[1.0, 0.0]] * 5)
    table = confident_errors(values, targets)
    assert table[["image", "task", "true", "predicted"]].to_numpy().tolist() == [
        [1, "hat", "no", "yes"], [0, "up", "long", "short"], [5, "hat", "no", "yes"], [0, "hat", "no", "yes"],
    ]  # fmt: skip
    assert table["confidence"].tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6]) and table["image"].dtype == "int64"
    assert len(confident_errors(values, targets, most=1)) == 1
    table = confident_errors(probabilities(2), torch.zeros(2, len(TASKS), dtype=torch.long))
    assert table.empty and list(table) == ["image", "task", "true", "predicted", "confidence"]


def test_worst_queries_by_hand():
    table = worst_queries([[True, True], [None, False, None, True, False, True], [False]])
    assert table["query"].tolist() == [1, 0] and table["AP"].tolist() == [1 / 2, 1]
    assert table["first match"].tolist() == [2, 1] and table["matches"].tolist() == [2, 2]
