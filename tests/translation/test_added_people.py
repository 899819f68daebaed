"""Added people reach the training images only; colour matching and Fréchet distance follow their formulas."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import linalg

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.training.assembly import Split
from assignment_lib.translation import added_people


def table(people, attributes=True):
    pids = np.repeat(np.arange(1, 1 + people), 3)
    rows = pd.DataFrame({"path": "x", "file": [f"{i}.jpg" for i in range(len(pids))], "pid": pids})
    rows["camera"] = np.arange(len(pids)) % 3 + 1
    return rows.assign(**{task: pids % len(classes) for task, classes in TASKS.items()}) if attributes else rows


def images_of(rows, value=0):
    return torch.full((len(rows), 3, 8, 8), value, dtype=torch.uint8)


@pytest.fixture
def split():
    train, validation = table(4), table(1).assign(pid=7)
    none = images_of(train[:0])
    return Split("own", train, images_of(train), validation, images_of(validation), none, "none", True, "data")


@pytest.mark.parametrize("attributes", [True, False])
def test_added_people_are_new_people_from_new_cameras(split, attributes):
    others = table(2, attributes)  # the same ids, other people
    both = added_people.with_added(split, others, images_of(others, 9))
    assert both.train["added"].tolist() == [False] * 12 + [True] * 6
    assert both.train["pid"].tolist()[12:] == [8, 8, 8, 9, 9, 9], "ids after those of training and validation"
    assert set(both.train["camera"][12:]).isdisjoint(both.train["camera"][:12])
    assert both.train_images[12:].eq(9).all() and len(both.train_images) == 18
    expected = target_tensor(others) if attributes else torch.full((6, 12), -1)
    assert (target_tensor(both.train)[12:] == expected).all()
    assert both.validation is split.validation and both.distractor_images is split.distractor_images


def test_colour_matching_by_hand():
    """Mean 100 and deviation 50 become those of the camera: 60 and 10 in red, 180 and 60 in green for camera 0."""
    images = torch.tensor([[50, 50, 50], [150, 150, 150]] * 2, dtype=torch.uint8)[..., None, None]
    target = torch.tensor([[50, 120, 9], [70, 240, 9], [90, 0, 0], [110, 0, 0]], dtype=torch.uint8)[..., None, None]
    matched = added_people.match_colours(images, target, torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 1]))
    assert torch.equal(matched, target)


def test_frechet_distance_is_the_formula_with_scipys_root():
    torch.manual_seed(0)
    one, other = torch.randn(60, 5) @ torch.randn(5, 5), torch.randn(50, 5) @ torch.randn(5, 5) + 0.5
    covariances = [np.cov(x.double().numpy().T) for x in (one, other)]
    means = float((one.double().mean(0) - other.double().mean(0)).square().sum())
    root = linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = means + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert added_people.frechet_distance(one, other) == pytest.approx(expected, rel=1e-8)
