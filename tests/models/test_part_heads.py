import torch
import torch.nn.functional as F

from assignment_lib.models import part_heads

TASKS = {"hat": ("no", "yes"), "shoes": ("black", "white", "red")}


def test_part_heads_against_a_naive_loop():
    torch.manual_seed(0)
    module = part_heads.PartHeads(6, TASKS, hidden=3, stripes=4).eval()
    features = torch.randn(2, 6, 8, 5)
    reduced = module.reduce(features).detach()
    logits = module(features)
    for image in range(2):
        parts = [features[image].mean((1, 2)), features[image].amax((1, 2))]
        # channel by channel, each from the top stripe to the lowest
        stripes = [[reduced[image, c, 2 * i : 2 * i + 2].mean() for i in range(4)] for c in range(3)]
        pooled = torch.cat([*parts, torch.tensor(stripes).flatten()])
        pooled = F.batch_norm(pooled[None], module.norm.running_mean, module.norm.running_var)
        wanted = (pooled @ module.linear.weight.T + module.linear.bias)[0]
        assert torch.allclose(logits["hat"][image], wanted[:2], atol=1e-5)
        assert torch.allclose(logits["shoes"][image], wanted[2:], atol=1e-5)


def test_a_map_of_any_height_will_do():
    module = part_heads.PartHeads(6, TASKS, hidden=3)
    for height in (2, 4, 7, 12):
        assert {task: tuple(v.shape) for task, v in module(torch.randn(2, 6, height, 3)).items()} == {
            "hat": (2, 2),
            "shoes": (2, 3),
        }
