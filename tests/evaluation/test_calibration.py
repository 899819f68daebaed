import numpy as np
import pytest
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation import calibration


@pytest.fixture(scope="module")
def drawn():
    """Logits, and targets drawn from them: these probabilities are right by construction."""
    generator = torch.Generator().manual_seed(0)
    logits = {task: 2 * torch.randn(4000, len(classes), generator=generator) for task, classes in TASKS.items()}
    targets = [torch.multinomial(values.softmax(1), 1, generator=generator) for values in logits.values()]
    return logits, torch.cat(targets, 1)


@pytest.mark.parametrize("true", [1.0, 2.5, 0.5])
def test_the_temperature_that_was_put_in_is_found(drawn, true):
    logits, targets = drawn
    spoiled = {task: (true * values).softmax(1) for task, values in logits.items()}
    found = calibration.fit_temperatures(spoiled, targets)
    assert list(found) == list(TASKS)
    assert all(temperature == pytest.approx(true, rel=0.12) for temperature in found.values())
    again = calibration.calibrated(spoiled, found)
    before = calibration.expected_calibration_error(calibration.reliability(spoiled, targets))
    after = calibration.expected_calibration_error(calibration.reliability(again, targets))
    assert after < 0.012 and (true == 1.0 or after < before / 4)
    for task in TASKS:
        assert torch.equal(again[task].argmax(1), spoiled[task].argmax(1))
        torch.testing.assert_close(again[task].sum(1), torch.ones(4000))


def test_the_best_temperature_by_trying_all(drawn):
    logits, targets = drawn
    spoiled = {task: (3 * values).softmax(1) for task, values in logits.items()}
    found = calibration.fit_temperatures(spoiled, targets)["age"]
    tried = torch.linspace(1, 6, 501)
    losses = [torch.nn.functional.cross_entropy(3 * logits["age"] / t, targets[:, 0]) for t in tried]
    assert found == pytest.approx(float(tried[torch.stack(losses).argmin()]), abs=0.02)


def test_a_task_that_is_always_right_stays_finite():
    probabilities = {task: torch.eye(len(classes))[torch.zeros(5, dtype=torch.long)] for task, classes in TASKS.items()}
    found = calibration.fit_temperatures(probabilities, torch.zeros(5, 12, dtype=torch.long))
    assert all(0.04 < temperature < 21 for temperature in found.values())


def test_reliability_by_hand():
    two = {task: torch.zeros(4, len(classes)) for task, classes in TASKS.items()}
    for values in two.values():
        values[:, 0], values[:, 1] = torch.tensor([0.95, 0.95, 0.65, 0.65]), torch.tensor([0.05, 0.05, 0.35, 0.35])
    targets = torch.zeros(4, 12, dtype=torch.long)
    targets[3] = 1
    table = calibration.reliability(two, targets)
    assert table["confidence"].tolist() == pytest.approx([0.65, 0.95])
    assert table["accuracy"].tolist() == [0.5, 1.0] and table["images"].tolist() == [24, 24]
    assert calibration.expected_calibration_error(table) == pytest.approx((0.15 + 0.05) / 2)


def test_what_temperatures_are_worth_to_other_people(drawn):
    logits, targets = drawn
    spoiled = {task: (3 * values).softmax(1) for task, values in logits.items()}
    pids = np.arange(4000) // 4 * 7
    found = calibration.worth(spoiled, targets, pids)
    errors = []
    for even in (0, 1):
        fitted, judged = (torch.from_numpy(pids // 7 % 2 == part) for part in (even, 1 - even))
        temperatures = calibration.fit_temperatures({t: v[fitted] for t, v in spoiled.items()}, targets[fitted])
        scaled = calibration.calibrated({t: v[judged] for t, v in spoiled.items()}, temperatures)
        errors.append(calibration.expected_calibration_error(calibration.reliability(scaled, targets[judged])))
    assert found["with temperatures"] == pytest.approx(sum(errors) / 2) and found["as trained"] > 4 * sum(errors) / 2
