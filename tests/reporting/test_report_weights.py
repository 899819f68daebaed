"""The report's printed weights, against what weights of shares have to fulfil."""

import pytest
import torch

from assignment_lib.batches.balance import by_task
from assignment_lib.reporting.report_weights import report_shares, report_weights


def test_shares_of_every_legible_task_sum_to_one():
    for weights, unread in zip(report_weights(), (3, 3), strict=True):
        assert int(weights.isnan().sum()) == unread  # of downcolor alone
        for task, of_task in by_task(weights).items():
            if not of_task.isnan().any():
                assert float((1 / (len(of_task) * of_task)).sum()) == pytest.approx(1, abs=5e-4), task


def test_an_unread_weight_is_what_the_others_leave():
    first, second = report_weights()
    yes = 1 / (2 * (1 - 1 / (2 * 0.6739)))  # backpack
    assert float(first[5]) == pytest.approx(yes, abs=1e-4) and float(second[5]) == pytest.approx(2.0688)


def test_shares_belong_to_the_weights():
    shares = report_shares()
    assert float(shares[19]) == pytest.approx(1 / (2 * 22.8990)) and torch.isnan(shares).sum() == 3
