"""A translator learns a look with the project's own loop, and goes on to the bit where it was stopped."""

import numpy as np
import pytest
import torch

from assignment_lib.training import checkpoints
from assignment_lib.translation import translator

CPU = torch.device("cpu")
TINY = translator.Settings(epochs=2, steps=3, pairs=2, blocks=1, amp="off")


def patterns(count, seed, shift=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 2, generator=generator) * 120 + 40
    return (
        (torch.nn.functional.interpolate(coarse, size=(32, 16), mode="bilinear") + shift).clamp(0, 255).to(torch.uint8)
    )


def trained(folder, settings=TINY, log=lambda line: None):
    target, cameras = patterns(6, 1), np.array([3, 3, 5, 5, 3, 5])
    return translator.train(patterns(4, 0), target, cameras, folder, CPU, settings, "test", log)


def test_resumes_to_the_bit(tmp_path, monkeypatch):
    whole, history = trained(tmp_path / "whole")
    assert {"loss/deceived", "loss/content", "loss/kept", "loss/discriminator"} <= set(history)
    calls, once = [0], translator.TranslationObjective.forward

    def breaks(self, output, batch):
        calls[0] += 1
        if calls[0] == 5:  # in the midst of the second epoch
            raise KeyboardInterrupt
        return once(self, output, batch)

    monkeypatch.setattr(translator.TranslationObjective, "forward", breaks)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "broken")
    monkeypatch.setattr(translator.TranslationObjective, "forward", once)
    lines = []
    again, _ = trained(tmp_path / "broken", log=lines.append)
    assert "going on after epoch 1" in lines[0]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_finished_one_is_read_and_another_is_refused(tmp_path):
    network, _ = trained(tmp_path)
    read, cameras = translator.trained(tmp_path)
    assert cameras.tolist() == [3, 5]
    images, wanted = patterns(5, 7), torch.tensor([0, 1, 0, 1, 1])
    assert torch.equal(
        translator.repaint(network, images, wanted), translator.repaint(read, images, wanted, batch_size=2)
    )
    with pytest.raises(checkpoints.OtherRun):
        translator.train(patterns(3, 0), patterns(6, 1), np.zeros(6, int), tmp_path, CPU, TINY, "other")
    with pytest.raises(FileNotFoundError, match="train a translator first"):
        translator.trained(tmp_path / "none")


@pytest.mark.slow
def test_a_look_that_is_learned_is_painted(tmp_path):
    """Camera 0 is dark and camera 1 is bright: after a short training the same image comes out darker and brighter."""
    target = torch.cat([patterns(24, 1, -40), patterns(24, 2, 70)])
    cameras = np.repeat([0, 1], 24)
    settings = translator.Settings(epochs=1, steps=150, pairs=4, blocks=1, learning_rate=2e-3, contrast=0.1, amp="off")
    network, _ = translator.train(patterns(24, 3), target, cameras, tmp_path, CPU, settings, "test", lambda line: None)
    images = patterns(8, 9)
    dark, bright = (translator.repaint(network, images, torch.full((8,), c)).float().mean() for c in (0, 1))
    assert bright > dark + 20, (dark, bright)


def test_cameras_need_a_name():
    numbers, known = translator.numbered(np.array([6, 1, 1, 3]))
    assert numbers.tolist() == [2, 0, 0, 1] and known.tolist() == [1, 3, 6]
    with pytest.raises(ValueError, match="no camera in their file names"):
        translator.numbered(np.array([1, -1]))


def test_none_in_none_out():
    network = translator.Translator(2, blocks=1)
    none = translator.repaint(network, torch.empty(0, 3, 32, 16, dtype=torch.uint8), torch.empty(0, dtype=torch.int64))
    assert none.shape == (0, 3, 32, 16)
