"""The branches for "cuda" without a GPU, under torch's `FakeTensorMode`: shapes, dtypes and devices without values.

Operations that depend on values, and backward passes, are not possible here; `test_on_gpu.py` has both.
"""

import logging

import pytest
import torch
from random_data import random_data, small_network
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves

from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import predict
from assignment_lib.losses import multitask
from assignment_lib.losses.objective import Objective, ObjectiveSettings
from assignment_lib.models.joint import JointConvNet

pytestmark = pytest.mark.slow  # the first fake tensor imports sympy and more: 2 to 5 s

CUDA = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def fake():
    # without this, torch prints the errors that pytest.raises expects
    logging.getLogger("torch._subclasses.fake_tensor").setLevel(logging.CRITICAL)
    with FakeTensorMode() as mode:
        yield mode


def on_cuda(thing):
    return {part.device for part in tree_leaves(thing) if isinstance(part, torch.Tensor)} == {CUDA}


def built(build):
    """A module whose tensors are created on the GPU; `module.to` cannot replace fake parameters."""
    with CUDA:
        return build()


@pytest.mark.parametrize(
    "options",
    [
        *({"head": head} for head in ("conv", "fc", "attention", "parts")),
        *({"embedding": kind} for kind in ("concatenated", "reweighted")),
        {"neck": "bn", "last_stride": 1, "frozen_stages": 1, "logit_adjustment": 1.0},
        {"n_pids": 0, "attributes": False},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_joint_networks(options, monkeypatch):
    monkeypatch.setattr(JointConvNet, "image_size", (64, 32))  # the values of a fake tensor cannot be read
    network = built(lambda: small_network(**options))
    for training in (True, False):
        output = network.train(training)(torch.rand(4, 3, 64, 32, device="cuda"))
        assert on_cuda(tuple(output)) and output.embedding.shape == (4, network.embedding_size)
    predictions = predict(network, torch.zeros(5, 3, 64, 32, dtype=torch.uint8), batch_size=2, flip=True)
    assert {part.device.type for part in tree_leaves(tuple(predictions))} == {"cpu"}
    assert len(predictions.embeddings) == 5


@pytest.mark.parametrize("weighting", multitask.MULTITASKS)
@pytest.mark.parametrize("kind", ["centroid", "center", "island", "none"])
def test_the_whole_objective(weighting, kind):
    """Except for triplets, whose number depends on the PIDs."""
    settings = ObjectiveSettings(identity_loss=kind, multitask=weighting)
    network = built(lambda: small_network("test_resnet"))
    weights = {task: torch.ones(len(classes), device="cuda") for task, classes in TASKS.items()}
    objective = built(lambda: Objective(settings, weights, 5, network.embedding_size))
    zeros = {"dtype": torch.int64, "device": "cuda"}
    images = torch.rand(4, 3, 64, 32, device="cuda")
    batch = Batch(images, torch.zeros(4, 12, **zeros), torch.zeros(4, **zeros), torch.zeros(4, **zeros))
    assert on_cuda(objective(network(batch.images), batch)) and on_cuda(list(objective.buffers()))


@pytest.mark.parametrize("free", [2**34, 2**10], ids=["enough memory", "too little memory"])
def test_the_loader_of_a_gpu(monkeypatch, free):
    """Images stay on a GPU with enough memory, and otherwise go there through page-locked memory."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))
    images, attributes, pids = (torch.zeros_like(part) for part in random_data(10))
    batches = Batches(images, range(10), 4, "cuda", attributes=attributes, pids=pids)
    assert batches.images.device.type == ("cuda" if free > 2**20 else "cpu")
    for batch in batches.over(torch.arange(10)):
        assert on_cuda(tuple(batch)) and batch.images.dtype == torch.float32
