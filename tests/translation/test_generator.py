"""The generator gives images back until it has learned, and is about a million weights."""

import torch

from assignment_lib.translation.discriminator import Discriminator
from assignment_lib.translation.generator import PROJECTED, Generator, Translator, with_camera


def test_planes_say_the_camera():
    found = with_camera(torch.rand(2, 3, 4, 5), torch.tensor([2, 0]), 3)
    assert found.shape == (2, 6, 4, 5)
    assert found[0, 3:].flatten(1).mean(1).tolist() == [0, 0, 1] and found[1, 3:].flatten(1).mean(1).tolist() == [
        1,
        0,
        0,
    ]


def test_an_untrained_network_gives_the_image_back():
    inputs = with_camera(torch.rand(2, 3, 32, 16), torch.tensor([1, 0]), 2)
    torch.testing.assert_close(Translator(2).eval()(inputs), inputs[:, :3])


def test_what_comes_out_hangs_on_the_camera_and_stays_a_picture():
    torch.manual_seed(0)
    network, images = Generator(3), torch.rand(1, 3, 32, 16)
    torch.nn.init.normal_(network.last.weight)
    one, other = (network(with_camera(images, torch.tensor([camera]), 3))[0] for camera in (0, 2))
    assert not torch.allclose(one, other)
    assert one.shape == images.shape and one.min() >= 0 and one.max() <= 1


def test_places_are_the_same_before_and_after_at_five_depths():
    torch.manual_seed(0)
    network = Translator(2, places=6).train()
    inputs = with_camera(torch.rand(3, 3, 32, 16), torch.zeros(3, dtype=torch.int64), 2)
    output = network(inputs)
    assert [len(rows) for rows in output.before] == [18, 18, 18, 18, 18]  # an eighth has 8 places, 6 are taken
    assert all(rows.shape[1] == PROJECTED for rows in output.before)
    # untrained, what comes out is what went in, and so is every description of it
    for before, after in zip(output.before, output.after, strict=True):
        torch.testing.assert_close(before, after)


def test_sizes():
    count = sum(parameter.numel() for parameter in Translator(6).generator.parameters())
    assert 0.8e6 < count < 1.3e6
    judged = Discriminator(6)(with_camera(torch.rand(2, 3, 128, 64), torch.zeros(2, dtype=torch.int64), 6))
    assert judged.shape == (2, 1, 32, 16)


def test_the_discriminator_sees_patches_of_18_pixels():
    judge, images = Discriminator(1), torch.zeros(1, 4, 64, 64, requires_grad=True)
    judge(images)[0, 0, 8, 8].backward()
    seen = images.grad.abs().sum((0, 1)).nonzero()
    assert (seen.max(0).values - seen.min(0).values + 1).tolist() == [18, 18]
