"""A CUDA GPU computes what the CPU computes, and trains in mixed precision. Skipped without a GPU."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from random_data import PEOPLE, random_data, small_network
from torch.utils._pytree import tree_leaves

from assignment_lib import environment
from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, augment, only
from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.batches.sampling import SAMPLERS, sampler_and_weights
from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import predict
from assignment_lib.evaluation.reid_scores import reid_scores
from assignment_lib.losses import identity, multitask
from assignment_lib.losses.objective import Objective, ObjectiveSettings
from assignment_lib.models.densenet_se import MultiHeadDenseNet
from assignment_lib.retrieval.ranking import rank
from assignment_lib.retrieval.reranking import rerank
from assignment_lib.training import checkpoints, loop
from assignment_lib.training.recipes import TrainingSettings

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def exact():
    """Convolutions in float32, not in TF32."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def tensors(thing):
    return [part for part in tree_leaves(thing) if isinstance(part, torch.Tensor)]


def assert_same(on_gpu, on_cpu, everything_on_gpu=True, **tolerance):
    assert not everything_on_gpu or all(part.device == GPU for part in tensors(on_gpu))
    for ours, wanted in zip(tensors(on_gpu), tensors(on_cpu), strict=True):
        torch.testing.assert_close(ours.detach().cpu(), wanted.detach(), **({"rtol": 1e-3, "atol": 1e-4} | tolerance))


@pytest.mark.parametrize(
    "build",
    [
        *(lambda head=head: small_network(head=head) for head in ("conv", "fc", "attention", "parts")),
        *(lambda kind=kind: small_network(embedding=kind) for kind in ("concatenated", "reweighted")),
        lambda: small_network(neck="bn", last_stride=1, frozen_stages=1, logit_adjustment=0.5),
        MultiHeadDenseNet,
    ],
    ids=["conv", "fc", "attention", "parts", "concatenated", "reweighted", "neck", "densenet"],
)
def test_networks(build):
    torch.manual_seed(0)
    network = build().eval()
    images = random_data(6)[0].float() / 255
    wanted = tuple(network(images))
    assert_same(tuple(network.to(GPU)(images.to(GPU))), wanted)


@pytest.mark.parametrize("kind", ["triplet", "centroid", "center", "island"])
@pytest.mark.parametrize("mining", ["all", "semihard", "hard"])
def test_identity_losses(kind, mining):
    embedding, pids = torch.randn(12, 8, generator=torch.Generator().manual_seed(0)), torch.arange(12) // 3
    results = []
    for device in (GPU, CPU):
        torch.manual_seed(0)
        loss = identity.identity_loss(kind, 4, 8, mining=mining).to(device)
        values = embedding.to(device, copy=True).requires_grad_()
        value = loss(values, pids.to(device))
        value.backward()
        results.append((value, values.grad, list(loss.buffers())))
    assert_same(*results)


@pytest.mark.parametrize("weighting", multitask.MULTITASKS)
def test_the_whole_objective(weighting):
    images, attributes, pids = random_data(8)
    attributes[0, 0] = -1  # unknown
    settings = ObjectiveSettings(multitask=weighting, label_smoothing=0.1)
    results = []
    for device in (GPU, CPU):
        torch.manual_seed(0)
        network = small_network(dropout=0.0, neck="bn").to(device)
        weights = {task: torch.rand(len(classes)) for task, classes in TASKS.items()}
        objective = Objective(settings, weights, PEOPLE, network.embedding_size).to(device)
        batch = Batch(images.to(device) / 255, attributes.to(device), pids.to(device), torch.arange(8, device=device))
        total, losses, named = objective(network(batch.images), batch)
        total.backward()
        results.append((total, losses, named, [parameter.grad for parameter in objective.parameters()]))
    assert_same(*results)


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("free", [2**34, 2**10], ids=["stored on the GPU", "stored in memory"])
def test_samplers_and_loader(kind, free, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))
    images, attributes, pids = random_data()
    epochs = []
    for device in (GPU, CPU):
        generator = torch.Generator().manual_seed(3)
        sampler, _ = sampler_and_weights(kind, attributes, pids, 8, generator)
        targets = {"attributes": attributes, "pids": pids}
        batches = Batches(images, sampler, 8, device, **targets, augmentation=Augmentation(), generator=generator)
        epochs.append([tuple(batch) for batch in batches])
    assert len(epochs[0]) == 5
    assert_same(*epochs)


@pytest.mark.parametrize("name", [*TRANSFORMS, "all"])
def test_augmentation(name):
    """Random numbers are drawn on the CPU, so the same seed gives the same images on every device."""
    settings = Augmentation() if name == "all" else only(name)
    images = random_data(8)[0]
    assert_same(*(augment(images.to(device), settings, torch.Generator().manual_seed(5)) for device in (GPU, CPU)))


def fitted(folder, device, epochs=2, **settings):
    environment.seed_everything(0)
    images, attributes, pids = random_data()
    network = small_network(dropout=0.0).to(device)
    weights = {task: torch.ones(len(classes)) for task, classes in TASKS.items()}
    objective = Objective(ObjectiveSettings(), weights, PEOPLE, network.embedding_size).to(device)
    batches = Batches(
        images, range(40), 8, device, attributes=attributes, pids=pids, generator=torch.Generator().manual_seed(1)
    )
    settings = TrainingSettings(epochs=epochs, **({"amp": "off"} | settings))
    history = loop.fit(network, objective, batches, None, settings, folder, log=lambda line: None)
    return network, history


def test_training_is_that_of_the_cpu(tmp_path):
    """Only the first epoch and at a small rate: AdamW turns rounding errors into whole steps."""
    (_, ours), (_, wanted) = (fitted(tmp_path / device.type, device, 1, learning_rate=1e-5) for device in (GPU, CPU))
    columns = [name for name in ours if name.startswith("loss")]
    np.testing.assert_allclose(ours[columns], wanted[columns], rtol=1e-3)


@pytest.mark.parametrize("amp", ["auto", "float16", "bfloat16"])
def test_mixed_precision_trains_and_resumes(tmp_path, amp):
    _, whole = fitted(tmp_path / "whole", GPU, 3, amp=amp)
    fitted(tmp_path / "parts", GPU, 1, amp=amp)
    network, resumed = fitted(tmp_path / "parts", GPU, 3, amp=amp)
    assert whole["loss"].iloc[-1] < whole["loss"].iloc[0]
    np.testing.assert_allclose(resumed["loss"], whole["loss"], rtol=0.05)
    assert set(whole["amp"]) == {amp} or amp == "auto"
    best = checkpoints.load(tmp_path / "parts" / "best.pt")["model"]
    assert all(value.device == CPU for value in best.values()), "a GPU's checkpoint loads on the CPU"
    on_cpu = small_network()
    on_cpu.load_state_dict(best)
    images = random_data(6)[0]
    ours, wanted = predict(network, images).embeddings, predict(on_cpu, images).embeddings
    torch.testing.assert_close(ours, wanted, rtol=1e-2, atol=1e-2)


def test_searches():
    gallery = F.normalize(torch.randn(40, 6, generator=torch.Generator().manual_seed(0)))
    query = gallery[:9].clone()
    labels = np.arange(9) % 4, np.arange(40) % 5 - 1, np.zeros(9, int), np.arange(40) % 3
    ours, wanted = (reid_scores(query.to(d), gallery.to(d), *labels).as_dict() for d in (GPU, CPU))
    assert ours == pytest.approx(wanted)
    assert_same(*(rank(query.to(d), gallery.to(d)).similarity for d in (GPU, CPU)), everything_on_gpu=False)
    distances = [torch.as_tensor(rerank(query.to(d), gallery.to(d), 5, 2)) for d in (GPU, CPU)]
    assert_same(*distances, everything_on_gpu=False)
