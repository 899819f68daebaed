import torch
import torch.nn.functional as F
from mean_color import MeanColor

from assignment_lib.evaluation.predictions import each, join, predict, with_mirror


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


def test_the_mirror_image_is_looked_at_too(images):
    class LeftEdge(MeanColor):
        def forward(self, batch):
            return super().forward(batch[..., :2])

    model = LeftEdge()
    plain, flipped = (predict(model, store) for store in (images, images.flip(3)))
    both = predict(model, images, flip=True)
    wanted = torch.nn.functional.normalize(plain.embeddings + flipped.embeddings)
    torch.testing.assert_close(both.embeddings, wanted)
    for task, values in both.probabilities.items():
        torch.testing.assert_close(values, (plain.probabilities[task] + flipped.probabilities[task]) / 2)
        torch.testing.assert_close(values.sum(1), torch.ones(len(images)))


def test_with_mirror_is_what_flip_says(images):
    model = MeanColor()
    # the mean colour of the left half only, so that a mirror image differs
    both = with_mirror(predict(model, images[..., :16]), predict(model, images.flip(3)[..., :16]))
    halves = [F.normalize(store.float().mean((2, 3))) for store in (images[..., :16], images.flip(3)[..., :16])]
    assert torch.allclose(both.embeddings, F.normalize(halves[0] + halves[1]), atol=1e-5)
    flipped = with_mirror(predict(model, images), predict(model, images.flip(3)))
    assert torch.allclose(flipped.embeddings, predict(model, images, flip=True).embeddings, atol=1e-6)
    wanted = predict(model, images, flip=True).probabilities["hat"]
    assert torch.allclose(flipped.probabilities["hat"], wanted, atol=1e-6)


def test_the_same_images_are_looked_at_once(images):
    looked = []
    found = each(
        lambda store: looked.append(len(store)) or len(looked), {"a": images, "b": images[:3], "c": images.clone()}
    )
    assert found == {"a": 1, "b": 2, "c": 1} and looked == [20, 3]


def test_sets_of_images_are_joined_in_their_order(images):
    both = join(predict(MeanColor(), images[:2]), predict(MeanColor(), images[2:]))
    whole = predict(MeanColor(), images)
    torch.testing.assert_close(both.embeddings, whole.embeddings)
    for task, values in whole.probabilities.items():
        torch.testing.assert_close(both.probabilities[task], values)
