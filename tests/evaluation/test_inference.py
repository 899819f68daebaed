import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from assignment_lib.data.attributes import TASKS, target_tensor
from assignment_lib.data.dataset import Dataset
from assignment_lib.evaluation import inference, metrics
from assignment_lib.models.joint import Output


class MeanColor(nn.Module):
    """The embedding is the mean colour; every task's logits are its first numbers."""

    def __init__(self, attributes=True, pid=True):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(5.0))
        self.attributes = attributes
        self.pid_classifier = nn.Linear(3, 2) if pid else None

    def forward(self, images):
        color = images.mean(dim=(2, 3)) * self.scale
        logits = {task: F.pad(color, (0, 10))[:, : len(c)] for task, c in TASKS.items()} if self.attributes else {}
        return Output(color, logits, None)


@pytest.fixture
def images():
    return torch.randint(0, 256, (20, 3, 8, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_predictions_do_not_depend_on_the_batch_size(images):
    model = MeanColor()
    one, many = inference.predict(model, images, batch_size=1), inference.predict(model, images, batch_size=7)
    assert torch.allclose(one.embeddings, many.embeddings, atol=1e-6)
    assert torch.equal(one.classes(), many.classes())


def test_predictions_by_hand(images):
    predictions = inference.predict(MeanColor(), images)
    color = images.float().div(255).mean(dim=(2, 3)) * 5
    assert torch.allclose(predictions.embeddings, F.normalize(color), atol=1e-5)
    assert torch.allclose(predictions.probabilities["hat"], color[:, :2].softmax(1), atol=1e-5)
    assert predictions.classes().shape == (20, 12)
    assert predictions.classes()[:, 8].tolist() == color[:, :2].argmax(1).tolist()


def test_training_mode_is_restored(images):
    model = MeanColor().train()
    inference.predict(model, images)
    assert model.training
    inference.predict(model.eval(), images)
    assert not model.training


def test_scores_are_those_of_the_metrics(images, make_table):
    table = make_table(5, 4)
    predictions = inference.predict(MeanColor(), images)
    scores = inference.evaluate(MeanColor(), images, table)
    assert scores["attributes"] == metrics.attribute_scores(predictions.classes(), target_tensor(table))
    alone = metrics.reid_scores_within(predictions.embeddings, table["pid"].to_numpy())
    assert scores["reid"]["mAP"] == pytest.approx(alone.mAP) and scores["reid"]["queries"] == 20
    across = metrics.reid_scores_within(predictions.embeddings, table["pid"].to_numpy(), table["camera"].to_numpy())
    assert scores["reid"]["cross_camera"]["mAP"] == pytest.approx(across.mAP)


def test_no_cross_camera_score_without_cameras(images, make_table):
    assert "cross_camera" not in inference.evaluate(MeanColor(), images, make_table(5, 4).assign(camera=-1))["reid"]
    assert "cross_camera" not in inference.evaluate(MeanColor(), images, make_table(5, 4).assign(camera=1))["reid"]


def test_what_decides_the_best_epoch(images, make_table):
    table = make_table(5, 4)
    scores = inference.validator(images, table)(MeanColor())
    assert scores["score"] == pytest.approx((scores["attributes"]["average"]["macc"] + scores["reid"]["mAP"]) / 2)
    scores = inference.validator(images, table, reid=False)(MeanColor())
    assert scores["score"] == scores["attributes"]["average"]["macc"]
    scores = inference.validator(images, table[["path", "file", "pid", "camera"]])(MeanColor(attributes=False))
    assert "attributes" not in scores and scores["score"] == scores["reid"]["mAP"]


def test_scores_on_a_known_test(images, make_table):
    predictions = inference.predict(MeanColor(), images)
    gallery = make_table(5, 4)
    gallery.loc[0, ["pid", *TASKS]] = -1  # junk
    gallery.loc[1, "pid"] = 0
    gallery.loc[1, list(TASKS)] = -1
    query = make_table(5, 4).iloc[::4].reset_index(drop=True)
    of_query = inference.Predictions(
        predictions.embeddings[::4], {t: p[::4] for t, p in predictions.probabilities.items()}
    )
    data = Dataset("x", None, "market1501", gallery, query, gallery)
    scores = inference.test_scores(of_query, predictions, data)
    labels = [t[c].to_numpy() for c in ("pid", "camera") for t in (query, gallery)]
    wanted = metrics.reid_scores(of_query.embeddings, predictions.embeddings, *labels)
    assert scores["reid"]["mAP"] == pytest.approx(wanted.mAP)
    known = np.arange(20) > 1
    right = (predictions.classes()[known, 8] == target_tensor(gallery)[known, 8]).float().mean()
    assert scores["attributes"]["hat"]["acc"] == pytest.approx(float(right))
    anonymous = Dataset("x", None, "course", gallery, query.assign(pid=-2), gallery)
    assert inference.test_scores(of_query, predictions, anonymous) is None
    # file names without cameras: only junk leaves; annotations that are not known for anyone: no accuracy
    unseen = dataclasses.replace(data, query=data.query.assign(camera=-1), gallery=data.gallery.assign(camera=-1))
    without = inference.test_scores(of_query, predictions, unseen)
    labels = data.query["pid"].to_numpy(), data.gallery["pid"].to_numpy()
    wanted = metrics.reid_scores(of_query.embeddings, predictions.embeddings, *labels, None, None)
    assert without["reid"] == wanted.as_dict()
    bare = dataclasses.replace(data, gallery=data.gallery.assign(**dict.fromkeys(TASKS, -1)))
    assert set(inference.test_scores(of_query, predictions, bare)) == {"reid"}


def test_the_mirror_image_is_looked_at_too(images):
    class LeftEdge(MeanColor):
        def forward(self, batch):
            return super().forward(batch[..., :2])

    model = LeftEdge()
    plain, flipped = (inference.predict(model, store) for store in (images, images.flip(3)))
    both = inference.predict(model, images, flip=True)
    wanted = torch.nn.functional.normalize(plain.embeddings + flipped.embeddings)
    torch.testing.assert_close(both.embeddings, wanted)
    for task, values in both.probabilities.items():
        torch.testing.assert_close(values, (plain.probabilities[task] + flipped.probabilities[task]) / 2)
        torch.testing.assert_close(values.sum(1), torch.ones(len(images)))


def test_options_are_scored_by_the_same_protocol(images, make_table):
    table = make_table(5, 4)
    asked, rest = table.index % 4 == 0, table.index % 4 != 0
    model = MeanColor()
    options = inference.retrieval_options(
        model, images[torch.tensor(asked)], images[torch.tensor(rest)], table[asked], table[rest], cameras=False
    ).set_index("Option")
    assert len(options) == 6 and options.notna().all(axis=None)
    query, gallery = (inference.predict(model, images[torch.tensor(part)]).embeddings for part in (asked, rest))
    ids = [table.loc[part, "pid"].to_numpy() for part in (asked, rest)]
    plain = metrics.reid_scores(query, gallery, *ids, None, None)
    assert options.loc["plain", "mAP"] == pytest.approx(100 * plain.mAP)
    # the mean colour is the same in a mirror
    assert options.loc["mirror images", "mAP"] == pytest.approx(100 * plain.mAP)
