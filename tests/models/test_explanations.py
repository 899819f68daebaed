"""Grad-CAM and match maps."""

import pytest
import torch
import torch.nn.functional as F
from small_networks import joint_network

from assignment_lib.models.explanations import grad_cam, match_map


def untrained_network(**settings):
    torch.manual_seed(0)
    model = joint_network("resnet18", 3, **settings)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d):  # as after training: not the identity
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
    return model


IMAGES = torch.randint(256, (3, 3, 64, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("settings", [{}, {"neck": "bn"}, {"head": "attention"}])
def test_the_mean_of_a_match_map_is_the_cosine_similarity(settings):
    model = untrained_network(**settings).eval()
    with torch.no_grad():
        embeddings = model(IMAGES.float() / 255).embedding
    others = embeddings[[1, 2, 0]]
    maps, similarities = match_map(model, IMAGES, others)
    expected = F.cosine_similarity(embeddings, others)
    assert maps.shape == (3, 2, 1)
    torch.testing.assert_close(maps.mean((1, 2)), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(similarities, expected, atol=1e-5, rtol=1e-4)


def test_a_match_map_needs_a_plain_embedding_per_image():
    with pytest.raises(ValueError, match="plain"):
        match_map(untrained_network(embedding="concatenated"), IMAGES, torch.ones(3, 553))
    with pytest.raises(ValueError, match="embeddings"):
        match_map(untrained_network(), IMAGES, torch.ones(1, 512))


def naive_grad_cam(model, image, task, chosen):
    """Grad-CAM of one image by its equations, through the whole network."""
    feature_maps = []
    handle = model.features.register_forward_hook(lambda *call: feature_maps.append(call[2]) or call[2].retain_grad())
    model(image[None].float() / 255).attributes[task][0, chosen].backward()
    handle.remove()
    features, gradient = feature_maps[0][0].detach(), feature_maps[0].grad[0]
    model.zero_grad()
    total = torch.zeros(features.shape[1:])
    for channel, gradients in zip(features, gradient, strict=True):
        total += gradients.mean() * channel
    total = total.clamp(min=0)
    return total / max(float(total.max()), 1e-12)


@pytest.mark.parametrize("head", ["conv", "parts"])
def test_grad_cam_against_its_equations(head):
    model = untrained_network(head=head, last_stride=1)
    chosen = torch.tensor([1, 0, 2])
    maps, classes = grad_cam(model, IMAGES, "upcolor", chosen)
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert classes.tolist() == chosen.tolist() and maps.max() == 1
    predicted = model.eval()(IMAGES.float() / 255).attributes["upcolor"].argmax(1)
    assert torch.equal(grad_cam(model, IMAGES, "upcolor")[1], predicted)
    for image, class_, cam in zip(IMAGES, chosen.tolist(), maps, strict=True):
        torch.testing.assert_close(cam, naive_grad_cam(model, image, "upcolor", class_), atol=1e-5, rtol=1e-3)


def test_a_task_without_a_head_is_refused():
    with pytest.raises(ValueError, match="hat"):
        grad_cam(untrained_network(attributes=False), IMAGES, "hat")


def test_finer_maps_interleave_those_of_shifted_images():
    model = untrained_network().eval()
    with torch.no_grad():
        embeddings = model(IMAGES.float() / 255).embedding
    maps, similarities = match_map(model, IMAGES, embeddings, finer=2)
    assert maps.shape == (3, 4, 2) and torch.equal(similarities, match_map(model, IMAGES, embeddings)[1])
    # the first row of parts lies a quarter of the stride of 32 pixels above the centres, so the images move down by 8
    down = torch.cat([IMAGES[:, :, :1].expand(-1, -1, 8, -1), IMAGES[:, :, :-8]], 2)
    moved = torch.cat([down[:, :, :, :1].expand(-1, -1, -1, 8), down[:, :, :, :-8]], 3)
    torch.testing.assert_close(maps[:, ::2, ::2], match_map(model, moved, embeddings)[0])
    cams, classes = grad_cam(model, IMAGES, "upcolor", finer=2)
    assert cams.shape == (3, 4, 2) and cams.max() == 1
    assert torch.equal(classes, grad_cam(model, IMAGES, "upcolor")[1])
