import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from assignment_lib.data import attributes
from assignment_lib.evaluation.attribute_scores import attribute_scores, confusion

TASKS = list(attributes.TASKS)


@st.composite
def attribute_cases(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    images = draw(st.integers(1, 40))
    return tuple(
        np.stack(
            [rng.integers(0, draw(st.integers(1, len(classes))), images) for classes in attributes.TASKS.values()], 1
        )
        for _ in range(2)
    )


@settings(max_examples=15, deadline=None)
@given(attribute_cases())
def test_attribute_scores_are_scikit_learn_s(case):
    predictions, targets = case
    scores = attribute_scores(predictions, targets)
    assert list(scores) == [*TASKS, "average"]
    for column, task in enumerate(TASKS):
        predicted, wanted = predictions[:, column], targets[:, column]
        assert scores[task]["acc"] == pytest.approx(sklearn_metrics.accuracy_score(wanted, predicted))
        recall = sklearn_metrics.recall_score(wanted, predicted, labels=np.unique(wanted), average="macro")
        assert scores[task]["macc"] == pytest.approx(recall)
        expected = sklearn_metrics.confusion_matrix(wanted, predicted, labels=range(len(attributes.TASKS[task])))
        np.testing.assert_array_equal(confusion(predicted, wanted, len(attributes.TASKS[task])), expected)
    for key in ("acc", "macc"):
        assert scores["average"][key] == pytest.approx(np.mean([scores[task][key] for task in TASKS]))


def test_attribute_scores_take_tensors_and_frames_by_column_name():
    rng = np.random.default_rng(0)
    predictions, targets = (
        np.stack([rng.integers(0, len(classes), 30) for classes in attributes.TASKS.values()], 1) for _ in range(2)
    )
    expected = attribute_scores(predictions, targets)
    assert attribute_scores(torch.tensor(predictions), torch.tensor(targets, dtype=torch.int32)) == expected
    frame = pd.DataFrame(targets, columns=TASKS)[TASKS[::-1]]
    assert attribute_scores(predictions, frame) == expected


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (np.zeros((0, 12), int), "predictions hold no image"),
        (np.zeros((5, 11), int), r"predictions have shape \(5, 11\)"),
        (np.zeros((5, 12)), "predictions are float64"),
        (np.full((5, 12), np.nan), "predictions are float64"),
        (np.zeros((4, 12), int), "predictions have 4 rows and targets 5"),
        (np.full((5, 12), 2), r"predictions: backpack holds a class outside 0\.\.1"),
        (np.full((5, 12), -1), r"predictions: age holds a class outside 0\.\.3"),
        (pd.DataFrame(np.zeros((5, 10), int), columns=TASKS[2:]), "predictions: no column for the tasks age, backpack"),
    ],
)
def test_wrong_attribute_predictions_are_named(predictions, message):
    with pytest.raises(ValueError, match=message):
        attribute_scores(predictions, np.zeros((5, 12), int))


def test_wrong_confusion_input_is_named():
    with pytest.raises(ValueError, match=r"targets hold a class outside 0\.\.1"):
        confusion([0, 1], [0, 2], 2)
    with pytest.raises(ValueError, match=r"predictions have shape \(2,\) and targets \(3,\)"):
        confusion([0, 1], [0, 1, 1], 2)
