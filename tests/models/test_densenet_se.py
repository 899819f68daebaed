"""The DenseNet with squeeze-and-excitation."""

import pytest
import torch

from assignment_lib.data.attributes import TASKS
from assignment_lib.models import densenet_se


def test_squeeze_excitation_against_its_equation():
    block = densenet_se.SqueezeExcitation(16, reduction=4)
    features = torch.randn(2, 16, 5, 3)
    squeezed = features.mean(dim=(2, 3))
    first, second = block.gate[1], block.gate[3]
    excited = torch.relu(squeezed @ first.weight[:, :, 0, 0].T + first.bias) @ second.weight[:, :, 0, 0].T + second.bias
    assert torch.allclose(block(features), features * excited.sigmoid()[:, :, None, None], atol=1e-6)


@pytest.mark.parametrize("squeeze_excitation", [True, False])
def test_dense_block_appends_channels(squeeze_excitation):
    block = densenet_se.dense_block(8, 3, 4, squeeze_excitation)
    features = torch.randn(2, 8, 6, 4)
    output = block(features)
    assert output.shape == (2, 20, 6, 4)
    assert torch.equal(output[:, :8], features) != squeeze_excitation  # the gate scales the input's channels
    assert densenet_se.transition(20, 10)(output).shape == (2, 10, 3, 2)


def test_network_has_one_trained_head_per_task():
    network = densenet_se.MultiHeadDenseNet()
    output = network(torch.rand(2, 3, 128, 64))
    assert output.pid is None and output.embedding.shape == (2, network.embedding_size)
    assert {task: len(logits[0]) for task, logits in output.attributes.items()} == {t: len(c) for t, c in TASKS.items()}
    sum(logits.sum() for logits in output.attributes.values()).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
