import numpy as np
import pandas as pd
import pytest
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation import baselines
from assignment_lib.models import backbones


def targets(rows, **columns):
    """A frame of class 0 everywhere, but for the tasks given."""
    return pd.DataFrame({task: columns.get(task, [0] * rows) for task in TASKS})


def test_the_most_frequent_class_of_the_training_images_is_said():
    train = targets(5, hat=[1, 1, 1, 0, 0], upcolor=[3, 5, 5, 3, 8])  # upcolor: a tie of 3 and 5
    scored = targets(4, hat=[1, 0, 0, 0], upcolor=[3, 3, 5, 0])
    scores = baselines.majority_scores(train, scored)
    assert scores["hat"] == {"acc": 0.25, "macc": 0.5}
    assert scores["upcolor"] == {"acc": 0.5, "macc": pytest.approx(1 / 3)}
    assert scores["average"]["acc"] == pytest.approx((10 + 0.25 + 0.5) / 12)
    assert baselines.majority_scores(train.to_numpy(), torch.tensor(scored.to_numpy())) == scores


def test_a_majority_that_is_never_right_scores_nothing():
    scores = baselines.majority_scores(targets(1, hat=[1]), targets(2))
    assert scores["hat"] == {"acc": 0, "macc": 0}


def test_chance_counts_the_classes_that_occur():
    chance = baselines.chance_macc(targets(4, age=[0, 2, 2, 3], hat=[1, 1, 1, 1]))
    assert chance["age"] == pytest.approx(1 / 3) and chance["hat"] == 1
    assert chance["average"] == pytest.approx((11 + 1 / 3) / 12)


def test_guessing_comes_to_chance():
    random = np.random.default_rng(0)
    wanted = np.stack([random.integers(0, len(classes), 20000) for classes in TASKS.values()], 1)
    guessed = np.stack([random.integers(0, len(classes), 20000) for classes in TASKS.values()], 1)
    scores, chance = baselines.attribute_scores(guessed, wanted), baselines.chance_macc(wanted)
    for task in TASKS:
        assert scores[task]["macc"] == pytest.approx(chance[task], abs=0.02)


def test_baselines_for_the_table():
    found = baselines.attribute_baselines(targets(2), targets(4, age=[0, 2, 2, 3]))
    assert found["age"] == {"majority_acc": 0.25, "chance_macc": pytest.approx(1 / 3), "classes": 3}
    assert found["hat"] == {"majority_acc": 1, "chance_macc": 1, "classes": 1}
    assert list(found) == [*TASKS, "average"] and found["average"]["classes"] == 14


def test_baselines_refuse_what_scores_refuse():
    with pytest.raises(ValueError, match=r"train_targets: hat holds a class outside 0\.\.1"):
        baselines.majority_scores(targets(1, hat=[2]), targets(1))
    with pytest.raises(ValueError, match="targets hold no image"):
        baselines.chance_macc(targets(0))


def test_untrained_embeddings_are_the_pooled_features(monkeypatch):
    def pixels(name, pretrained):
        assert (name, pretrained) == ("resnet18", True)
        return backbones.Backbone(torch.nn.Identity(), 3, (0.5, 0.5, 0.5), (0.5, 0.25, 0.5))

    monkeypatch.setattr(backbones, "backbone", pixels)
    images = torch.randint(0, 256, (5, 3, 8, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = baselines.untrained_embeddings("resnet18", images, batch_size=2)
    means = images.double().div(255).mean((2, 3)).sub(0.5).div(torch.tensor([0.5, 0.25, 0.5], dtype=torch.double))
    torch.testing.assert_close(found.double(), means / means.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32
    assert baselines.untrained_embeddings("resnet18", images[:0]).shape == (0, 3)


def test_untrained_embeddings_of_a_network():
    images = torch.randint(0, 256, (3, 3, 64, 32), dtype=torch.uint8)
    torch.manual_seed(0)
    found = baselines.untrained_embeddings("resnet10t", images, pretrained=False)
    assert found.shape == (3, 512) and torch.allclose(found.norm(dim=1), torch.ones(3))
    torch.manual_seed(0)
    alone = baselines.untrained_embeddings("resnet10t", images[1:2], pretrained=False)
    torch.testing.assert_close(alone, found[1:2])
