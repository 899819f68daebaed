"""Formulas against written-out ones, batches, and a training that resumes to the bit."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from assignment_lib.batches.loader import Batch
from assignment_lib.training import checkpoints
from assignment_lib.translation import translator
from assignment_lib.translation.translator import (
    PROJECTED,
    CameraPairs,
    TranslationObjective,
    Translator,
    TranslatorSettings,
    with_camera,
)

CPU = torch.device("cpu")
TINY = TranslatorSettings(epochs=2, steps=3, pairs=2, blocks=1, amp="off")


def test_an_untrained_network_returns_its_input_and_a_trained_one_an_image_per_camera():
    torch.manual_seed(0)
    network, images, cameras = Translator(3).eval(), torch.rand(2, 3, 32, 16), torch.tensor([2, 0])
    inputs = with_camera(images, cameras, 3)
    assert inputs[:, 3:].flatten(2).mean(2).tolist() == [[0, 0, 1], [1, 0, 0]], "one-hot planes"
    torch.testing.assert_close(network(inputs), images)
    torch.nn.init.normal_(network.last.weight)
    one, other = network(inputs), network(with_camera(images, cameras.flip(0), 3))
    assert not torch.allclose(one, other)
    assert one.shape == images.shape and one.min() >= 0 and one.max() <= 1


def test_features_are_of_the_same_places_before_and_after():
    torch.manual_seed(0)
    output = Translator(2, places=6).train()(
        with_camera(torch.rand(3, 3, 32, 16), torch.zeros(3, dtype=torch.int64), 2)
    )
    assert [rows.shape for rows in output.before] == 5 * [(18, PROJECTED)]
    for before, after in zip(output.before, output.after, strict=True):  # an untrained network changes nothing
        torch.testing.assert_close(before, after)


def test_the_discriminator_scores_patches_of_18_pixels():
    judge, images = translator.discriminator(1), torch.zeros(1, 4, 64, 64, requires_grad=True)
    scores = judge(images)
    scores[0, 0, 8, 8].backward()
    seen = images.grad.abs().sum((0, 1)).nonzero()
    assert scores.shape == (1, 1, 16, 16)
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [18, 18]


def test_patch_contrast_is_the_written_out_formula():
    torch.manual_seed(0)
    images, places, size, t = 2, 4, 6, 0.07
    before, after = torch.randn(images * places, size), torch.randn(images * places, size)
    expected = []
    for image in range(images):
        rows = slice(image * places, (image + 1) * places)
        keys = [row / row.norm() for row in before[rows]]
        losses = []
        for place, row in enumerate(after[rows]):
            terms = [math.exp(float(row / row.norm() @ key) / t) for key in keys]
            losses.append(-math.log(terms[place] / sum(terms)))
        expected.append(sum(losses) / places)
    assert translator.patch_contrast(before, after, images).tolist() == pytest.approx(expected, rel=1e-5)
    kept = torch.eye(5)
    assert float(translator.patch_contrast(kept, kept, 1)) < 1e-4
    assert float(translator.patch_contrast(kept, kept.roll(1, 0), 1)) > 10


def one_step(contrast):
    torch.manual_seed(0)
    network, objective = Translator(2, blocks=1, places=4), TranslationObjective(2, contrast)
    with torch.no_grad():  # away from the identity
        network.last.weight.normal_(std=0.1)
    inputs = with_camera(torch.rand(4, 3, 16, 8), torch.tensor([0, 1, 0, 1]), 2)
    return network, objective, Batch(inputs, None, None, torch.arange(4)), network(inputs)


def test_the_objective_is_the_written_out_sum():
    _, objective, batch, output = one_step(contrast=0.5)
    total, named, weights = objective(output, batch)
    judge = objective.discriminator
    repainted = judge(torch.cat([output.images[:2], batch.images[:2, 3:]], dim=1))
    layers = [translator.patch_contrast(*pair, 4) for pair in zip(output.before, output.after, strict=True)]
    content, identity = (sum(layer[part].mean() for layer in layers) / 5 for part in (slice(0, 2), slice(2, 4)))
    generator = ((repainted - 1) ** 2).mean() / 2
    discriminator = ((judge(batch.images[2:]) - 1) ** 2).mean() / 2 + (repainted**2).mean() / 2
    torch.testing.assert_close(total, generator + 0.5 * (content + identity) + discriminator)
    assert list(named) == ["generator", "content", "identity", "discriminator"] and weights == {}


def test_neither_network_minimises_the_others_loss():
    network, objective, batch, output = one_step(contrast=1.0)
    total, named, _ = objective(output, batch)
    generator = [p for name, p in network.named_parameters() if "projections" not in name]
    judge = list(objective.discriminator.parameters())

    def reaches(loss, parameters):
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
        return any(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)

    assert reaches(named["generator"], generator) and not reaches(named["generator"], judge)
    assert reaches(named["discriminator"], judge) and not reaches(named["discriminator"], generator)
    assert reaches(named["content"], generator) and not reaches(named["content"], judge)
    assert reaches(total, generator) and reaches(total, judge)


def gray_images(count, start=0):
    """Images of one gray level each: image i has the level start + i."""
    return (torch.arange(count) + start)[:, None, None, None].expand(-1, 3, 8, 8).to(torch.uint8).contiguous()


def test_batches_pair_an_image_to_repaint_with_one_of_the_wanted_camera():
    cameras = torch.arange(10) % 3
    settings = replace(TINY, pairs=4, steps=5)
    batches = CameraPairs(gray_images(3), gray_images(10, 100), cameras, settings, "cpu")
    drawn = list(batches)
    assert len(drawn) == len(batches) == 5
    levels = [(batch.images[:, 0, 0, 0] * 255).round().long() for batch in drawn]
    for batch, level in zip(drawn, levels, strict=True):
        planes = batch.images[:, 3:, 0, 0].argmax(1)
        assert batch.images.shape == (8, 6, 8, 8) and (level[:4] < 3).all()
        assert planes[4:].tolist() == cameras[level[4:] - 100].tolist() == planes[:4].tolist()
    real = torch.cat([level[4:] for level in levels])
    once = list(range(100, 110))
    assert sorted(real[:10].tolist()) == sorted(real[10:].tolist()) == once, "each image once per order"
    assert len(CameraPairs(gray_images(3), gray_images(10), cameras, replace(settings, steps=0), "cpu")) == 10 // 4


def test_no_images_and_unknown_cameras_are_refused():
    with pytest.raises(ValueError, match="no training images"):
        CameraPairs(gray_images(2), gray_images(0), torch.empty(0, dtype=torch.int64), TINY, "cpu")
    assert translator.camera_numbers(np.array([6, 1, 1, 3])).tolist() == [2, 0, 0, 1]
    with pytest.raises(ValueError, match="camera"):
        translator.camera_numbers(np.array([1, -1]))


def patterns(count, seed, shift=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 2, generator=generator) * 120 + 40
    smooth = torch.nn.functional.interpolate(coarse, size=(32, 16), mode="bilinear")
    return (smooth + shift).clamp(0, 255).to(torch.uint8)


def train(folder, settings=TINY, data="data"):
    cameras = np.array([3, 3, 5, 5, 3, 5])
    return translator.train(patterns(4, 0), patterns(6, 1), cameras, folder, CPU, settings, data)


def test_a_training_resumes_to_the_bit_and_other_settings_are_refused(tmp_path, monkeypatch):
    whole, history = train(tmp_path / "whole")
    assert {"loss/generator", "loss/content", "loss/identity", "loss/discriminator"} <= set(history)
    calls, forward = [0], TranslationObjective.forward

    def interrupted(self, output, batch):
        calls[0] += 1
        if calls[0] == 5:  # in the second epoch
            raise KeyboardInterrupt
        return forward(self, output, batch)

    with monkeypatch.context() as patch:
        patch.setattr(TranslationObjective, "forward", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "broken")
    resumed, _ = train(tmp_path / "broken")
    assert calls[0] == 5
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    for changes in ({"settings": replace(TINY, contrast=1.0)}, {"data": "other data"}):
        with pytest.raises(checkpoints.OtherRun):
            train(tmp_path / "whole", **changes)


@pytest.mark.slow
def test_the_translator_learns_the_brightness_of_cameras(tmp_path):
    """Camera 0 is dark and camera 1 is bright, and so are the same images repainted for them."""
    target = torch.cat([patterns(24, 1, -40), patterns(24, 2, 70)])
    settings = replace(TINY, epochs=1, steps=60, pairs=4, learning_rate=4e-3, contrast=0.1)
    cameras = np.repeat([0, 1], 24)
    network, _ = translator.train(patterns(24, 3), target, cameras, tmp_path, CPU, settings, "data")
    images = patterns(8, 9)
    dark, bright = (translator.repaint(network, images, torch.full((8,), c)).float().mean() for c in (0, 1))
    assert bright > dark + 20


def test_repainting_does_not_depend_on_the_batch_size():
    network, images, cameras = Translator(2, blocks=1), patterns(5, 7), torch.tensor([0, 1, 0, 1, 1])
    torch.nn.init.normal_(network.last.weight, std=0.1)
    whole, parts = (translator.repaint(network, images, cameras, size).int() for size in (64, 2))
    assert (whole - parts).abs().max() <= 1, "but for rounding"
