"""The papers' losses against their equations, written out."""

import math

import pytest
import torch

from assignment_lib.batches.loader import Batch
from assignment_lib.translation import generator, losses


def test_least_squares_of_the_two():
    scores = torch.tensor([[0.0, 1.0], [2.0, -1.0]])
    assert float(losses.judged_real(scores)) == pytest.approx((1 + 0 + 1 + 4) / 4 / 2)
    assert float(losses.judged_false(scores)) == pytest.approx((0 + 1 + 4 + 1) / 4 / 2)


def test_patch_contrast_is_the_papers_written_out():
    torch.manual_seed(0)
    images, places, size, t = 2, 4, 6, 0.07
    before, after = torch.randn(images * places, size), torch.randn(images * places, size)
    wanted = []
    for image in range(images):
        rows = slice(image * places, (image + 1) * places)
        keys = [row / row.norm() for row in before[rows]]
        for place, row in enumerate(after[rows]):
            alike = [math.exp(float(row / row.norm() @ key) / t) for key in keys]
            wanted.append(-math.log(alike[place] / sum(alike)))
    found = losses.patch_contrast(before, after, images)
    assert found.tolist() == pytest.approx([sum(wanted[:places]) / places, sum(wanted[places:]) / places], rel=1e-5)


def test_patch_contrast_is_small_where_places_are_kept_and_large_where_they_change_places():
    before = torch.eye(5)
    assert float(losses.patch_contrast(before, before, 1)) < 1e-4
    assert float(losses.patch_contrast(before, before.roll(1, 0), 1)) > 10


def a_step(seed=0, contrast=1.0):
    torch.manual_seed(seed)
    network, objective = generator.Translator(2, blocks=1, places=4), losses.TranslationObjective(2, contrast)
    with torch.no_grad():  # away from the identity
        network.generator.last.weight.normal_(std=0.1)
    inputs = generator.with_camera(torch.rand(4, 3, 16, 8), torch.tensor([0, 1, 0, 1]), 2)
    batch = Batch(inputs, None, None, torch.arange(4))
    output = network(inputs)
    return network, objective, batch, output


def test_the_total_is_cuts_objective_and_that_of_its_discriminator():
    _, objective, batch, output = a_step(contrast=0.5)
    total, named, weights = objective(output, batch)
    repainted = torch.cat([output.images[:2], batch.images[:2, 3:]], dim=1)
    judge = objective.discriminator
    of_layers = [losses.patch_contrast(a, b, 4) for a, b in zip(output.before, output.after, strict=True)]
    content, kept = (sum(layer[part].mean() for layer in of_layers) / 5 for part in (slice(0, 2), slice(2, 4)))
    deceived = ((judge(repainted) - 1) ** 2).mean() / 2
    caught = ((judge(batch.images[2:]) - 1) ** 2).mean() / 2 + (judge(repainted) ** 2).mean() / 2
    torch.testing.assert_close(total, deceived + 0.5 * (content + kept) + caught)
    assert list(named) == ["deceived", "content", "kept", "discriminator"] and weights == {}


def test_neither_minimises_the_others_part():
    network, objective, batch, output = a_step()
    total, named, _ = objective(output, batch)
    generators = [p for p in network.generator.parameters()]
    judges = list(objective.discriminator.parameters())

    def reaches(loss, parameters):
        found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        return any(gradient is not None and gradient.abs().sum() > 0 for gradient in found)

    assert reaches(named["deceived"], generators) and not reaches(named["deceived"], judges)
    assert reaches(named["discriminator"], judges) and not reaches(named["discriminator"], generators)
    assert reaches(named["content"], generators) and not reaches(named["content"], judges)
    assert reaches(total, generators) and reaches(total, judges)
