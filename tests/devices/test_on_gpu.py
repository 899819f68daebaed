"""Every part that takes tensors of a device works where they are, and gives what it gives on the CPU.

With values, so also what `FakeTensorMode` cannot follow: triplets whose number hangs on the PIDs, the augmentation, which
asks its random numbers how many images each transform is for, and scores that are read back.
"""

import numpy as np
import pandas as pd
import pytest
import timm
import torch
import torch.nn.functional as F
from pretended_gpu import GPU, OnGpu
from small_run import BACKBONE, made_up, one_epoch, small_run
from torch.utils._pytree import tree_leaves, tree_map

from assignment_lib.batches.augment import augment
from assignment_lib.batches.augmentation import TRANSFORMS, Augmentation, only
from assignment_lib.batches.draws import draw_parameters
from assignment_lib.batches.loader import Batch, Batches
from assignment_lib.batches.samplers import SAMPLERS, sampler_and_weights
from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation import as_test, attribute_scores, baselines, calibration, predictions, reid_scores
from assignment_lib.losses import identity, multitask
from assignment_lib.losses.objective import Objective
from assignment_lib.models.densenet_se import MultiHeadDenseNet
from assignment_lib.models.joint import JointConvNet
from assignment_lib.retrieval import (
    expansion,
    imagenet,
    junk,
    mutual,
    normalisation,
    pair_scores,
    ranking,
    reranking,
    search,
    whitening,
)


def there(thing):
    """The tensors of a tuple, list or dict on the pretended GPU."""
    return tree_map(lambda part: part.to(GPU) if isinstance(part, torch.Tensor) else part, thing)


def back(thing):
    parts = [part for part in tree_leaves(thing) if part is not None]
    return [part.detach().cpu() if isinstance(part, torch.Tensor) else part for part in parts]


def on_one_device(thing):
    return all(isinstance(part, OnGpu) for part in tree_leaves(thing) if isinstance(part, torch.Tensor))


def assert_same(ours, wanted):
    for own, other in zip(back(ours), back(wanted), strict=True):
        np.testing.assert_allclose(np.asarray(own), np.asarray(other), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "build",
    [
        *(lambda head=head: JointConvNet(BACKBONE, 4, False, head=head) for head in ("conv", "fc", "attention", "parts")),
        *(lambda kind=kind: JointConvNet(BACKBONE, 4, False, embedding=kind) for kind in ("concatenated", "reweighted")),
        lambda: JointConvNet(BACKBONE, 4, False, neck="bn", pooling="gem", last_stride=1, frozen_stages=1),
        lambda: JointConvNet(BACKBONE, 4, False, logit_adjustment=0.5, attribute_gradient=0.5),
        lambda: JointConvNet(BACKBONE, 0, False, attributes=False),
        MultiHeadDenseNet,
    ],
    ids=["conv", "fc", "attention", "parts", "concatenated", "reweighted", "neck", "adjusted", "bare", "densenet"],
)  # fmt: skip
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_networks(gpu, build, training):
    results = []
    for device in (torch.device("cpu"), GPU):
        torch.manual_seed(0)
        network = build().to(device).train(training)
        images = made_up(6)[0].float().div(255)
        torch.manual_seed(1)  # of dropout
        output = network(images.to(device))
        sum(part.float().square().mean() for part in tree_leaves(tuple(output)) if part is not None).backward()
        gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        results.append((tuple(output), gradients))
    assert on_one_device(results[1])
    assert_same(results[1], results[0])


@pytest.mark.parametrize("kind", ["triplet", "centroid", "center", "island"])
@pytest.mark.parametrize("mining", ["all", "semihard", "hard"])
def test_identity_losses(gpu, kind, mining):
    """pytorch-metric-learning's too, which no fake tensor can be given: how many triplets there are is in the PIDs."""
    embedding, pids = torch.randn(12, 8, generator=torch.Generator().manual_seed(0)), torch.arange(12) // 3
    results = []
    for device in (torch.device("cpu"), GPU):
        torch.manual_seed(0)
        loss = identity.identity_loss(kind, 4, 8, mining=mining).to(device)
        values = embedding.clone().to(device).requires_grad_()
        value = loss(values, pids.to(device))
        value.backward()
        results.append((value, values.grad, list(loss.buffers())))
    assert on_one_device(results[1])
    assert_same(results[1], results[0])


@pytest.mark.parametrize("weighting", multitask.MULTITASKS)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_whole_objective(gpu, weighting, smoothing):
    """Class weights, what a wrapper remembers and what it learns stand beside the logits."""
    _, attributes, pids = made_up(8)
    attributes[0, 0] = -1  # unknown
    weights = {task: torch.rand(len(classes)) for task, classes in TASKS.items()}
    results = []
    for device in (torch.device("cpu"), GPU):
        torch.manual_seed(0)
        objective = Objective(
            weights, attribute_multitask=weighting, total_multitask=weighting, label_smoothing=smoothing
        ).to(device)
        network = JointConvNet(BACKBONE, 5, False, dropout=0.0, neck="bn").to(device)
        batch = Batch(
            made_up(8)[0].float().to(device), attributes.to(device), pids.to(device), torch.arange(8).to(device)
        )
        total, losses, named = objective(network(batch.images), batch)
        total.backward()
        state = [*objective.buffers(), *(parameter.grad for parameter in objective.parameters())]
        results.append((total, losses, named, state))
    assert on_one_device(results[1])
    assert_same(results[1], results[0])


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.parametrize("on_device", [True, False], ids=["stored there", "stored here"])
def test_samplers_and_loader(gpu, kind, on_device):
    images, attributes, pids = made_up()
    epochs = []
    for device in (torch.device("cpu"), GPU):
        generator = torch.Generator().manual_seed(3)
        sampler, weights = sampler_and_weights(kind, attributes, pids, 8, generator, torch.arange(40) % 3)
        assert not any(isinstance(value, OnGpu) for value in weights.values())  # the objective's `.to` moves them
        batches = Batches(
            images, sampler, 8, device, attributes=attributes, pids=pids, augmentation=Augmentation(),
            generator=generator, on_device=on_device,
        )  # fmt: skip
        epochs.append([tuple(batch) for batch in batches])
    assert on_one_device(epochs[1]) and len(epochs[1]) == 5
    assert_same(epochs[1], epochs[0])


@pytest.mark.parametrize("name", [*TRANSFORMS, "all"])
def test_augmentation(gpu, name):
    """The random numbers are the CPU's on every device, so one generator gives the same pictures."""
    settings = Augmentation() if name == "all" else only(name)
    images = made_up(8)[0]
    ours, wanted = (
        augment(images.to(device), settings, torch.Generator().manual_seed(5)) for device in (GPU, torch.device("cpu"))
    )
    assert on_one_device([ours])
    torch.testing.assert_close(ours.cpu(), wanted)
    drawn = draw_parameters(8, (32, 16), settings, torch.Generator().manual_seed(5))
    assert not any(isinstance(value, OnGpu) for value in vars(drawn).values())


def test_augmentation_waits_for_nothing(gpu):
    images = made_up(8)[0].to(GPU)
    gpu.waits.clear()
    augment(images, Augmentation(), torch.Generator().manual_seed(5))
    assert not gpu.waits


def test_an_epoch_of_training_is_that_of_the_cpu(gpu):
    """Loader, augmentation, forward, objective, backward, clipping, optimiser and average, with values.

    An epoch of one batch: AdamW makes a whole step of what is rounding, so that a second batch begins elsewhere.
    """
    epochs = [one_epoch(*small_run(device, ema_decay=0.9, count=8)) for device in (GPU, torch.device("cpu"))]
    for row in epochs:
        del row["images_per_second"], row["amp"]
    assert epochs[0] == pytest.approx(epochs[1], rel=1e-4)


QUERY_IDS, GALLERY_IDS = torch.arange(9) % 4, torch.arange(40) % 5 - 1
QUERY_CAMERAS, GALLERY_CAMERAS = torch.zeros(9, dtype=torch.int64), torch.arange(40) % 3
LABELS = QUERY_IDS, GALLERY_IDS, QUERY_CAMERAS, GALLERY_CAMERAS


def made_up_search():
    """Query `(9, 6)`, gallery `(40, 6)` whose first nine images are the queries, their places, and what a filter keeps."""
    generator = torch.Generator().manual_seed(0)
    gallery = F.normalize(torch.randn(40, 6, generator=generator))
    return gallery[:9].clone(), gallery, torch.arange(9), torch.rand(40, generator=generator) > 0.3


def made_up_probabilities():
    """Probabilities of the twelve tasks of 20 images, and their classes."""
    generator = torch.Generator().manual_seed(1)
    return (
        {task: torch.rand(20, len(classes), generator=generator).softmax(1) for task, classes in TASKS.items()},
        torch.stack([torch.randint(len(c), (20,), generator=generator) for c in TASKS.values()], dim=1),
    )


def scores_as_test(query, gallery):
    table = pd.DataFrame({"pid": GALLERY_IDS.numpy(), "camera": GALLERY_CAMERAS.numpy()})
    return as_test.as_test_scores(gallery, table, query)


def of_kind(kind):
    return lambda q, g, *_: pair_scores.pair_scores(kind, q @ g.T, pair_scores.gallery_side(q, g))


SEARCHES = {
    "reid_scores": lambda q, g, *_: reid_scores.reid_scores(q, g, *LABELS).as_dict(),
    "reid_scores, ids too": lambda q, g, *_: reid_scores.reid_scores(
        q, g, *(labels.to(q.device) for labels in LABELS)
    ).as_dict(),
    "reid_scores_within": lambda q, g, *_: reid_scores.reid_scores_within(g, GALLERY_IDS, GALLERY_CAMERAS).as_dict(),
    "reid_scores_from_distances": lambda q, g, *_: reid_scores.reid_scores_from_distances(
        1 - q @ g.T, *LABELS
    ).as_dict(),
    "as_test_scores": lambda q, g, *_: scores_as_test(q, g),
    "ranks": lambda q, g, *_: mutual.ranks(q @ g.T),
    "nearest_similarities": lambda q, g, *_: mutual.nearest_similarities(g, q, 10),
    "mutual_ranks": lambda q, g, *_: mutual.mutual_ranks(q @ g.T, mutual.nearest_similarities(g, q, 10)),
    "z_norm": lambda q, g, *_: normalisation.z_norm(q @ g.T),
    "s_norm": lambda q, g, *_: normalisation.s_norm(q @ g.T, *normalisation.gallery_cohort(g)),
    "similarity_blocks": lambda q, g, own, _: list(pair_scores.similarity_blocks(q, g, own)),
    "gallery_side": lambda q, g, own, _: pair_scores.gallery_side(q, g, own),
    **{f"pair_scores {kind}": of_kind(kind) for kind in pair_scores.SCORES},
    "reranked": lambda q, g, *_: pair_scores.reranked(q, g),
    "rerank": lambda q, g, *_: reranking.rerank(q, g, 5, 2),
    "rerank, own": lambda q, g, own, _: reranking.rerank(q, g, 5, 2, own=own),
    "reranked, own": lambda q, g, own, _: pair_scores.reranked(q, g, own),
    "expand_queries": lambda q, g, *_: expansion.expand_queries(q, g),
    "expand_queries, own": lambda q, g, own, _: expansion.expand_queries(q, g, own=own),
    "rank": lambda q, g, *_: ranking.rank(q, g),
    "rank, depth": lambda q, g, *_: ranking.rank(q, g, 5),
    "answers": lambda q, g, own, keep: ranking.answers(q, g, keep),
    "answers, expanded": lambda q, g, own, keep: ranking.answers(q, g, keep, 3),
    "answers, re-ranked": lambda q, g, own, keep: ranking.answers(q, g, keep, 3, True),
    "same_person": lambda q, g, own, keep: ranking.same_person(ranking.rank(q, g), 0.3, keep),
    # the sign of an axis is free
    "fit_whitening": lambda q, g, *_: whitening.fit_whitening(g)(q).abs(),
    "training_similarity": lambda q, g, *_: junk.training_similarity(q, g, GALLERY_IDS.numpy()),
    "training_similarity, own": lambda q, g, *_: junk.training_similarity(g, g, GALLERY_IDS.numpy(), True),
    "cut": lambda q, g, *_: junk.cut(q[:, 0]),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_searches(gpu, name):
    given = made_up_search()
    ours = SEARCHES[name](*there(given))
    # `rerank` says that it ends on the CPU, since its sparse part is scipy's
    assert on_one_device(ours) or name.startswith("rerank")
    assert_same(ours, SEARCHES[name](*made_up_search()))


ATTRIBUTES = {
    "attribute_scores": lambda p, t: attribute_scores.attribute_scores(t.roll(1, 0), t),
    "fit_temperatures": calibration.fit_temperatures,
    "calibrated": lambda p, t: calibration.calibrated(p, dict.fromkeys(TASKS, 2.0)),
    "reliability": lambda p, t: calibration.reliability(p, t).to_numpy(),
    "rank_by_attributes": lambda p, t: search.rank_by_attributes(p, search.parse("female, hat")),
    "majority_scores": lambda p, t: baselines.majority_scores(t, t),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes(gpu, name):
    assert_same(ATTRIBUTES[name](*there(made_up_probabilities())), ATTRIBUTES[name](*made_up_probabilities()))


def test_predictions_come_to_the_cpu(gpu):
    results = []
    for device in (torch.device("cpu"), GPU):
        torch.manual_seed(0)
        network = JointConvNet(BACKBONE, 4, False, head="parts").to(device)
        results.append(predictions.predict(network, made_up(10)[0], batch_size=4, flip=True))
    assert not any(isinstance(part, OnGpu) for part in tree_leaves(tuple(results[1])))
    assert_same(tuple(results[1]), tuple(results[0]))


def test_untrained_embeddings_and_imagenet_classes(gpu):
    images = made_up(5)[0]
    for look in (
        lambda device: baselines.untrained_embeddings(BACKBONE, images, pretrained=False, device=device, batch_size=2),
        lambda device: imagenet.class_evidence(timm.create_model(BACKBONE).eval().to(device), images, batch_size=2),
    ):
        results = []
        for device in (torch.device("cpu"), GPU):
            torch.manual_seed(0)
            results.append(look(device))
        assert not isinstance(results[1], OnGpu)
        assert_same(results[1], results[0])
