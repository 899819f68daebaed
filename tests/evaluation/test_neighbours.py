"""Attributes asked of an image's neighbours too."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.neighbours import neighbours_help, neighbours_table, with_neighbours
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.models.logit_adjustment import LogitAdjustment


def made_up(n: int, seed: int, tasks=TASKS) -> Predictions:
    generator = torch.Generator().manual_seed(seed)
    embeddings = F.normalize(torch.randn(n, 6, generator=generator))
    return Predictions(
        embeddings, {task: torch.randn(n, len(c), generator=generator).softmax(1) for task, c in tasks.items()}
    )


def naive(of, among, own, images, share, temperature):
    """Row by row, neighbour by neighbour."""
    result = {task: [] for task in of.probabilities}
    for i, x in enumerate(of.embeddings.numpy()):
        similar = [(float(x @ y), j) for j, y in enumerate(among.embeddings.numpy()) if j != own[i]]
        nearest = sorted(similar, reverse=True)[:images]
        weights = np.array([np.exp(s / temperature) for s, _ in nearest])
        weights /= weights.sum()
        for task, values in of.probabilities.items():
            around = sum(w * among.probabilities[task][j].numpy() for w, (_, j) in zip(weights, nearest, strict=True))
            result[task].append((1 - share) * values[i].numpy() + share * around)
    return result


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 15), st.floats(0, 1), st.floats(0.05, 2), st.integers(0, 99))
def test_as_naive_and_still_probabilities(n, images, share, temperature, seed):
    among = made_up(n, seed)
    rows = torch.arange(0, n, 2)
    of = Predictions(among.embeddings[rows], {task: p[rows] for task, p in among.probabilities.items()})
    mixed = with_neighbours(of, among, rows, None, images, share, temperature)
    wanted = naive(of, among, rows.tolist(), images, share, temperature)
    for task, values in mixed.probabilities.items():
        np.testing.assert_allclose(values, np.stack(wanted[task]), atol=1e-5)
        torch.testing.assert_close(values.sum(1), torch.ones(len(rows)))
    assert torch.equal(mixed.embeddings, of.embeddings)


def test_rows_that_are_not_among_the_others_have_all_of_these_as_neighbours():
    of, among = made_up(2, 0), made_up(3, 1)
    own = torch.tensor([-1, -1])
    mixed = with_neighbours(of, among, own, images=3, share=1.0, temperature=1e6)  # the plain mean of all three
    torch.testing.assert_close(mixed.probabilities["hat"], among.probabilities["hat"].mean(0).expand(2, 2))


def test_the_logit_adjustment_comes_last():
    priors = {"hat": torch.tensor([0.9, 0.1])}
    adjustment = LogitAdjustment({"hat": TASKS["hat"]}, 0.6)
    adjustment.set_priors(priors)
    raw = made_up(5, 3, {"hat": TASKS["hat"]})
    adjusted = raw._replace(
        probabilities={"hat": adjustment({"hat": raw.probabilities["hat"].log()})["hat"].softmax(1)}
    )
    own = torch.arange(5)
    mixed = with_neighbours(adjusted, adjusted, own, adjustment, images=2)
    plain = with_neighbours(raw, raw, own, images=2).probabilities["hat"]
    by_hand = plain / priors["hat"] ** 0.6
    torch.testing.assert_close(mixed.probabilities["hat"], by_hand / by_hand.sum(1, keepdim=True))


def test_chosen_where_it_helps():
    right, wrong = made_up(6, 0), made_up(6, 1)
    targets = right.classes()
    better, worse = neighbours_table(wrong, right, targets), neighbours_table(right, wrong, targets)
    assert better["Acc"].tolist()[1] == 100 and neighbours_help(better) and not neighbours_help(worse)
    even = pd.DataFrame({"Acc": [80.0, 81.0], "mAcc": [70.0, 69.0]})
    assert not neighbours_help(even)


def test_errors_say_what_to_do():
    one, two = made_up(1, 0), made_up(2, 0)
    with pytest.raises(ValueError, match="at least two"):
        with_neighbours(one, one, torch.tensor([0]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        with_neighbours(two, two, torch.arange(2), share=1.5)
