"""Compared with a dense implementation, written loop by loop from the paper, on small cases."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from assignment_lib.data.attributes import TASKS
from assignment_lib.evaluation.predictions import Predictions
from assignment_lib.models.heads import LogitAdjustment
from assignment_lib.retrieval import reranking


def naive_weights(everything, k1, k2):
    """Zhong et al. 2017, equations 1 to 11, with sets and loops, and the distances as the authors' code scales them."""
    squared = torch.cdist(everything.double(), everything.double()).square()
    distance = (squared / squared.max(1, keepdim=True).values).numpy()
    count = len(distance)
    order = np.argsort(squared.numpy(), axis=1, kind="stable")

    def reciprocal(i, k):
        return {j for j in order[i, : k + 1] if i in order[j, : k + 1]}

    weights = np.zeros((count, count))
    for i in range(count):
        first = reciprocal(i, k1)
        widened = set(first)
        for j in first:
            others = reciprocal(j, round(k1 / 2))
            if len(others & first) > 2 / 3 * len(others):
                widened |= others
        for j in widened:
            weights[i, j] = np.exp(-distance[i, j])
        weights[i] /= weights[i].sum()
    return np.array([weights[order[i, :k2]].mean(0) for i in range(count)]), distance


def naive(query, gallery, k1, k2, lambda_value):
    """Zhong et al. 2017, equations 1 to 12."""
    expanded, distance = naive_weights(torch.cat([query, gallery]), k1, k2)
    queries, count = len(query), len(distance)
    result = np.zeros((queries, count - queries))
    for i in range(queries):
        for j in range(queries, count):
            least = np.minimum(expanded[i], expanded[j]).sum()
            most = np.maximum(expanded[i], expanded[j]).sum()
            result[i, j - queries] = (1 - lambda_value) * (1 - least / most) + lambda_value * distance[i, j]
    return result


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6), st.integers(12, 40), st.integers(2, 8), st.integers(1, 10), st.integers(1, 6),
    st.floats(0, 1), st.integers(0, 2**31),
)  # fmt: skip
def test_same_as_the_naive_implementation(queries, images, people, k1, k2, lambda_value, seed):
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(people, 8, generator=generator)
    embeddings = centres[torch.randint(0, people, (queries + images,), generator=generator)]
    embeddings = F.normalize(embeddings + 0.5 * torch.randn(queries + images, 8, generator=generator))
    query, gallery = embeddings[:queries], embeddings[queries:]
    k2 = min(k2, k1 + 1)
    distances = reranking.rerank(query, gallery, k1, k2, lambda_value)
    assert distances.dtype == torch.float32 and distances.shape == (queries, images)
    np.testing.assert_allclose(distances.numpy(), naive(query, gallery, k1, k2, lambda_value), atol=1e-4)


def drawn(images, size=8, seed=0):
    return F.normalize(torch.randn(images, size, generator=torch.Generator().manual_seed(seed)))


def test_chunk_sizes_do_not_change_the_distances(monkeypatch):
    embeddings = drawn(60)
    whole = reranking.rerank(embeddings[:10], embeddings[10:], k1=6, k2=3)
    monkeypatch.setattr(reranking, "_CHUNK_BYTES", 4 * 60 * 7)
    monkeypatch.setattr(reranking, "_PAIRS", 5)
    torch.testing.assert_close(reranking.rerank(embeddings[:10], embeddings[10:], k1=6, k2=3), whole)


def test_numpy_and_half_precision():
    query, gallery = drawn(3), drawn(40, seed=1)
    assert torch.equal(reranking.rerank(query.numpy(), gallery.numpy()), reranking.rerank(query, gallery))
    rounded = reranking.rerank(query.half().float(), gallery.half().float())
    assert torch.equal(reranking.rerank(query.half(), gallery.half().numpy()), rounded)


def test_duplicate_and_identical_images():
    embeddings = drawn(5, 4, seed=1)
    distances = reranking.rerank(embeddings[:2], embeddings.repeat(6, 1), k1=4, k2=2)
    assert distances.isfinite().all() and (distances > -1e-5).all()
    distances = reranking.rerank(torch.ones(2, 4) / 2, torch.ones(30, 4) / 2)
    assert distances.isfinite().all() and (distances == distances[0, 0]).all()


@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (3, 0), (3, 5)])
def test_neighbourhoods_that_do_not_fit_are_refused(k1, k2):
    with pytest.raises(ValueError, match="do not fit 7 images") as error:
        reranking.rerank(drawn(2), drawn(5, seed=1), k1, k2)
    assert "k1=6, k2=6" in str(error.value)
    assert reranking.rerank(drawn(2), drawn(5, seed=1), k1=6, k2=6).shape == (2, 5)


@pytest.mark.parametrize("own", [[4, 1, 9], [-1, 7, -1], [-1, -1, -1]])
def test_queries_that_are_in_the_gallery_count_once(own):
    query, gallery, own = drawn(3, 5, seed=4), drawn(14, 5, seed=3), torch.tensor(own)
    inside = own >= 0
    query[inside] = gallery[own[inside]]
    distances = reranking.rerank(query, gallery, 5, 2, own=own)
    others = [i for i in range(14) if i not in own]
    torch.testing.assert_close(distances[:, others], reranking.rerank(query, gallery[others], 5, 2))
    assert (distances[inside, own[inside]] < 1e-5).all()


@pytest.mark.parametrize("images", [2, 3, 7, 30])
def test_scores_with_few_images(images):
    gallery, own = drawn(images), torch.arange(images)
    scores = reranking.reranked_scores(gallery, gallery, own)
    assert scores.shape == (images, images) and (scores[own, own] > 1 - 1e-4).all()
    assert (scores > -1e-4).all() and (scores < 1 + 1e-4).all()


def predictions_of(embeddings, tasks):
    generator = torch.Generator().manual_seed(len(embeddings))
    drawn_probabilities = {
        task: torch.randn(len(embeddings), len(names), generator=generator).softmax(1) for task, names in tasks.items()
    }
    return Predictions(embeddings, drawn_probabilities)


@pytest.mark.parametrize("images", [2, 5, 40])
def test_attributes_are_averaged_with_the_naive_weights(images):
    predictions = predictions_of(drawn(images), TASKS)
    averaged = reranking.with_neighbours(predictions)
    weights, _ = naive_weights(predictions.embeddings, *reranking.neighbourhood(images).values())
    for task, values in averaged.probabilities.items():
        assert values.dtype == torch.float32
        np.testing.assert_allclose(values, weights @ predictions.probabilities[task].numpy(), atol=1e-5)
    assert torch.equal(averaged.embeddings, predictions.embeddings)


def test_an_image_without_neighbours_keeps_its_attributes():
    predictions = predictions_of(drawn(1), TASKS)
    averaged = reranking.with_neighbours(predictions)
    for task, values in predictions.probabilities.items():
        torch.testing.assert_close(averaged.probabilities[task], values)


def test_the_logit_adjustment_is_applied_after_the_average():
    hat = {"hat": TASKS["hat"]}
    priors = {"hat": torch.tensor([0.9, 0.1])}
    adjustment = LogitAdjustment(hat, 0.6, priors)
    raw = predictions_of(drawn(8), hat)
    logits = adjustment({"hat": raw.probabilities["hat"].log()})
    adjusted = raw._replace(probabilities={"hat": logits["hat"].softmax(1)})
    mixed = reranking.with_neighbours(adjusted, adjustment)
    by_hand = reranking.with_neighbours(raw).probabilities["hat"] / priors["hat"] ** 0.6
    torch.testing.assert_close(mixed.probabilities["hat"], by_hand / by_hand.sum(1, keepdim=True))
