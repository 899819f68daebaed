import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import DBSCAN

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import predict
from assignment_lib.retrieval import adaptation
from assignment_lib.retrieval.reranking import jaccard_neighbours, rerank
from assignment_lib.training import assembly
from assignment_lib.training.recipes import recipe

CPU = torch.device("cpu")


def people(count: int, images: int, noise: float = 0.1, seed: int = 0) -> torch.Tensor:
    """Embeddings of `count` people with `images` images each, person by person."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(count, 16, generator=generator).repeat_interleave(images, 0)
    return F.normalize(centres + noise * torch.randn(count * images, 16, generator=generator))


def test_jaccard_neighbours_are_the_near_pairs_of_the_re_ranking():
    embeddings = people(4, 10, noise=0.5)
    distances = jaccard_neighbours(embeddings, radius=0.8)
    everything = rerank(embeddings, embeddings, lambda_value=0.0, own=torch.arange(len(embeddings))).numpy()
    expected = np.where(everything < 0.8, np.maximum(everything, 1e-6), 0)
    np.testing.assert_allclose(distances.toarray(), expected, atol=1e-5)


def test_people_become_clusters():
    labels = adaptation.cluster(people(4, 25)).reshape(4, 25)
    assert (labels == labels[:, :1]).all() and sorted(labels[:, 0]) == [0, 1, 2, 3]


def test_clusters_are_those_of_the_dense_distances():
    embeddings = torch.cat([people(4, 25, noise=0.5), people(60, 1, seed=1)])
    dense = rerank(embeddings, embeddings, lambda_value=0.0, own=torch.arange(len(embeddings))).double()
    dense = dense.clamp(min=0).numpy()
    expected = DBSCAN(eps=0.55, min_samples=4, metric="precomputed").fit_predict(dense)
    assert -1 in expected and expected.max() > 1
    np.testing.assert_array_equal(adaptation.cluster(embeddings), expected)


@pytest.fixture(scope="module")
def tiny():
    return recipe("smoke", pretrained=False, image_size=(64, 32), distractors="none", sampler="identities", neck="bn")


@pytest.fixture(scope="module")
def split(few_data, tiny):
    return assembly.decoded_split(few_data, tiny)


def test_clusters_are_added_as_identities(split):
    count = len(split.validation)
    labels = np.full(count, -1)
    labels[[1, 2, 5]], labels[3] = 1, 0
    probabilities = {task: torch.zeros(count, len(classes)) for task, classes in TASKS.items()}
    probabilities["hat"][[1, 2, 5]] = torch.tensor([[0.4, 0.6], [0.4, 0.6], [0.9, 0.1]])  # mean: class 0
    probabilities["age"][3, 2] = 1
    parts = list(split.validation_images.split([2, count - 2]))
    extended = adaptation.with_clusters(split, split.validation, parts, labels, probabilities)
    added = extended.train[len(split.train) :]
    assert added["file"].tolist() == split.validation["file"].iloc[[1, 2, 3, 5]].tolist()
    assert torch.equal(extended.train_images[len(split.train) :], split.validation_images[[1, 2, 3, 5]])
    pids = added["pid"].tolist()
    assert pids[0] == pids[1] == pids[3] != pids[2] and min(pids) > split.train["pid"].max()
    assert min(pids) > split.validation["pid"].max()
    assert added["hat"].tolist()[:2] == [0, 0] and added["age"].tolist()[2] == 2
    pd.testing.assert_frame_equal(extended.train[: len(split.train)], split.train[list(added)], check_dtype=False)


@pytest.mark.slow
def test_a_round_starts_from_the_network_and_its_clusters(split, tiny, tmp_path, monkeypatch):
    training = assembly.joint(split, tiny, CPU)
    network, started, labelled = training.network.eval(), [], split.train["pid"].nunique()
    predictions = predict(network, split.validation_images)
    labels = np.arange(len(split.validation)) // 4
    monkeypatch.setattr(adaptation, "cluster", lambda embeddings: labels)
    run = assembly.run

    def noted(training, folder, log):
        started.append({name: value.clone() for name, value in training.network.state_dict().items()})
        return run(training._replace(settings=training.settings.__class__(epochs=1)), folder, log)

    monkeypatch.setattr(assembly, "run", noted)
    arguments = (tiny, split, split.validation, [split.validation_images], predictions, tmp_path, CPU)
    adapted = adaptation.adapt(network, *arguments, log=lambda line: None)
    before = network.state_dict()
    for name, value in before.items():
        if not name.startswith("pid_classifier"):
            assert torch.equal(started[0][name], value)
    weight = started[0]["pid_classifier.weight"]
    assert torch.equal(weight[:labelled], before["pid_classifier.weight"])
    mean = F.normalize(predictions.embeddings[:4].mean(0), dim=0)
    torch.testing.assert_close(F.normalize(weight[labelled], dim=0), mean)
    assert adapted.pid_classifier.out_features == labelled + labels.max() + 1 and not adapted.training

    # the same network goes on with the same clusters; another one, which starts anew, has its own
    monkeypatch.setattr(adaptation, "cluster", lambda embeddings: np.full(len(embeddings), -1))
    assert adaptation.adapt(network, *arguments, log=lambda line: None) is not network
    other_data = (tiny, split._replace(data_fingerprint="another gallery"), *arguments[2:])
    assert adaptation.adapt(network, *other_data, log=lambda line: None) is network
    with torch.no_grad():
        next(network.parameters()).add_(1)
    assert adaptation.adapt(network, *arguments, log=lambda line: None) is network
