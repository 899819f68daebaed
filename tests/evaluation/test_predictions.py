import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from mean_color import MeanColor

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import (
    Predictions,
    inference_batch_size,
    join,
    neighbours_table,
    predict,
    untrained_embeddings,
    with_mirror,
    with_neighbours,
)
from assignment_lib.models import backbones
from assignment_lib.models.heads import LogitAdjustment


def test_predictions_do_not_depend_on_the_batch_size(images):
    model = MeanColor()
    one, many = predict(model, images, batch_size=1), predict(model, images, batch_size=7)
    assert torch.allclose(one.embeddings, many.embeddings, atol=1e-6)
    assert torch.equal(one.classes(), many.classes())


def test_predictions_by_hand(images):
    predictions = predict(MeanColor(), images)
    color = images.float().div(255).mean(dim=(2, 3)) * 5
    assert torch.allclose(predictions.embeddings, F.normalize(color), atol=1e-5)
    assert torch.allclose(predictions.probabilities["hat"], color[:, :2].softmax(1), atol=1e-5)
    assert predictions.classes().shape == (20, 12)
    assert predictions.classes()[:, 8].tolist() == color[:, :2].argmax(1).tolist()


def test_training_mode_is_restored(images):
    model = MeanColor().train()
    predict(model, images)
    assert model.training
    predict(model.eval(), images)
    assert not model.training


def test_flip_averages_over_the_mirror_image(images):
    class LeftEdge(MeanColor):
        def forward(self, batch):
            return super().forward(batch[..., :2])

    model = LeftEdge()
    plain, flipped = (predict(model, store) for store in (images, images.flip(3)))
    both = predict(model, images, flip=True)
    wanted = torch.nn.functional.normalize(plain.embeddings + flipped.embeddings)
    torch.testing.assert_close(both.embeddings, wanted)
    torch.testing.assert_close(with_mirror(plain, flipped).embeddings, wanted)
    for task, values in both.probabilities.items():
        torch.testing.assert_close(values, (plain.probabilities[task] + flipped.probabilities[task]) / 2)
        torch.testing.assert_close(values.sum(1), torch.ones(len(images)))


def test_join_keeps_the_order(images):
    both = join(predict(MeanColor(), images[:2]), predict(MeanColor(), images[2:]))
    whole = predict(MeanColor(), images)
    torch.testing.assert_close(both.embeddings, whole.embeddings)
    for task, values in whole.probabilities.items():
        torch.testing.assert_close(both.probabilities[task], values)


def test_no_images_give_empty_predictions(images):
    predictions = predict(MeanColor(), images[:0], flip=True)
    assert predictions.embeddings.shape == (0, 3) and predictions.classes().shape == (0, 12)


def test_wrong_images_are_named(images):
    model = MeanColor().train()
    model.image_size = (16, 4)
    with pytest.raises(ValueError, match=r"8 x 4 pixels.*16 x 4"):
        predict(model, images)
    model.image_size = torch.tensor([8, 4])
    assert len(predict(model, images).embeddings) == 20 and model.training
    for wrong in (images.float(), images[0], images[:, :1]):
        with pytest.raises(ValueError, match="uint8"):
            predict(model, wrong)


def test_the_mode_is_restored_after_an_error(images):
    class Broken(MeanColor):
        def forward(self, batch):
            raise RuntimeError("broken")

    model = Broken().train()
    with pytest.raises(RuntimeError):
        predict(model, images)
    assert model.training


def test_the_batch_keeps_activations_small(images):
    sizes = [inference_batch_size(*size) for size in ((128, 64), (192, 96), (256, 128), (4000, 4000))]
    assert sizes == [21, 9, 5, 1] and inference_batch_size(192, 96, "cuda") == 256
    assert 96 * 192 * 96 * sizes[1] <= 2**24

    class Recorder(MeanColor):
        def forward(self, batch):
            batches.append(len(batch))
            return super().forward(batch)

    batches = []
    predict(Recorder(), torch.zeros(25, 3, 192, 96, dtype=torch.uint8))
    assert batches == [9, 9, 7]


def test_untrained_embeddings_are_the_pooled_features(monkeypatch):
    def pixels(name, pretrained):
        assert (name, pretrained) == ("resnet18", True)
        return backbones.Backbone(torch.nn.Identity(), 3, (0.5, 0.5, 0.5), (0.5, 0.25, 0.5))

    monkeypatch.setattr(backbones, "backbone", pixels)
    images = torch.randint(0, 256, (5, 3, 8, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = untrained_embeddings("resnet18", images, batch_size=2)
    means = images.double().div(255).mean((2, 3)).sub(0.5).div(torch.tensor([0.5, 0.25, 0.5], dtype=torch.double))
    torch.testing.assert_close(found.double(), means / means.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32
    assert untrained_embeddings("resnet18", images[:0]).shape == (0, 3)


def random_predictions(n: int, seed: int, tasks=TASKS) -> Predictions:
    generator = torch.Generator().manual_seed(seed)
    embeddings = F.normalize(torch.randn(n, 6, generator=generator))
    return Predictions(
        embeddings, {task: torch.randn(n, len(c), generator=generator).softmax(1) for task, c in tasks.items()}
    )


def naive(predictions, others, own_rows, images, share, temperature):
    """One row and one neighbour at a time."""
    result = {task: [] for task in predictions.probabilities}
    for i, x in enumerate(predictions.embeddings.numpy()):
        similar = [(float(x @ y), j) for j, y in enumerate(others.embeddings.numpy()) if j != own_rows[i]]
        nearest = sorted(similar, reverse=True)[:images]
        weights = np.array([np.exp(s / temperature) for s, _ in nearest])
        weights /= weights.sum()
        for task, values in predictions.probabilities.items():
            average = sum(w * others.probabilities[task][j].numpy() for w, (_, j) in zip(weights, nearest, strict=True))
            result[task].append((1 - share) * values[i].numpy() + share * average)
    return result


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 12), st.integers(1, 15), st.floats(0, 1), st.floats(0.05, 2), st.integers(0, 99))
def test_neighbours_equal_a_naive_reference(n, images, share, temperature, seed):
    others = random_predictions(n, seed)
    rows = torch.arange(0, n, 2)
    predictions = Predictions(others.embeddings[rows], {task: p[rows] for task, p in others.probabilities.items()})
    mixed = with_neighbours(predictions, others, rows, None, images, share, temperature)
    expected = naive(predictions, others, rows.tolist(), images, share, temperature)
    for task, values in mixed.probabilities.items():
        np.testing.assert_allclose(values, np.stack(expected[task]), atol=1e-5)
        torch.testing.assert_close(values.sum(1), torch.ones(len(rows)))
    assert torch.equal(mixed.embeddings, predictions.embeddings)


def test_images_outside_the_neighbours_use_all_of_them():
    predictions, others = random_predictions(2, 0), random_predictions(3, 1)
    own_rows = torch.tensor([-1, -1])
    mixed = with_neighbours(
        predictions, others, own_rows, images=3, share=1.0, temperature=1e6
    )  # the plain mean of all three
    torch.testing.assert_close(mixed.probabilities["hat"], others.probabilities["hat"].mean(0).expand(2, 2))


def test_the_logit_adjustment_is_applied_after_the_average():
    priors = {"hat": torch.tensor([0.9, 0.1])}
    adjustment = LogitAdjustment({"hat": TASKS["hat"]}, 0.6, priors)
    raw = random_predictions(5, 3, {"hat": TASKS["hat"]})
    adjusted = raw._replace(
        probabilities={"hat": adjustment({"hat": raw.probabilities["hat"].log()})["hat"].softmax(1)}
    )
    own_rows = torch.arange(5)
    mixed = with_neighbours(adjusted, adjusted, own_rows, adjustment, images=2)
    plain = with_neighbours(raw, raw, own_rows, images=2).probabilities["hat"]
    by_hand = plain / priors["hat"] ** 0.6
    torch.testing.assert_close(mixed.probabilities["hat"], by_hand / by_hand.sum(1, keepdim=True))


def test_wrong_neighbours_are_named():
    one, two = random_predictions(1, 0), random_predictions(2, 0)
    with pytest.raises(ValueError, match="at least two"):
        with_neighbours(one, one, torch.tensor([0]))
    with pytest.raises(ValueError, match="between 0 and 1"):
        with_neighbours(two, two, torch.arange(2), share=1.5)


def test_neighbours_table_by_hand():
    targets = random_predictions(4, 0).classes()
    right = Predictions(
        torch.eye(4), {task: F.one_hot(targets[:, i], len(c)).float() for i, (task, c) in enumerate(TASKS.items())}
    )
    wrong = right._replace(probabilities={task: 1 - values for task, values in right.probabilities.items()})
    table = neighbours_table(wrong, right, targets)
    assert table["Acc"].tolist() == [0, 100] and table["mAcc"].tolist() == [0, 100]
