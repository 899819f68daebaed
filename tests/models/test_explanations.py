import pytest
import torch
import torch.nn.functional as F
from small_networks import joint_network

from assignment_lib.models.explanations import grad_cam, match_map


def network(**settings):
    torch.manual_seed(0)
    made = joint_network("resnet18", 3, pretrained=False, **settings)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm1d):  # as after training: neither centred nor of length 1
            module.running_mean.uniform_(-0.5, 0.5)
            module.running_var.uniform_(0.5, 2)
            module.weight.data.uniform_(0.5, 2)
    return made


IMAGES = torch.randint(256, (3, 3, 64, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("settings", [{}, {"neck": "bn"}, {"head": "attention"}])
def test_the_mean_of_a_match_map_is_the_cosine_similarity(settings):
    made = network(**settings).eval()
    with torch.no_grad():
        embeddings = made(IMAGES.float() / 255).embedding
    others = embeddings[[1, 2, 0]]
    maps, similarities = match_map(made, IMAGES, others)
    wanted = F.cosine_similarity(embeddings, others)
    assert maps.shape == (3, 2, 1)
    torch.testing.assert_close(maps.mean((1, 2)), wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(similarities, wanted, atol=1e-5, rtol=1e-4)


def test_a_match_map_needs_an_embedding_with_places():
    with pytest.raises(ValueError, match="attribute predictions"):
        match_map(network(embedding="concatenated"), IMAGES, torch.ones(3, 553))
    with pytest.raises(ValueError, match="one per image"):
        match_map(network(), IMAGES, torch.ones(1, 512))


def naive(made, image, task, chosen):
    """Grad-CAM of one image by its equations, through the whole network."""
    kept = []
    handle = made.features.register_forward_hook(lambda *seen: kept.append(seen[2]) or seen[2].retain_grad())
    made(image[None].float() / 255).attributes[task][0, chosen].backward()
    handle.remove()
    features, gradient = kept[0][0].detach(), kept[0].grad[0]
    made.zero_grad()
    total = torch.zeros(features.shape[1:])
    for channel, slopes in zip(features, gradient, strict=True):
        total += slopes.mean() * channel
    total = total.clamp(min=0)
    return total / max(float(total.max()), 1e-12)


@pytest.mark.parametrize("head", ["conv", "parts"])
def test_grad_cam_is_that_of_the_equations(head):
    made = network(head=head, last_stride=1).eval()
    chosen = torch.tensor([1, 0, 2])
    maps, classes = grad_cam(made, IMAGES, "upcolor", chosen)
    assert classes.tolist() == chosen.tolist()
    assert maps.max() == 1
    for image, class_, found in zip(IMAGES, chosen.tolist(), maps, strict=True):
        torch.testing.assert_close(found, naive(made, image, "upcolor", class_), atol=1e-5, rtol=1e-3)


def test_grad_cam_of_a_mean_is_the_channel():
    """The logit is the mean of one channel: the map is that channel."""
    made = network(head="parts")
    made.heads = MeanOfAChannel()
    maps, classes = grad_cam(made.train(), IMAGES, "hat")
    assert made.training and all(parameter.grad is None for parameter in made.parameters())
    features = made.eval().feature_map(IMAGES.float() / 255)[:, 0].detach()
    torch.testing.assert_close(maps, features / features.amax((1, 2), keepdim=True).clamp(min=1e-12))
    assert classes.tolist() == [1, 1, 1]


class MeanOfAChannel(torch.nn.Module):
    def forward(self, features):
        value = features[:, 0].mean((1, 2))
        return {"hat": torch.stack([-1 - value, value], dim=1)}


def test_a_task_without_a_head_is_named():
    with pytest.raises(ValueError, match="no head for 'hat'"):
        grad_cam(network(attributes=False), IMAGES, "hat")
