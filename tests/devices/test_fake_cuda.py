"""The same on "cuda" itself, as far as torch's `FakeTensorMode` goes: shapes, dtypes and devices without values.

torch's own rules of which devices mix, independent of those of `pretended_gpu.py`, and the branches for "cuda" alone. What
hangs on values is not possible here, nor is a backward pass; `test_on_gpu.py` has both.
"""

import logging

import pytest
import torch
from small_run import BACKBONE, made_up
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensorMode
from torch.utils._pytree import tree_leaves

from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import predict
from assignment_lib.losses import identity, multitask
from assignment_lib.losses.attribute import focal_loss
from assignment_lib.losses.objective import Objective
from assignment_lib.models.backbones import BACKBONES
from assignment_lib.models.densenet_se import MultiHeadDenseNet
from assignment_lib.models.joint import JointConvNet
from assignment_lib.retrieval.mutual import mutual_ranks, nearest_similarities
from assignment_lib.retrieval.normalisation import gallery_cohort, s_norm, z_norm
from assignment_lib.translation.generator import Translator, with_camera
from assignment_lib.translation.losses import TranslationObjective

pytestmark = pytest.mark.slow  # the first use of fake tensors imports sympy and more: 2 to 5 s

CUDA = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def fake():
    logging.getLogger("torch._subclasses.fake_tensor").setLevel(
        logging.CRITICAL
    )  # else it prints what pytest.raises awaits
    with FakeTensorMode() as mode:
        yield mode


def there(thing):
    devices = {part.device for part in tree_leaves(thing) if isinstance(part, torch.Tensor)}
    return devices == {CUDA}


def made(build):
    """A module whose tensors are made on the GPU; `module.to` cannot exchange fake parameters for others."""
    with CUDA:
        return build()


def test_devices_do_not_mix_here_either():
    with pytest.raises(RuntimeError, match=r"at least two devices|two different devices"):
        torch.ones(3, device="cuda") + torch.ones(3)


@pytest.mark.parametrize(
    "options",
    [
        *({"backbone_name": name} for name in BACKBONES),
        *({"head": head} for head in ("fc", "attention", "parts")),
        *({"embedding": kind} for kind in ("concatenated", "reweighted")),
        *({"head": head, "embedding": "reweighted", "neck": "bn", "pooling": "gem"} for head in ("attention", "parts")),
        {"last_stride": 1, "frozen_stages": 1},
        {"logit_adjustment": 1.0, "attribute_gradient": 0.0},
        {"n_pids": 0, "attributes": False},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_joint_networks(options):
    network = made(lambda: JointConvNet(**{"backbone_name": BACKBONE, "n_pids": 7, "pretrained": False} | options))
    for training in (True, False):
        output = network.train(training)(torch.rand(4, 3, 64, 32, device="cuda"))
        assert there(tuple(output)) and output.embedding.shape == (4, network.embedding_size)
    seen = predict(network, torch.zeros(5, 3, 64, 32, dtype=torch.uint8), batch_size=2, flip=True)
    assert {part.device.type for part in tree_leaves(tuple(seen))} == {"cpu"} and len(seen.embeddings) == 5


@pytest.mark.parametrize("squeeze_excitation", [True, False])
def test_densenet(squeeze_excitation):
    network = made(lambda: MultiHeadDenseNet(squeeze_excitation=squeeze_excitation))
    assert there(tuple(network(torch.rand(4, 3, 64, 32, device="cuda"))))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_attribute_and_pid_losses(dtype):
    logits = torch.randn(6, 4, device="cuda", dtype=dtype)
    target, weight = torch.zeros(6, dtype=torch.int64, device="cuda"), torch.ones(4, device="cuda")
    for loss in (
        focal_loss(logits, target, weight),
        focal_loss(logits, target),
        identity.pid_cross_entropy(logits, target, 0.1),
    ):
        assert there(loss) and loss.dtype == torch.float32


@pytest.mark.parametrize("kind", ["centroid", "center", "island"])
def test_identity_losses(kind):
    loss = made(lambda: identity.identity_loss(kind, 4, 8))
    value = loss(
        torch.randn(6, 8, device="cuda", dtype=torch.float16), torch.zeros(6, dtype=torch.int64, device="cuda")
    )
    assert there(value) and there(list(loss.buffers()) or value) and value.dtype == torch.float32


@pytest.mark.parametrize("mining", ["all", "semihard", "hard"])
def test_triplets_hang_on_values(mining):
    """How many there are is in the PIDs: no fake tensor knows. `test_on_gpu.py` gives them values."""
    with pytest.raises(DynamicOutputShapeException, match="nonzero"):
        identity.TripletMargin(mining=mining)(
            torch.randn(6, 8, device="cuda"), torch.zeros(6, dtype=torch.int64, device="cuda")
        )


@pytest.mark.parametrize("weighting", multitask.MULTITASKS)
@pytest.mark.parametrize("kind", ["centroid", "center", "island", "none"])
def test_the_whole_objective(weighting, kind):
    def build():
        weights = {task: torch.ones(len(classes)) for task, classes in TASKS.items()}
        loss = identity.identity_loss(kind, 7, 96)
        return Objective(
            weights,
            identity={} if loss is None else {kind: loss},
            attribute_multitask=weighting,
            total_multitask=weighting,
        )

    objective, network = made(build), made(lambda: JointConvNet("test_resnet", 7, False))
    zeros = {"dtype": torch.int64, "device": "cuda"}
    batch = Batch(
        torch.rand(4, 3, 64, 32, device="cuda"),
        torch.zeros(4, 12, **zeros),
        torch.zeros(4, **zeros),
        torch.zeros(4, **zeros),
    )
    assert there(objective(network(batch.images), batch)) and there(list(objective.buffers()))


@pytest.mark.parametrize("free", [2**34, 2**10], ids=["room", "no room"])
def test_the_loader_of_a_gpu(monkeypatch, free):
    """Images stay on a GPU with room for them, and go through page-locked memory to one without."""
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))
    images, attributes, pids = (torch.zeros_like(part) for part in made_up(10))
    batches = Batches(images, range(10), 4, "cuda", attributes=attributes, pids=pids)
    assert batches.images.device.type == ("cuda" if free > 2**20 else "cpu")
    for batch in batches.over(torch.arange(10)):
        assert there(tuple(batch)) and batch.images.dtype == torch.float32


def test_neighbours_of_neighbours():
    query, gallery = torch.randn(5, 8, device="cuda"), torch.randn(30, 8, device="cuda")
    similarity = query @ gallery.T
    assert there(mutual_ranks(similarity, nearest_similarities(gallery, query, 10)))
    assert there([z_norm(similarity), s_norm(similarity, *gallery_cohort(gallery))])


def test_a_translation():
    """The loop's own step but for the backward pass, with the batch of a translation."""
    network, objective = made(lambda: Translator(3, places=8)), made(lambda: TranslationObjective(3))
    images = with_camera(torch.rand(4, 3, 32, 16, device="cuda"), torch.arange(4, device="cuda") % 3, 3)
    batch = Batch(images, None, None, torch.arange(4, device="cuda"))
    output = network.train()(images)
    total, named, _ = objective(output, batch)
    assert there((tuple(output), total, list(named.values()))) and total.shape == ()
    assert there(network.eval()(images))


def test_styled_images_have_a_smoothing_on_the_device():
    pids = torch.arange(4, device="cuda")
    smoothing = torch.where(pids > 1, 0.1, 0.0)
    assert there(identity.pid_cross_entropy(torch.rand(4, 6, device="cuda"), pids, smoothing))
