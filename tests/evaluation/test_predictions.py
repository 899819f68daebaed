import pytest
import torch
import torch.nn.functional as F
from mean_color import MeanColor

from assignment_lib.evaluation.predictions import (
    inference_batch_size,
    join,
    predict,
    untrained_embeddings,
)
from assignment_lib.models import backbones


@pytest.mark.parametrize("batch_size", [None, 1, 7])
def test_predictions_by_hand(images, batch_size):
    predictions = predict(MeanColor(), images, batch_size)
    color = images.float().div(255).mean(dim=(2, 3)) * 5
    assert torch.allclose(predictions.embeddings, F.normalize(color), atol=1e-5)
    assert torch.allclose(predictions.probabilities["hat"], color[:, :2].softmax(1), atol=1e-5)
    assert predictions.classes().shape == (20, 12)
    assert predictions.classes()[:, 8].tolist() == color[:, :2].argmax(1).tolist()


def test_the_mode_is_restored_also_after_an_error(images):
    class Broken(MeanColor):
        def forward(self, batch):
            raise RuntimeError("broken")

    model = MeanColor().eval()
    predict(model, images)
    assert not model.training
    predict(model.train(), images)
    assert model.training
    model = Broken().train()
    with pytest.raises(RuntimeError, match="broken"):
        predict(model, images)
    assert model.training


def test_flip_averages_over_the_mirror_image(images):
    class LeftEdge(MeanColor):
        def forward(self, batch):
            return super().forward(batch[..., :2])

    model = LeftEdge()
    plain, flipped = (predict(model, store) for store in (images, images.flip(3)))
    both = predict(model, images, flip=True)
    torch.testing.assert_close(both.embeddings, F.normalize(plain.embeddings + flipped.embeddings))
    for task, values in both.probabilities.items():
        torch.testing.assert_close(values, (plain.probabilities[task] + flipped.probabilities[task]) / 2)
        torch.testing.assert_close(values.sum(1), torch.ones(len(images)))


def test_join_keeps_the_order_and_accepts_no_images(images):
    none = predict(MeanColor(), images[:0], flip=True)
    assert none.embeddings.shape == (0, 3) and none.classes().shape == (0, 12)
    both = join(predict(MeanColor(), images[:2]), none, predict(MeanColor(), images[2:]))
    whole = predict(MeanColor(), images)
    torch.testing.assert_close(both.embeddings, whole.embeddings)
    for task, values in whole.probabilities.items():
        torch.testing.assert_close(both.probabilities[task], values)


def test_wrong_images_are_named(images):
    model = MeanColor().train()
    model.image_size = (16, 4)
    with pytest.raises(ValueError, match=r"\(8, 4\).*\(16, 4\)"):
        predict(model, images)
    model.image_size = torch.tensor([8, 4])
    assert len(predict(model, images).embeddings) == 20 and model.training
    for wrong in (images.float(), images[0], images[:, :1]):
        with pytest.raises(ValueError, match="uint8"):
            predict(model, wrong)


def test_the_batch_keeps_activations_small(images):
    sizes = [inference_batch_size(*size) for size in ((128, 64), (192, 96), (256, 128), (4000, 4000))]
    assert sizes == [21, 9, 5, 1] and inference_batch_size(192, 96, "cuda") == 256

    class Recorder(MeanColor):
        def forward(self, batch):
            batches.append(len(batch))
            return super().forward(batch)

    batches = []
    predict(Recorder(), torch.zeros(25, 3, 192, 96, dtype=torch.uint8))
    assert batches == [9, 9, 7]


def test_untrained_embeddings_are_the_pooled_features(images, monkeypatch):
    def pixels(name, pretrained):
        assert (name, pretrained) == ("resnet18", True)
        return backbones.Backbone(torch.nn.Identity(), 3, (0.5, 0.5, 0.5), (0.5, 0.25, 0.5))

    monkeypatch.setattr(backbones, "backbone", pixels)
    found = untrained_embeddings("resnet18", images, batch_size=2)
    means = images.double().div(255).mean((2, 3)).sub(0.5).div(torch.tensor([0.5, 0.25, 0.5], dtype=torch.double))
    torch.testing.assert_close(found.double(), means / means.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32
    assert untrained_embeddings("resnet18", images[:0]).shape == (0, 3)


def test_rows_of_predictions(images):
    predictions = predict(MeanColor(), images[:5])
    for rows in (torch.tensor([3, 0]), torch.tensor([True, False, False, True, False])):
        part = predictions.rows(rows)
        assert torch.equal(part.embeddings, predictions.embeddings[rows])
        assert all(
            torch.equal(part.probabilities[task], values[rows]) for task, values in predictions.probabilities.items()
        )
